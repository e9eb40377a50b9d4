import Glibc

/// Whole-file operations.
public enum FileSystem {
  /// The contents of a file, or `nil` when there is none.
  ///
  /// - Parameter limit: bytes; a longer file is an error (`EFBIG`).
  public static func contents(of path: String, limit: Int = 64 << 20) throws(SystemError) -> [UInt8]? {
    guard exists(path) else { return nil }
    let file = try File(path, O_RDONLY)
    var bytes: [UInt8] = []
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { piece.deallocate() }
    while true {
      let count = Glibc.read(file.descriptor, piece.baseAddress, piece.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError("read \(path)")
      }
      bytes += piece[..<count]
      guard bytes.count <= limit else { throw SystemError("read \(path)", errno: EFBIG) }
    }
  }

  /// Replaces a file as a whole: writes a temporary file beside it, synchronizes that, and renames it. Readers see the old
  /// contents or the new ones, also after a loss of power.
  public static func writeAtomically(
    _ bytes: some Collection<UInt8>, to path: String, mode: mode_t = 0o644
  ) throws(SystemError) {
    let temporary = path + ".new"
    do throws(SystemError) {
      let file = try File(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
      try file.write(Array(bytes))
      try file.synchronize()
    } catch {
      unlink(temporary)
      throw error
    }
    try moveOrDiscard(temporary, path)
  }

  /// Renames a file or directory; a file that has the new name is replaced in the same step.
  public static func move(_ from: String, _ to: String) throws(SystemError) {
    guard rename(from, to) == 0 else { throw SystemError("rename \(from) to \(to)") }
  }

  /// Renames a file. If that fails, the file at `from` is removed, so that no incomplete file is left.
  public static func moveOrDiscard(_ from: String, _ to: String) throws(SystemError) {
    do throws(SystemError) {
      try move(from, to)
    } catch {
      unlink(from)
      throw error
    }
  }

  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether there is a directory, or a symlink to one.
  public static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Makes a directory and those above it, where they are not there yet.
  public static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
    if mkdir(path, mode) == 0 { return }
    if errno == ENOENT, case let parent = Path.split(path).directory, parent != ".", parent != "/" {
      try makeDirectories(parent, mode: mode)
      if mkdir(path, mode) == 0 { return }
    }
    var status = stat()
    guard errno == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw SystemError("make the directory \(path)")
    }
  }

  /// The names in a directory, without `.` and `..`; none when there is no such directory.
  public static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    return (names(of: directory) ?? []).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The names in a directory, as bytes, without `.` and `..`.
  ///
  /// - Parameters:
  ///   - path: relative to `directory`. A symlink as its last name is not followed.
  ///   - directory: open, or `AT_FDCWD`.
  /// - Returns: `nil` when it cannot be read; `errno` says why.
  public static func names(in path: [CChar], of directory: Int32) -> [[UInt8]]? {
    let descriptor = openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard let stream = fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    defer { closedir(stream) }
    return names(of: stream)
  }

  /// The names in an open directory, as bytes, without `.` and `..`.
  ///
  /// - Returns: `nil` when it cannot be read; `errno` says why.
  public static func names(of directory: OpaquePointer) -> [[UInt8]]? {
    var names: [[UInt8]] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: Int(NAME_MAX) + 1) { start in
          Array(UnsafeBufferPointer(start: start, count: strlen(start)))
        }
      }
      if name != [UInt8(ascii: ".")], name != Array("..".utf8) { names.append(name) }
      errno = 0
    }
    return errno == 0 ? names : nil
  }

  /// Removes a file, if there is one.
  public static func remove(_ path: String) throws(SystemError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw SystemError("remove \(path)") }
  }
}
