import Glibc
import Overlay
import SystemFiles

/// Keeps programs from making one new archive at the same time: a locked file `.NAME.lock` beside the archive's place. It is
/// gone when the program ends; a program that is killed leaves the file, but not the lock.
final class CreationLock: Temporary {
  private let path: String
  private let descriptor: Int32

  /// - Parameter archive: the path of the new archive, without symlinks.
  init(for archive: String, name: String) throws(OverlayError) {
    let (directory, file) = Path.split(archive)
    path = "\(directory)/.\(file).lock"
    while true {
      let opened = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
      guard opened >= 0 else { throw .system("make the lock \(path)") }
      // Some file systems know no locks.
      let isFree = flock(opened, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
      if isFree, Descriptor.isOpenFile(opened, named: path) {
        descriptor = opened
        return
      }
      close(opened)
      guard isFree else {
        throw OverlayError("\(name) is being made by another \"monorail-overlay shell\"; wait until that has ended")
      }
      // The program that had it locked has just removed it.
    }
  }

  deinit { close(descriptor) }

  func remove() { if Descriptor.isOpenFile(descriptor, named: path) { unlink(path) } }
}
