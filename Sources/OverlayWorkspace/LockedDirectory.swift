import CLinux
import Glibc
import Overlay

/// A temporary directory on a disk. A program that is killed leaves it behind, but not its lock: the next one removes it.
final class LockedDirectory {
  let path: String
  private let descriptor: Int32
  private let interruption: Interruption

  /// - Parameters:
  ///   - parent: the directory to make it in.
  ///   - prefix: what its name begins with; what else begins so and is not locked is removed.
  init(in parent: String, prefix: String, _ interruption: Interruption) throws(OverlayError) {
    Self.removeAbandoned(in: parent, prefix: prefix)
    var template = Array("\(parent)/\(prefix)XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw .failed("make a directory in \(parent)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.interruption = interruption
    interruption.add(temporary: path)
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .failed("lock \(path)") }
  }

  deinit {
    monorail_remove_tree(path)
    interruption.remove(temporary: path)
    if descriptor >= 0 { close(descriptor) }
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
