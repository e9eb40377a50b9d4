import Glibc

/// The wall clock as text. A node's clock may be wrong while it boots: nothing is decided by it.
enum Timestamp {
  /// - Parameter format: of strftime(3).
  static func now(format: String, isLocal: Bool = false) -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    if isLocal { localtime_r(&time.tv_sec, &parts) } else { gmtime_r(&time.tv_sec, &parts) }
    var buffer = [CChar](repeating: 0, count: 64)
    strftime(&buffer, buffer.count, format, &parts)
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// `2026-11-23T03:55:01Z`
  static func now() -> String { now(format: "%Y-%m-%dT%H:%M:%SZ") }
}

/// Milliseconds that never jump, for measuring and for deadlines. They go on while the machine sleeps.
enum Ticks {
  static func now() -> Int { nanoseconds() / 1_000_000 }

  static func nanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
