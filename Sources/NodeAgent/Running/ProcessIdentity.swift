import Glibc
import JSONDocument
import SystemFiles

/// A process that can be told from a later one with the same number.
struct ProcessIdentity: Equatable {
  let pid: pid_t
  /// When it started, in clock ticks since boot, as `/proc/<pid>/stat` says (proc(5), field 22); 0 when that is not known.
  let startTime: Int
  /// `Ticks` at which its time limit is over, or `nil`.
  let deadline: Int?

  init(pid: pid_t, deadline: Int?) {
    (self.pid, self.deadline) = (pid, deadline)
    startTime = Self.state(of: pid)?.startTime ?? 0
  }

  /// Finds the session leader that has one of these files open: so a command is found that was not noted, since the agent
  /// was killed just after its start. `nil` when there is none.
  init?(holding paths: [String], deadline: Int?) {
    let files = paths.compactMap { Self.file($0) }
    let isHeld = { (pid: pid_t) in
      FileSystem.names(in: "/proc/\(pid)/fd").contains { name in
        Self.file("/proc/\(pid)/fd/\(name)").map { file in files.contains { $0 == file } } ?? false
      }
    }
    let leaders = FileSystem.names(in: "/proc").compactMap { pid_t($0) }.filter { $0 > 1 && getsid($0) == $0 }
    guard !files.isEmpty, let pid = leaders.first(where: { $0 != getpid() && isHeld($0) }) else { return nil }
    self.init(pid: pid, deadline: deadline)
  }

  private static func file(_ path: String) -> (dev_t, ino_t)? {
    var status = stat()
    return stat(path, &status) == 0 ? (status.st_dev, status.st_ino) : nil
  }

  init?(_ json: JSON) {
    guard let pid = json["pid"]?.intValue.flatMap({ pid_t(exactly: $0) }), pid > 1,
      let start = json["startTime"]?.intValue
    else { return nil }
    (self.pid, startTime) = (pid, start)
    deadline = json["deadline"]?.intValue.map { min($0, Int.max / 2) }
  }

  var json: JSON {
    ["pid": .integer(pid), "startTime": .integer(startTime), "deadline": deadline.map { .integer($0) } ?? .null]
  }

  /// Whether it is still there, and not only as a zombie.
  var isAlive: Bool {
    guard kill(pid, 0) == 0 || errno == EPERM else { return false }
    // Where /proc is not mounted, the number has to do.
    guard let state = Self.state(of: pid) else { return !FileSystem.exists("/proc/self/stat") }
    return state.letter != UInt8(ascii: "Z") && state.startTime == startTime
  }

  private static func state(of pid: pid_t) -> (letter: UInt8, startTime: Int)? {
    // The command's name stands in parentheses and may contain anything: fields are counted from the last one.
    guard let stat = try? FileSystem.contents(of: "/proc/\(pid)/stat"), let end = stat.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let letter = fields[0].first, let start = Int(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    return (letter, start)
  }
}
