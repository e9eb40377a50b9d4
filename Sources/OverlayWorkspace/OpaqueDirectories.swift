import CLinux
import Glibc
import Overlay

/// Directories that stand in an overlay for those of the base image, and hide all that these have. overlayfs marks them with
/// an attribute, which an archive cannot hold; as many whiteouts as there are hidden names say the same.
enum OpaqueDirectories {
  private static let attribute = "trusted.overlay.opaque"

  /// Replaces the attributes in a directory that overlayfs has written to by whiteouts.
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
    var found: [OverlayPath] = []
    var seen: Set<OverlayPath> = []
    var pending = opaque
    while let directory = pending.popLast() {
      guard seen.insert(directory).inserted, base.entry(at: directory)?.isDirectory == true else { continue }
      for name in try base.names(in: directory) {
        let path = directory.appending(name)
        switch present[path] {
        // What is under an opaque directory hides the base without an attribute of its own.
        case .some(true): pending.append(path)
        case .some(false): break
        case .none: if base.entry(at: path) != nil { found.append(path) }
        }
      }
    }
    return found.sorted()
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
