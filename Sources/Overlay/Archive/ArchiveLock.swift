import Glibc
import SystemFiles

/// Keeps programs from changing one archive, or one directory, at the same time, as long as this object lives: the changes
/// of one would be lost. `shell` holds a lock while its command runs, and whoever writes an archive holds one while it writes.
public final class ArchiveLock: Sendable {
  public enum Kind: Sendable {
    /// For `shell`, which reads the archive and writes it later: it excludes everybody else.
    case changing
    /// For those who write a new archive: it excludes only `shell`.
    case writing
  }

  public let path: String
  private let name: String
  private let descriptor: Int32

  /// - Parameters:
  ///   - path: without symlinks.
  ///   - name: what it is called in errors.
  /// - Returns: `nil` when there is no such file, or this user may not read it.
  public init?(_ path: String, name: String, for kind: Kind) throws(OverlayError) {
    (self.path, self.name) = (path, name)
    while true {
      let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard opened >= 0 else { return nil }
      let isLocked = flock(opened, (kind == .changing ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0
      // Some file systems know no locks.
      if isLocked || errno != EWOULDBLOCK, Descriptor.isOpenFile(opened, named: path) {
        descriptor = opened
        return
      }
      close(opened)
      guard isLocked else {
        throw OverlayError("\(name) is being changed by another \"monorail-overlay\"; wait until that has ended")
      }
      // Another program has just replaced the file: the lock is on the old one.
    }
  }

  deinit { close(descriptor) }

  /// Who owns the locked file, and who may use it.
  var attributes: OutputFile.Attributes? {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    return OutputFile.Attributes(owner: status.st_uid, group: status.st_gid, permissions: status.st_mode & 0o777)
  }

  /// Whether the locked file still has a name in a directory. Programs that know nothing of these locks may have replaced it.
  ///
  /// - Parameter directory: open, or `AT_FDCWD`.
  public func isStill(_ name: String, in directory: Int32) -> Bool {
    Descriptor.isOpenFile(descriptor, named: name, in: directory)
  }

  public func wasReplaced() -> OverlayError {
    OverlayError(
      "\(name) was replaced by another program meanwhile; the new file stays as it is. Give -o FILE to write the result to"
        + " another file")
  }
}
