import Glibc
import Logging

/// Sends log lines to a syslog server, over UDP and in the framing of RFC 3164, which is what the monorail server's
/// listener parses: `<PRI>Mmm dd hh:mm:ss HOST TAG: MESSAGE`.
public final class SyslogSender: Sendable {
  private let descriptor: Int32
  private let address: SyslogAddress
  private let host: String

  /// Never fails: a log that cannot be sent is still on the console.
  public init(_ address: SyslogAddress) {
    self.address = address
    descriptor = socket(
      address.family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    host = text.isEmpty ? "node" : String(text.prefix { $0 != "." })
  }

  deinit { close(descriptor) }

  public func send(_ level: Logger.Level, _ message: String) {
    // RFC 3164, 4.1: at most 1,024 bytes in all.
    let line = "<\(Self.priority(level))>\(Self.timestamp()) \(host) monorail-agent: \(message)"
    let bytes = Array(line.utf8.prefix(1024))
    address.bytes.withUnsafeBytes { raw in
      _ = sendto(
        descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), raw.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t(raw.count))
    }
  }

  /// Facility 3 (system daemons), and the level's severity.
  private static func priority(_ level: Logger.Level) -> Int {
    let severity =
      switch level {
      case .trace, .debug: 7
      case .info: 6
      case .notice: 5
      case .warning: 4
      case .error: 3
      case .critical: 2
      }
    return 3 * 8 + severity
  }

  private static func timestamp() -> String { Timestamp.now(format: "%b %e %H:%M:%S", isLocal: true) }
}
