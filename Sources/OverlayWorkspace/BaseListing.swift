import Glibc
import Overlay

/// What the base image has, as overlayfs sees it.
protocol BaseListing {
  /// What is at a path; `nil` when nothing is, or when the way there leads through anything but directories.
  func entry(at path: OverlayPath) -> BaseEntry?
  /// The names in a directory.
  func names(in directory: OverlayPath) throws(OverlayError) -> [[UInt8]]
}

struct BaseEntry: Equatable {
  var isDirectory: Bool
  var permissions: UInt32
  var owner: UInt32
  var group: UInt32
}

/// A mounted base image.
struct MountedBase: BaseListing {
  let tree: Tree

  func entry(at path: OverlayPath) -> BaseEntry? {
    for ancestor in path.ancestors where tree.status(of: ancestor)?.isDirectory != true { return nil }
    guard let status = tree.status(of: path), !status.isWhiteout else { return nil }
    return BaseEntry(
      isDirectory: status.isDirectory, permissions: status.st_mode & 0o7777, owner: status.st_uid,
      group: status.st_gid)
  }

  func names(in directory: OverlayPath) throws(OverlayError) -> [[UInt8]] { try tree.names(in: directory) }
}
