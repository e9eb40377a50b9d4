/// What matters of an ELF file for the question whether a node can run it (System V ABI, chapters 4 and 5).
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
  /// The loader that the kernel starts for it (`PT_INTERP`); a static program and a library have none.
  var interpreter: [UInt8]?
  /// Names of libraries (`DT_NEEDED`).
  var needed: [[UInt8]] = []
  /// Directories, as they stand in `DT_RPATH` and `DT_RUNPATH`.
  var rpath: [[UInt8]] = []
  var runpath: [[UInt8]] = []
  /// What it is called as a library (`DT_SONAME`).
  var name: [UInt8]?
  /// Of a kernel module: the release of the kernel that it was built for (the first word of its `vermagic`).
  var moduleRelease: String?

  var isStatic: Bool { interpreter == nil && needed.isEmpty }
}

/// What a regular file of the overlay is, as far as running it goes.
enum FileNature: Hashable, Sendable {
  case empty
  case script(ScriptLine)
  case elf(ElfFacts)
  /// It begins like an ELF file, but what follows makes no sense.
  case damagedElf(String)
  case other
}
