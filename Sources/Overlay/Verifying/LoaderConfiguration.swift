import Glibc

/// The directories whose libraries ldconfig puts into the loader's cache: those in `/etc/ld.so.conf` and in the files that it
/// includes (ldconfig(8)).
struct LoaderConfiguration {
  /// In the order of the configuration.
  private(set) var directories: [[UInt8]] = []

  private static let file = Array("etc/ld.so.conf".utf8)
  private static let deepest = 8

  /// Whether a file of the overlay can be a part of the configuration.
  static func mayInclude(_ path: OverlayPath) -> Bool {
    path.bytes == file || path.bytes.starts(with: "etc/ld.so.conf.d/".utf8)
  }

  /// - Parameter contents: of a file of the merged tree.
  init(_ tree: MergedTree, contents: (MergedTree.Node) throws(OverlayError) -> [UInt8]) throws(OverlayError) {
    try include(Array("/".utf8) + Self.file, tree, depth: 0, contents)
  }

  private mutating func include(
    _ path: [UInt8], _ tree: MergedTree, depth: Int, _ contents: (MergedTree.Node) throws(OverlayError) -> [UInt8]
  ) throws(OverlayError) {
    guard depth < Self.deepest, case .found(let node) = tree.resolve(path), node.kind == .file else { return }
    for line in try contents(node).split(separator: UInt8(ascii: "\n")) {
      let words = line.prefix { $0 != UInt8(ascii: "#") }.split { " \t\r,:".utf8.contains($0) }
      guard let first = words.first else { continue }
      if first.elementsEqual("include".utf8) {
        for pattern in words.dropFirst() {
          for file in Self.matches(of: Array(pattern), besides: path, tree) {
            try include(file, tree, depth: depth + 1, contents)
          }
        }
      } else if !first.elementsEqual("hwcap".utf8) {
        // A word may end in a type of libraries, as in "/lib=libc6".
        directories += words.map { word in Array(word.prefix { $0 != UInt8(ascii: "=") }) }.filter {
          $0.first == UInt8(ascii: "/") && !directories.contains($0)
        }
      }
    }
  }

  /// The files that a pattern names; only its last component may have wildcards.
  private static func matches(of pattern: [UInt8], besides file: [UInt8], _ tree: MergedTree) -> [[UInt8]] {
    let slash = UInt8(ascii: "/")
    let absolute = pattern.first == slash ? pattern : Array(file[...(file.lastIndex(of: slash) ?? 0)]) + pattern
    guard let cut = absolute.lastIndex(of: slash) else { return [] }
    let (directory, wild) = (absolute[...cut], absolute[(cut + 1)...])
    guard case .found(let node) = tree.resolve(directory), node.kind == .directory else { return [] }
    let text = String(decoding: wild, as: UTF8.self)
    return tree.names(in: node.path).filter { fnmatch(text, String(decoding: $0, as: UTF8.self), FNM_PERIOD) == 0 }
      .map { Array(directory) + $0 }
  }
}
