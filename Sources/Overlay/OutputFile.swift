import CLinux
import Digests
import Glibc
import SystemFiles

/// A file that gets its name when it is complete. Until then the old file of that name stays as it is, and a program that is
/// killed leaves nothing behind.
final class OutputFile: ByteSink {
  /// Who owns a file, and who may use it.
  struct Attributes {
    var owner: UInt32
    var group: UInt32
    var permissions: UInt32
  }

  let path: String
  /// How much space is needed, for the error when the file system is full.
  var needed: String?
  /// Bytes that were written.
  private(set) var size = 0

  private let descriptor: Int32
  /// The directory that it gets its name in, so that nobody can exchange that directory meanwhile.
  private let directory: Int32
  private let name: String
  /// The permissions of the old file, so that a file which others may not read stays so; without an old file, what the
  /// umask leaves.
  private let usualPermissions: mode_t
  /// The name that it has until it is complete, on file systems that know no files without a name.
  private var temporaryName: String?
  private var isSynchronized = false
  private var digest: Digest?

  /// - Parameter takesDigest: whether the digest of what is written is wanted.
  init(_ path: String, takesDigest: Bool = false) throws(OverlayError) {
    self.path = path
    digest = takesDigest ? Digest(.sha256) : nil
    let place = Path.split(path)
    name = place.name
    var status = stat()
    // Through symlinks, for /dev/stdout: a device or a pipe must not be replaced with a file.
    let isThere = stat(path, &status) == 0
    let oldPermissions = isThere ? status.st_mode & 0o777 : nil
    if isThere, status.st_mode & S_IFMT != S_IFREG {
      if status.st_mode & S_IFMT == S_IFDIR { throw .system("write \(path)", errno: EISDIR) }
      throw OverlayError("cannot write \(path): it is a device, a pipe or a socket; give the name of a file")
    }
    directory = open(place.directory, monorail_open_path_flag() | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw .inDirectory(place.directory, "create \(path)") }
    let unnamed = openat(directory, ".", O_RDWR | O_CLOEXEC | monorail_open_unnamed_flag(), 0o666)
    if unnamed >= 0 {
      descriptor = unnamed
    } else {
      guard [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) else {
        let error = OverlayError.system("create \(path)")
        close(directory)
        throw error
      }
      let temporary = Self.temporaryName(for: name)
      descriptor = openat(directory, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        let error = OverlayError.system("create \(place.directory)/\(temporary)")
        close(directory)
        throw error
      }
      temporaryName = temporary
    }
    // The permissions of the new file tell the umask. umask(2) tells it too, but changes it for every thread meanwhile.
    let isOpen = fstat(descriptor, &status) == 0
    usualPermissions = oldPermissions ?? status.st_mode & 0o777
    guard isOpen, fchmod(descriptor, 0o600) == 0 else { throw .system("create \(path)") }
  }

  deinit {
    close(descriptor)
    if let temporaryName { unlinkat(directory, temporaryName, 0) }
    close(directory)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    guard Descriptor.write(bytes, to: descriptor) else { throw writeFailure() }
    size += bytes.count
    digest?.update(bytes)
  }

  /// The SHA-256 of what was written, in hexadecimal, if it was wanted. Nothing may be written afterwards.
  func takeDigest() -> String? { digest.take()?.finish() }

  /// Brings the file to its medium, still without its name.
  ///
  /// - Parameters:
  ///   - permissions: what it will have; `nil` for those of the old file, or else what the umask leaves.
  ///   - attributes: its owner, too; `nil` for the user who runs the program.
  func synchronize(permissions: mode_t? = nil, attributes: Attributes? = nil) throws(OverlayError) {
    if let attributes, fchown(descriptor, attributes.owner, attributes.group) != 0 {
      throw .system("give \(path) its owner")
    }
    guard fchmod(descriptor, attributes?.permissions ?? permissions ?? usualPermissions) == 0, fsync(descriptor) == 0
    else { throw writeFailure() }
    isSynchronized = true
  }

  /// Whether the name that the file gets is still that of a locked archive.
  func replaces(_ archive: ArchiveLock) -> Bool { archive.isStill(name, in: directory) }

  /// Gives the file its name, synchronized.
  ///
  /// - Parameter replacing: whether it may take the place of another file.
  func finish(replacing: Bool = true) throws(OverlayError) {
    if !isSynchronized { try synchronize() }
    if try link(as: name) {
      temporaryName = nil
      return
    }
    guard replacing else {
      throw OverlayError("\(path) was made by another program meanwhile; that file stays as it is")
    }
    let temporary = temporaryName ?? Self.temporaryName(for: name)
    if temporaryName == nil {
      guard try link(as: temporary) else { throw .system("create \(path)", errno: EEXIST) }
      temporaryName = temporary
    }
    guard renameat(directory, temporary, directory, name) == 0 else { throw .system("create \(path)") }
    temporaryName = nil
  }

  /// Gives the file a name that nothing has yet.
  ///
  /// - Returns: `false` when something has it.
  private func link(as name: String) throws(OverlayError) -> Bool {
    let result =
      if let temporaryName {
        monorail_rename_new(directory, temporaryName, name)
      } else {
        linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", directory, name, AT_SYMLINK_FOLLOW)
      }
    if result == 0 { return true }
    guard errno == EEXIST else { throw .system("create \(path)") }
    return false
  }

  private func writeFailure() -> OverlayError {
    MediumSpace.failure(
      "write \(path)", descriptor, Path.split(path).directory, needed: needed,
      elsewhere: "name a file on another file system")
  }

  /// A name that no other thread, program or machine takes.
  private static func temporaryName(for name: String) -> String {
    ".\(name).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
  }
}
