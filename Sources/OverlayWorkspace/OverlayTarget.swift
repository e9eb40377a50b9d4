import Glibc
import Overlay
import SystemFiles

/// What a command changes: an archive, or a directory that becomes one.
struct OverlayTarget {
  enum Kind { case archive, directory, newArchive }

  /// As the user named it.
  let name: String
  /// Without symlinks: a symlink stays, and what it leads to is replaced.
  let path: String
  let kind: Kind

  init(_ name: String) throws(OverlayError) {
    self.name = name
    var found = stat()
    if stat(name, &found) == 0 {
      path = try Workspace.absolute(name)
      switch found.type {
      case S_IFREG: kind = .archive
      case S_IFDIR: kind = .directory
      default: throw OverlayError("\(name) is neither an archive nor a directory")
      }
      return
    }
    guard errno == ENOENT else { throw .system("look at \(name)") }
    kind = .newArchive
    let (directory, file) = Path.split(name)
    guard let parent = Path.resolved(directory) else { throw .inDirectory(directory, "make \(name)") }
    path = parent == "/" ? "/\(file)" : "\(parent)/\(file)"
  }

  /// Keeps other programs from changing the target at the same time, as long as it is open: the changes of one would be lost.
  enum Lock {
    case archive(ArchiveLock)
    case new(Watched<CreationLock>)
  }

  func lock(_ signals: SignalWatch, for purpose: ArchiveLock.Kind) throws(OverlayError) -> Lock {
    guard kind == .newArchive else {
      guard let lock = try ArchiveLock(path, name: name, for: purpose) else { throw .system("read \(name)") }
      return .archive(lock)
    }
    let lock = try Watched(signals) { () throws(OverlayError) in try CreationLock(for: path, name: name) }
    // Another program may have made it before the lock was there.
    guard status(of: path) == nil else {
      throw OverlayError("another program has just made \(name); run this again to change it")
    }
    return .new(lock)
  }

  /// Throws now what would fail when the work is done.
  func checkReplaceable() throws(OverlayError) {
    let parent = Path.split(path).directory
    guard access(parent, W_OK) == 0 else { throw .system("write into \(parent), where \(name) is or comes") }
  }
}
