import CELF

/// A kind of machine that nodes are.
public enum MachineArchitecture: String, Sendable, CaseIterable {
  case x8664 = "x86_64"
  case aarch64 = "aarch64"

  /// This machine's.
  public static var current: MachineArchitecture {
    #if arch(arm64)
      .aarch64
    #else
      .x8664
    #endif
  }

  /// - Parameter name: as `uname -m` or as Debian has it: `arm64` is `aarch64`, `amd64` is `x86_64`.
  public init?(named name: String) {
    switch name {
    case "x86_64", "amd64": self = .x8664
    case "aarch64", "arm64": self = .aarch64
    default: return nil
    }
  }

  /// The machine that its programs are built for.
  var native: ElfMachine {
    switch self {
    case .x8664: ElfMachine(number: EM_X86_64, is64Bit: true, isLittleEndian: true)
    case .aarch64: ElfMachine(number: EM_AARCH64, is64Bit: true, isLittleEndian: true)
    }
  }

  /// Whether its kernel runs programs for `machine`: those for itself, and those for the 32-bit machine that came before it.
  func runs(_ machine: ElfMachine) -> Bool {
    guard machine.isLittleEndian else { return false }
    return switch self {
    case .x8664: machine.number == EM_X86_64 || machine.number == EM_386
    case .aarch64: machine.number == EM_AARCH64 || machine.number == EM_ARM
    }
  }
}

/// The machine that an ELF file is made for: the three fields of its header that a kernel and a loader look at.
struct ElfMachine: Hashable, Sendable, CustomStringConvertible {
  var number: Int32
  var is64Bit: Bool
  var isLittleEndian: Bool

  /// As `uname -m` and Debian name the common ones.
  var description: String {
    let name =
      switch number {
      case EM_X86_64: is64Bit ? "x86_64" : "x32"
      case EM_386: "i386"
      case EM_AARCH64: "aarch64"
      case EM_ARM: "arm"
      case EM_PPC64: "ppc64"
      case EM_RISCV: "riscv"
      case EM_S390: "s390"
      case EM_MIPS: "mips"
      default: "machine number \(number)"
      }
    return isLittleEndian || number == EM_PPC64 || number == EM_S390 || number == EM_MIPS
      ? name : "\(name) (big-endian)"
  }

  /// Debian's name of its libraries' directories, and the names that others use.
  var libraryNames: (triplet: String, plain: String)? {
    switch (number, is64Bit) {
    case (EM_X86_64, true): ("x86_64-linux-gnu", "lib64")
    case (EM_X86_64, false): ("x86_64-linux-gnux32", "libx32")
    case (EM_386, false): ("i386-linux-gnu", "lib32")
    case (EM_AARCH64, true): ("aarch64-linux-gnu", "lib64")
    case (EM_ARM, false): ("arm-linux-gnueabihf", "lib32")
    default: nil
    }
  }
}
