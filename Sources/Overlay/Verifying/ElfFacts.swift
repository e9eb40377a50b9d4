/// The facts of an ELF file that decide whether a node can run or load it (System V ABI, chapters 4 and 5).
struct ElfFacts: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// A program or a library, which look alike to the loader.
    case loadable
    /// A kernel module or an object file.
    case relocatable
    /// Symbols of another file, a core file: nothing to run.
    case other
  }

  var machine: ElfMachine
  var kind: Kind
  /// The loader that the kernel starts for the program (`PT_INTERP`); a static program and a library have none.
  var interpreter: [UInt8]?
  /// Names of libraries (`DT_NEEDED`).
  var needed: [[UInt8]] = []
  /// Directories, as they stand in `DT_RPATH` and `DT_RUNPATH`.
  var rpath: [[UInt8]] = []
  var runpath: [[UInt8]] = []
  /// The library's own name (`DT_SONAME`).
  var name: [UInt8]?
  /// The release of the kernel that a module was built for (the first word of its `vermagic`).
  var moduleRelease: String?

  var isStatic: Bool { interpreter == nil && needed.isEmpty }
}

/// What a regular file of the overlay is, when somebody wants to run or load it.
enum FileNature: Hashable, Sendable {
  case empty
  case script(ScriptLine)
  case elf(ElfFacts)
  /// The file begins like an ELF file or is a module by its name, but cannot be run or loaded; why, as the rest of "it …".
  case damagedElf(String)
  case other
}
