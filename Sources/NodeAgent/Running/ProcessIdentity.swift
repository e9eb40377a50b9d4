import Glibc
import SystemFiles

/// A process that can be told from a later one with the same number.
struct ProcessIdentity: Equatable {
  let pid: pid_t
  /// When it started, in clock ticks since boot (proc(5), `/proc/<pid>/stat`, field 22); `nil` when that is not known.
  let startTime: Int?

  /// Reads what a process has noted of itself: its `/proc/self/stat`, or its number alone.
  init?(note: some Collection<UInt8>) {
    let digits = note.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let pid = pid_t(String(decoding: digits, as: UTF8.self)), pid > 1 else { return nil }
    self.pid = pid
    startTime = Self.state(in: note)?.startTime
  }

  /// Finds the session leader that has one of these files open: a command whose note cannot be read. `nil` when there is none.
  init?(holding paths: [String]) {
    let files = paths.compactMap { Self.file($0) }
    let isHeld = { (pid: pid_t) in
      FileSystem.names(in: "/proc/\(pid)/fd").contains { name in
        Self.file("/proc/\(pid)/fd/\(name)").map { file in files.contains { $0 == file } } ?? false
      }
    }
    let leaders = FileSystem.names(in: "/proc").compactMap { pid_t($0) }.filter { $0 > 1 && getsid($0) == $0 }
    guard !files.isEmpty, let pid = leaders.first(where: { $0 != getpid() && isHeld($0) }) else { return nil }
    self.pid = pid
    startTime = Self.state(of: pid)?.startTime
  }

  private static func file(_ path: String) -> (dev_t, ino_t)? {
    var status = stat()
    return stat(path, &status) == 0 ? (status.st_dev, status.st_ino) : nil
  }

  /// Whether it is still there, and not only as a zombie.
  var isAlive: Bool {
    guard kill(pid, 0) == 0 || errno == EPERM else { return false }
    // Where /proc is not mounted, the number has to do.
    guard let state = Self.state(of: pid) else { return !FileSystem.exists("/proc/self/stat") }
    return state.letter != UInt8(ascii: "Z") && state.startTime == startTime ?? state.startTime
  }

  private static func state(of pid: pid_t) -> (letter: UInt8, startTime: Int)? {
    (try? FileSystem.contents(of: "/proc/\(pid)/stat")).flatMap { state(in: $0) }
  }

  private static func state(in stat: some Collection<UInt8>) -> (letter: UInt8, startTime: Int)? {
    let stat = Array(stat)
    // The program's name stands in parentheses and may contain any byte, parentheses too: fields are counted from the last one.
    guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let letter = fields[0].first, let start = Int(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    return (letter, start)
  }
}
