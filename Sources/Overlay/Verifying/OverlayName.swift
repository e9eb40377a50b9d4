/// A name of an overlay's file by convention: `overlayfs_<kernel>_<content>.cpio.gz` or `<content>.overlay.cpio.gz`;
/// `.zst`, `.xz` or nothing in the place of `.gz`.
struct OverlayName {
  /// Of `overlayfs_<kernel>_<content>`: what follows the first underscore.
  private var kernelAndContent: Substring?
  /// What the name says of the compression; `nil` when it says nothing that is known.
  let compression: CompressionFormat?
  let followsConvention: Bool

  static let patterns =
    "overlayfs_<kernel>_<content>.cpio.gz nor <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz)"

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

  /// The kernel that the name gives; `nil` when it gives none.
  var kernel: String? {
    guard let kernelAndContent else { return nil }
    // The underscore of x86_64 is part of a release of Red Hat's.
    let parts = kernelAndContent.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count > 2, parts[0].hasSuffix("x86"), parts[1].hasPrefix("64") else {
      return parts.first.map(String.init)
    }
    return "\(parts[0])_\(parts[1])"
  }

  /// Whether the name gives that kernel's release, in full or up to a hyphen: `3.13.0-32` for `3.13.0-32-generic`.
  func gives(_ release: String) -> Bool {
    guard let kernelAndContent, let kernel else { return false }
    return kernelAndContent.hasPrefix(release + "_") || release.hasPrefix(kernel + "-")
  }

  /// Whether it can stand in a URL on a kernel's command line as it is; a comma separates two overlays there.
  static func fitsCommandLine(_ name: String) -> Bool {
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
