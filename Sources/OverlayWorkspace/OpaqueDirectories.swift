import CLinux
import Glibc
import Overlay

/// Opaque directories of an overlay, which overlayfs marks with an attribute that an archive cannot hold (``HiddenNames``).
enum OpaqueDirectories {
  private static let attribute = "trusted.overlay.opaque"

  /// Replaces the attributes by whiteouts, in a directory that overlayfs has written to.
  static func expand(in upper: Tree, over base: some BaseListing) throws(OverlayError) {
    let marked = try marked(in: upper)
    guard !marked.isEmpty else { return }
    var present: [OverlayPath: Bool] = [:]
    try walk(upper) { path, status in present[path] = status.isDirectory }
    for path in try whiteouts(hiding: marked, present: present, base: base) {
      try upper.keepingTime(of: path.parent ?? .root) { () throws(OverlayError) in
        try check("note in the overlay that \(path) is gone") { mknod(upper.systemName(path), S_IFCHR, 0) }
      }
    }
    for path in marked {
      try check("remove overlayfs's attribute from \(path)") {
        lremovexattr(upper.systemName(path), attribute)
      }
    }
  }

  /// The names of the base image that opaque directories hide.
  ///
  /// - Parameters:
  ///   - opaque: those directories.
  ///   - present: everything in the overlay, and whether it is a directory.
  static func whiteouts(
    hiding opaque: [OverlayPath], present: [OverlayPath: Bool], base: some BaseListing
  ) throws(OverlayError) -> [OverlayPath] {
    try HiddenNames.under(opaque, isDirectory: { present[$0] }) { (directory) throws(OverlayError) -> [[UInt8]] in
      guard base.entry(at: directory)?.isDirectory == true else { return [] }
      return try base.names(in: directory).filter { base.entry(at: directory.appending($0)) != nil }
    }
  }

  private static func marked(in upper: Tree) throws(OverlayError) -> [OverlayPath] {
    var marked: [OverlayPath] = []
    try walk(upper) { path, status in
      var value: UInt8 = 0
      if status.isDirectory, lgetxattr(upper.systemName(path), attribute, &value, 1) == 1, value == UInt8(ascii: "y") {
        marked.append(path)
      }
    }
    return marked
  }

  private static func walk(_ tree: Tree, _ visit: (OverlayPath, stat) -> Void) throws(OverlayError) {
    var pending = [OverlayPath.root]
    while let directory = pending.popLast() {
      for name in try tree.names(in: directory) {
        let path = directory.appending(name)
        guard let status = tree.status(of: path) else { continue }
        visit(path, status)
        if status.isDirectory { pending.append(path) }
      }
    }
  }
}
