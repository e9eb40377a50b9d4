import SystemFiles

/// How an archive is compressed.
public enum CompressionFormat: String, Sendable, CaseIterable {
  case gzip, zstd, xz, none

  /// The level that is used when none is given. For zstd and xz it is the highest that needs less than 64 MiB of memory.
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

  /// The format of a file that begins with these bytes; `nil` when it is none of these formats and no cpio archive either.
  init?(magic: [UInt8]) {
    switch true {
    case magic.starts(with: [0x1F, 0x8B]): self = .gzip
    case magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): self = .zstd
    case magic.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]): self = .xz
    case magic.starts(with: Array("07070".utf8)): self = .none
    default: return nil
    }
  }

  /// How an archive of that name is to be compressed.
  ///
  /// - Parameters:
  ///   - path: its ending says the format: `.gz`, `.zst` or `.xz`. Other names say nothing.
  ///   - chosen: what the user asked for, if anything.
  ///   - standard: for a name that says nothing, when nothing was asked for; `nil` for gzip, or for no compression when the
  ///     name ends in `.cpio`.
  /// - Throws: when the name and what the user asked for contradict each other.
  public init(
    named path: String, chosen: CompressionFormat?, otherwise standard: CompressionFormat? = nil
  ) throws(OverlayError) {
    let name = Path.split(path).name.utf8
    let dot = name.lastIndex(of: UInt8(ascii: "."))
    let ending = dot.map { String(decoding: name[name.index(after: $0)...], as: UTF8.self) } ?? ""
    if let format = Self.endings[ending] {
      guard chosen == nil || chosen == format else {
        throw OverlayError(
          "\(path): the name says \(format.rawValue), but --compression says \(chosen?.rawValue ?? ""); change one of them"
        )
      }
      self = format
      return
    }
    guard !Self.otherEndings.contains(ending) else {
      throw OverlayError(
        "\(path): overlays are not compressed as .\(ending) says; use .gz, .zst or .xz, or .cpio for no compression")
    }
    self = chosen ?? standard ?? (ending == "cpio" ? .none : .gzip)
  }

  private static let endings: [String: CompressionFormat] = ["gz": .gzip, "zst": .zstd, "xz": .xz]
  /// Of formats that the packer does not write.
  private static let otherEndings: Set<String> = ["bz2", "lz4", "lzma", "lzo", "zip", "Z"]
}
