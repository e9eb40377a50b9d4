import CLinux
import Glibc
import Overlay

/// A temporary directory on a disk. A program that is killed leaves it behind, but not its lock: the next one removes it.
final class LockedDirectory {
  let path: String
  private let descriptor: Int32
  private let signals: SignalWatch

  /// - Parameters:
  ///   - parent: the directory to make it in.
  ///   - prefix: what its name begins with; what else begins so and is not locked is removed.
  init(in parent: String, prefix: String, _ signals: SignalWatch) throws(OverlayError) {
    Self.removeAbandoned(in: parent, prefix: prefix)
    self.signals = signals
    // Another run may take a directory that is not locked yet for an abandoned one.
    var made = try Self.make(in: parent, prefix)
    for _ in 0..<16 where made == nil { made = try Self.make(in: parent, prefix) }
    guard let made else { throw OverlayError("cannot lock a directory in \(parent): others keep removing it") }
    (path, descriptor) = made
    signals.add(temporary: path)
  }

  /// - Returns: `nil` when it is gone already.
  private static func make(
    in parent: String, _ prefix: String
  ) throws(OverlayError) -> (path: String, descriptor: Int32)? {
    var template = Array("\(parent)/\(prefix)XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw .failed("make a directory in \(parent)") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0, errno == ENOENT { return nil }
    guard descriptor >= 0 else { throw .failed("open \(path)") }
    var opened = stat()
    let isMine = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    if isMine, fstat(descriptor, &opened) == 0, status(of: path)?.st_ino == opened.st_ino { return (path, descriptor) }
    close(descriptor)
    return nil
  }

  deinit {
    monorail_remove_tree(path)
    signals.remove(temporary: path)
    close(descriptor)
  }

  private static func removeAbandoned(in parent: String, prefix: String) {
    guard let names = try? Tree(parent).names(in: .root) else { return }
    for name in names.map({ String(decoding: $0, as: UTF8.self) }) where name.hasPrefix(prefix) {
      let place = "\(parent)/\(name)"
      let descriptor = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
      monorail_remove_tree(place)
    }
  }
}
