import Foundation

/// A temporary directory that goes away with this object, at the latest. The process holds a lock on it for as long as it lives: what a
/// killed process leaves, the next one finds without a lock, and removes.
final class ScratchDirectory: Sendable {
  let path: String
  private let descriptor: Int32

  private static let prefix = "monorail-mock-"

  /// - Throws: `MonorailServer.StartError`.
  init() throws {
    let parent = NSTemporaryDirectory()
    Self.removeAbandoned(in: parent)
    while true {
      var template = Array((parent + "/" + Self.prefix + "XXXXXX").utf8CString)
      guard mkdtemp(&template) != nil else {
        throw MonorailServer.StartError(
          "cannot make a directory in \(parent): \(String(cString: strerror(errno))); TMPDIR names another place")
      }
      let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // Another process may have found it before it was locked, and have removed it.
      guard let descriptor = Self.locked(path) else { continue }
      guard access(path, F_OK) == 0 else {
        close(descriptor)
        continue
      }
      (self.path, self.descriptor) = (path, descriptor)
      return
    }
  }

  deinit {
    remove()
    close(descriptor)
  }

  /// Removes the directory with all that is in it. This object still holds the lock.
  func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// A descriptor of the directory with its lock; `nil` when another process has the lock, or the directory is none of
  /// this user's own.
  private static func locked(_ path: String) -> Int32? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var info = stat()
    // In a directory that nobody else can enter, nobody else can put a link while it is removed.
    guard fstat(descriptor, &info) == 0, info.st_uid == geteuid(), info.st_mode & 0o077 == 0,
      flock(descriptor, LOCK_EX | LOCK_NB) == 0
    else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  private static func removeAbandoned(in parent: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    for name in names where name.hasPrefix(prefix) {
      guard let descriptor = locked(parent + "/" + name) else { continue }
      try? FileManager.default.removeItem(atPath: parent + "/" + name)
      close(descriptor)
    }
  }
}
