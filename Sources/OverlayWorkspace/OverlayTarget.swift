import Glibc
import Overlay
import SystemFiles

/// What a command changes: an archive, or a directory that becomes one.
struct OverlayTarget {
  enum Kind { case archive, directory, newArchive }

  /// As the user named it.
  let name: String
  /// Without symlinks, which replacing it would replace.
  let path: String
  let kind: Kind
  private let before: stat?

  init(_ name: String) throws(OverlayError) {
    self.name = name
    var found = stat()
    if stat(name, &found) == 0 {
      path = try Workspace.absolute(name)
      before = found
      switch found.type {
      case S_IFREG: kind = .archive
      case S_IFDIR: kind = .directory
      default: throw OverlayError("\(name) is neither an archive nor a directory")
      }
      return
    }
    guard errno == ENOENT else { throw .failed("look at \(name)") }
    (before, kind) = (nil, .newArchive)
    let slash = name.lastIndex(of: "/")
    let parent = slash.map { $0 == name.startIndex ? "/" : String(name[..<$0]) } ?? "."
    path = try Workspace.absolute(parent) + "/" + name[(slash.map { name.index(after: $0) } ?? name.startIndex)...]
  }

  /// Keeps other runs from changing it at the same time, as long as the file is open: the changes of one would be lost.
  func lock() throws(OverlayError) -> Lock? {
    kind == .newArchive ? nil : try Lock(path, name: name)
  }

  struct Lock: ~Copyable {
    private let descriptor: Int32

    init(_ path: String, name: String) throws(OverlayError) {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .failed("read \(name)") }
      var locked = stat()
      // One that has just ended has put another file in its place: the lock of the old one keeps nobody away.
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &locked) == 0,
        status(of: path)?.st_ino == locked.st_ino
      else {
        throw OverlayError("\(name) is being changed by another \"monorail-overlay shell\"; wait until that has ended")
      }
    }

    deinit { close(descriptor) }
  }

  /// Throws now what would fail when the work is done.
  func checkReplaceable() throws(OverlayError) {
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    let parent = slash == path.startIndex ? "/" : String(path[..<slash])
    guard access(parent, W_OK) == 0 else { throw .failed("write into \(parent), where \(name) is or comes") }
  }

  /// Gives a new file the owner and the permissions of the old one.
  func restoreOwner() throws(OverlayError) {
    guard let before, kind == .archive else { return }
    try check("give \(name) its owner back") { chown(path, before.st_uid, before.st_gid) }
    try check("give \(name) its permissions back") { chmod(path, before.st_mode & 0o7777) }
  }
}
