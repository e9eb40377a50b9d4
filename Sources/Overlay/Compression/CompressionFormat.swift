/// How an archive is compressed.
public enum CompressionFormat: String, Sendable, CaseIterable {
  case gzip, zstd, xz, none

  /// What is used when nobody says: the last level that needs less than 64 MiB of memory, for zstd and xz.
  public var defaultLevel: Int {
    switch self {
    case .gzip: 6
    case .zstd: 11
    case .xz: 3
    case .none: 0
    }
  }

  public var levels: ClosedRange<Int> {
    switch self {
    case .gzip: 1...12
    case .zstd: 1...19
    case .xz: 0...9
    case .none: 0...0
    }
  }

  /// Of the first bytes of a file; `nil` when they are none of these, and no cpio archive either.
  init?(magic: [UInt8]) {
    switch true {
    case magic.starts(with: [0x1F, 0x8B]): self = .gzip
    case magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): self = .zstd
    case magic.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]): self = .xz
    case magic.starts(with: Array("07070".utf8)): self = .none
    default: return nil
    }
  }
}
