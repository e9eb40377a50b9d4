import Glibc
import Synchronization
import SystemFiles

/// A data directory that this process alone uses, until the lock goes.
///
/// The kernel keeps the lock (flock(2)), so it goes also with a process that is killed. The file tells who has it.
final class DirectoryLock: Sendable {
  private let file: Mutex<File>

  /// - Throws: `StoreError` that names the process which uses the directory; `SystemError`.
  init(_ directory: String) throws {
    let path = directory + "/lock"
    let file = try File(path, O_RDWR | O_CREAT, mode: 0o600)
    guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw SystemError("lock \(path)") }
      let holder = try FileSystem.contents(of: path, limit: 4096).map { String(decoding: $0, as: UTF8.self) } ?? ""
      let name = holder.split(separator: "\n").first.map(String.init) ?? "another process"
      throw StoreError(
        .inUse,
        "\(directory) is in use by \(name); a directory serves one server at a time: stop that one, "
          + "or name another directory")
    }
    guard ftruncate(file.descriptor, 0) == 0 else { throw SystemError("write \(path)") }
    try file.write(Array("\(Self.program), process \(getpid())\n".utf8))
    self.file = Mutex(file)
  }

  private static var program: String {
    CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "a server"
  }
}
