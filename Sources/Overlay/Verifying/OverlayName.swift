/// A name of an overlay's file by convention: `overlayfs_<kernel>_<content>.cpio.gz` or `<content>.overlay.cpio.gz`;
/// `.zst`, `.xz` or nothing in the place of `.gz`.
public struct OverlayName {
  /// What follows the first underscore in `overlayfs_<kernel>_<content>`.
  private var kernelAndContent: Substring?
  /// The compression by the name's end; `nil` for a name that does not end in `.cpio` with a known suffix.
  let compression: CompressionFormat?
  let followsConvention: Bool

  static let patterns =
    "overlayfs_<kernel>_<content>.cpio.gz nor <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz)"

  /// The name for an overlay.
  ///
  /// - Parameters:
  ///   - content: what the overlay is for.
  ///   - kernel: the release of the only kernel that it works with, if it has modules.
  public static func conventional(_ content: String, kernel: String?, _ compression: CompressionFormat) -> String {
    let ending =
      switch compression {
      case .gzip: ".cpio.gz"
      case .zstd: ".cpio.zst"
      case .xz: ".cpio.xz"
      case .none: ".cpio"
      }
    return kernel.map { "overlayfs_\($0)_\(content)\(ending)" } ?? "\(content).overlay\(ending)"
  }

  init(_ name: String) {
    let extensions: [(String, CompressionFormat)] = [(".gz", .gzip), (".zst", .zstd), (".xz", .xz), ("", .none)]
    let match = extensions.first { name.hasSuffix(".cpio" + $0.0) }
    compression = match?.1
    guard let match else {
      followsConvention = false
      return
    }
    let stem = name.dropLast(".cpio".utf8.count + match.0.utf8.count)
    if stem.hasSuffix(".overlay"), stem.utf8.count > ".overlay".utf8.count {
      followsConvention = true
      return
    }
    let rest = stem.dropFirst("overlayfs_".utf8.count)
    // A kernel's release begins with its version; "overlayfs_all_files" names none.
    guard stem.hasPrefix("overlayfs_"), let underscore = rest.firstIndex(of: "_"), rest.first?.isNumber == true,
      rest[..<underscore].contains("."), rest.index(after: underscore) < rest.endIndex
    else {
      followsConvention = false
      return
    }
    kernelAndContent = rest
    followsConvention = true
  }

  /// The kernel in the name; `nil` when there is none.
  var kernel: String? {
    guard let kernelAndContent else { return nil }
    // In a kernel release of Red Hat's, as 3.10.0-1160.el7.x86_64, one underscore belongs to the release.
    let parts = kernelAndContent.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count > 2, parts[0].hasSuffix("x86"), parts[1].hasPrefix("64") else {
      return parts.first.map(String.init)
    }
    return "\(parts[0])_\(parts[1])"
  }

  /// Whether the kernel in the name is that release, in full or up to a hyphen: `3.13.0-32` for `3.13.0-32-generic`.
  func gives(_ release: String) -> Bool {
    guard let kernelAndContent, let kernel else { return false }
    return kernelAndContent.hasPrefix(release + "_") || release.hasPrefix(kernel + "-")
  }

  /// Whether a name can stand in a URL on a kernel's command line without escapes. A comma cannot: it separates overlays.
  public static func fitsCommandLine(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.hasPrefix("-")
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "._-+~@".utf8.contains(byte)
        }
      }
  }
}
