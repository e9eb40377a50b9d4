import CLinux
import Glibc
import SystemFiles

/// A file that gets its name when it is complete: until then the old file of that name stays as it is, and a program that
/// is killed leaves nothing behind.
final class OutputFile: ByteSink {
  let path: String
  private let descriptor: Int32
  /// Those of the file that it replaces: one that was kept from others stays so. Else what the umask leaves.
  private let usualPermissions: mode_t
  /// The name it has for now, where the file system knows no files without one.
  private var temporaryPath: String?
  private var isSynchronized = false
  /// Called when the contents are on their medium.
  var willTakeName: () -> Void = {}

  init(_ path: String) throws(OverlayError) {
    self.path = path
    let directory = Self.split(path).directory
    var status = stat()
    // Through symlinks, for /dev/stdout: a device or a pipe must not be replaced with a file.
    let isThere = stat(path, &status) == 0
    let oldPermissions = isThere ? status.st_mode & 0o777 : nil
    if isThere, status.st_mode & S_IFMT != S_IFREG {
      if status.st_mode & S_IFMT == S_IFDIR { throw OverlayError(SystemError("write \(path)", errno: EISDIR)) }
      throw OverlayError("cannot write \(path): it is a device, a pipe or a socket; give the name of a file")
    }
    let unnamed = open(directory, O_RDWR | O_CLOEXEC | monorail_open_unnamed_flag(), 0o666)
    if unnamed >= 0 {
      descriptor = unnamed
    } else {
      guard [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) || (errno == ENOENT && access(directory, F_OK) == 0) else {
        throw .system("create \(path)")
      }
      let temporary = Self.temporaryName(beside: path)
      descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw .system("create \(temporary)") }
      temporaryPath = temporary
    }
    // Not by umask(2), which changes the mask of every thread to tell it.
    guard fstat(descriptor, &status) == 0 else { throw .system("create \(path)") }
    usualPermissions = oldPermissions ?? status.st_mode & 0o777
    guard fchmod(descriptor, 0o600) == 0 else { throw .system("create \(path)") }
  }

  deinit {
    close(descriptor)
    if let temporaryPath { unlink(temporaryPath) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw .system("write \(path)")
      }
    }
  }

  /// Brings the file to its medium, still without its name.
  ///
  /// - Parameter permissions: what it will have; `nil` for those of the old file, or else what the umask leaves.
  func synchronize(permissions: mode_t? = nil) throws(OverlayError) {
    guard fchmod(descriptor, permissions ?? usualPermissions) == 0, fsync(descriptor) == 0 else {
      throw .system("write \(path)")
    }
    isSynchronized = true
  }

  /// Puts the file in place, synchronized.
  func finish() throws(OverlayError) {
    if !isSynchronized { try synchronize() }
    willTakeName()
    if temporaryPath == nil {
      let unnamed = "/proc/self/fd/\(descriptor)"
      if linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 { return }
      let temporary = Self.temporaryName(beside: path)
      guard linkat(AT_FDCWD, unnamed, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) == 0 else {
        throw .system("create \(path)")
      }
      temporaryPath = temporary
    }
    if let temporaryPath, rename(temporaryPath, path) != 0 { throw .system("create \(path)") }
    temporaryPath = nil
  }

  /// A name that no other thread, program or machine takes.
  private static func temporaryName(beside path: String) -> String {
    let (directory, name) = split(path)
    return "\(directory)/.\(name).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
  }

  private static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
  }
}
