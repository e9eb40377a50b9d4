import HTTPTransport
import MonorailProtocol

/// The agent's log: each event is one line on the console, and one datagram to the syslog server when there is one.
public struct Log {
  /// How much an event matters, the least first.
  public enum Level: String, CaseIterable, Comparable, Sendable {
    case trace, debug, info, notice, warning, error, critical

    /// The severity that RFC 3164 (4.1.1) gives it: 7 for debugging, 0 for an emergency.
    var severity: Int {
      switch self {
      case .trace, .debug: 7
      case .info: 6
      case .notice: 5
      case .warning: 4
      case .error: 3
      case .critical: 2
      }
    }

    public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

    private var rank: Int {
      switch self {
      case .trace: 0
      case .debug: 1
      default: 8 - severity
      }
    }
  }

  /// Events below this level are not logged.
  private let level: Level
  private let console: Console
  private let syslog: SyslogSender?

  public init(level: Level, console: Console, syslog: SyslogSender? = nil) {
    (self.level, self.console, self.syslog) = (level, console, syslog)
  }

  public func debug(_ message: @autoclosure () -> String) { write(.debug, message) }
  public func info(_ message: @autoclosure () -> String) { write(.info, message) }
  public func notice(_ message: @autoclosure () -> String) { write(.notice, message) }
  public func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
  public func error(_ message: @autoclosure () -> String) { write(.error, message) }

  /// Has the lines to the syslog server say which node they come from; what is `nil` stays as it was.
  func identify(node: String?, mac: MACAddress?) { syslog?.identify(node: node, mac: mac) }

  private func write(_ level: Level, _ message: () -> String) {
    guard level >= self.level else { return }
    let text = (level >= .warning ? "\(level.rawValue): " : "") + URLText.singleLine(message())
    console.write(line: "monorail-agent \(Timestamp.now()) \(text)")
    syslog?.send(level, text)
  }
}
