import HTTPTransport
import Logging

/// Where the agent's log lines go: one line an event, to the console and to the syslog server when there is one.
public struct AgentLog: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  private let console: Console
  private let syslog: SyslogSender?

  public init(level: Logger.Level, console: Console, syslog: SyslogSender? = nil) {
    (logLevel, self.console, self.syslog) = (level, console, syslog)
  }

  public static func logger(level: Logger.Level, console: Console = Console(), syslog: SyslogSender? = nil) -> Logger {
    Logger(label: "monorail-agent") { _ in AgentLog(level: level, console: console, syslog: syslog) }
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let mark =
      switch event.level {
      case .warning: "warning: "
      case .error: "error: "
      case .critical: "critical: "
      default: ""
      }
    let text = mark + URLText.singleLine(event.message.description)
    console.write(line: "monorail-agent \(Timestamp.now()) \(text)")
    syslog?.send(event.level, text)
  }
}
