import CLinux
import Glibc
import SystemFiles

/// A directory that gets its name when it is complete, and that is removed when it never is. A program that is killed leaves
/// it behind, `NAME.NUMBER.partial`, but not its lock: the next one for the same name removes it.
final class StagingDirectory {
  let path: String
  private let target: String
  private let descriptor: Int32
  private var isFinished = false

  /// - Parameter target: its name in the end; there is nothing of that name yet.
  init(for target: String) throws(OverlayError) {
    self.target = target
    Self.removeAbandoned(for: target)
    path = "\(target).\(UInt64.random(in: 0...UInt64.max)).partial"
    guard mkdir(path, 0o755) == 0 else { throw .system("make the directory \(path)") }
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw .system("lock the directory \(path)")
    }
  }

  deinit {
    if !isFinished { monorail_remove_tree(path) }
    if descriptor >= 0 { close(descriptor) }
  }

  func finish() throws(OverlayError) {
    guard rename(path, target) == 0 else { throw .system("make the directory \(target)") }
    isFinished = true
  }

  private static func removeAbandoned(for target: String) {
    let slash = target.lastIndex(of: "/")
    let parent = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
    let prefix = (slash.map { String(target[target.index(after: $0)...]) } ?? target) + "."
    let suffix = ".partial"
    for name in FileSystem.names(in: parent) where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
      let number = name.dropFirst(prefix.count).dropLast(suffix.count)
      guard !number.isEmpty, number.allSatisfy({ ("0"..."9").contains($0) }) else { continue }
      let place = "\(parent)/\(name)"
      let descriptor = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { monorail_remove_tree(place) }
    }
  }
}
