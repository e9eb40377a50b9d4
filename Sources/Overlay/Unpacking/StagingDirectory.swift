import CLinux
import Glibc
import SystemFiles

/// A directory for what is not complete yet, beside the place where that goes in the end. Only this user can enter it.
///
/// It is removed with what is in it at the end of its life. A program that is killed leaves it behind, but not its lock, and
/// the next program that makes one with such a name removes it. Two things keep a program from removing anything else:
///
/// - It removes only directories that belong to its user, are closed to others, and have a mark in them that this program
///   alone makes. A user's own directory is safe, whatever its name is.
/// - All names are reached from open directories, one by one, and no symlink is followed. So another user who may write
///   to the place around it cannot put something else under the name meanwhile.
public final class StagingDirectory: Sendable {
  /// For errors, and for calls that take nothing but paths.
  public let path: String
  /// The directory, open.
  public let descriptor: Int32
  /// The directory that it is in.
  public let parent: Int32
  private let name: String

  /// What to do when the file system is full.
  static let elsewhere = "unpack to a directory on another file system"

  private static let mark = ".monorail-overlay"

  /// - Parameters:
  ///   - parent: the directory to make it in.
  ///   - prefix: what its name begins with.
  ///   - suffix: what its name ends with. What a killed program left under such a name is removed.
  public init(in parent: String, prefix: String, suffix: String = "") throws(OverlayError) {
    let parentDescriptor = open(parent, monorail_open_path_flag() | O_DIRECTORY | O_CLOEXEC)
    guard parentDescriptor >= 0 else { throw .inDirectory(parent, "make a directory in \(parent)") }
    Self.removeAbandoned(in: parentDescriptor, prefix, suffix)
    do throws(OverlayError) {
      (name, descriptor) = try Self.make(in: parentDescriptor, parent, prefix, suffix)
    } catch {
      close(parentDescriptor)
      throw error
    }
    self.parent = parentDescriptor
    path = parent == "/" ? "/\(name)" : "\(parent)/\(name)"
  }

  deinit {
    remove()
    close(descriptor)
    close(parent)
  }

  /// Removes the directory with what is in it. Where another thread still writes to it, all of that is removed too, as long
  /// as the thread stops soon.
  public func remove() {
    for _ in 0..<64 where monorail_remove_tree(parent, name, descriptor) != 0 { sched_yield() }
  }

  /// Moves something out of the directory to a place beside it.
  ///
  /// - Parameters:
  ///   - inner: its name in here.
  ///   - outer: its name in the directory around.
  func move(_ inner: String, to outer: String) -> Bool { renameat(descriptor, inner, parent, outer) == 0 }

  private static func make(
    in parent: Int32, _ parentPath: String, _ prefix: String, _ suffix: String
  ) throws(OverlayError) -> (name: String, descriptor: Int32) {
    let name = prefix + String(UInt64.random(in: 0...UInt64.max)) + suffix
    let attempt = "make the directory \(parentPath)/\(name)"
    guard mkdirat(parent, name, 0o700) == 0 else {
      throw MediumSpace.failure(attempt, parent, parentPath, elsewhere: elsewhere)
    }
    let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(attempt) }
    do throws(OverlayError) {
      // Another user who may write to the place around could have put another directory there.
      guard isPrivate(descriptor), FileSystem.names(in: ".".systemName, of: descriptor) == [] else {
        throw .system(attempt, errno: EEXIST)
      }
      // Before the mark, so that a directory with a mark and without a lock is an abandoned one. Some file systems know no
      // locks; there a directory is never taken for abandoned.
      _ = flock(descriptor, LOCK_EX | LOCK_NB)
      let file = openat(descriptor, mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw MediumSpace.failure(attempt, parent, parentPath, elsewhere: elsewhere) }
      close(file)
    } catch {
      close(descriptor)
      throw error
    }
    return (name, descriptor)
  }

  private static func removeAbandoned(in parent: Int32, _ prefix: String, _ suffix: String) {
    // Where nobody may list the directory, what was left stays.
    for name in FileSystem.names(in: ".".systemName, of: parent) ?? []
    where name.starts(with: prefix.utf8) && name.dropFirst(prefix.utf8.count).ends(with: suffix) {
      let descriptor = openat(parent, name.systemName, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      guard isPrivate(descriptor), hasMark(descriptor), flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
      monorail_remove_tree(parent, name.systemName, descriptor)
    }
  }

  private static func isPrivate(_ descriptor: Int32) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_uid == geteuid() && status.st_mode & 0o777 == 0o700
  }

  private static func hasMark(_ descriptor: Int32) -> Bool {
    var status = stat()
    return fstatat(descriptor, mark, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFREG
      && status.st_uid == geteuid()
  }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(with suffix: String) -> Bool {
    count >= suffix.utf8.count && self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }
}

extension String {
  fileprivate var systemName: [CChar] { Array(utf8).systemName }
}
