import Glibc
import HTTPTransport
import MonorailProtocol

/// Sends log lines to a syslog server, over UDP and in the framing of RFC 3164, which is what the monorail server's
/// listener parses: `<PRI>Mmm dd hh:mm:ss HOST TAG: MESSAGE`.
///
/// Once it is known which node this is, the message begins with a structured element in the syntax of RFC 5424 (6.3):
/// `[monorail node="5a09dca8b7f0dd0100fb6a2f" mac="00:1e:67:98:bc:7e"] the message`.
public final class SyslogSender {
  private let descriptor: Int32
  private let address: SyslogAddress
  private let host: String
  private var node: String?
  private var mac: MACAddress?
  /// The structured element and a blank; empty while nothing is known.
  private var element = ""

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

  /// Says from now on which node it is; what is `nil` stays as it was.
  func identify(node: String?, mac: MACAddress?) {
    self.node = node ?? self.node
    self.mac = mac ?? self.mac
    let parameters = [("node", self.node), ("mac", self.mac?.description)].compactMap { name, value in
      value.map { " \(name)=\"\(Self.escaped($0))\"" }
    }
    element = parameters.isEmpty ? "" : "[monorail\(parameters.joined())] "
  }

  /// A parameter's value has a backslash before `"`, `\` and `]` (RFC 5424, 6.3.3).
  private static func escaped(_ value: String) -> String {
    String(URLText.singleLine(value).flatMap { "\"\\]".contains($0) ? ["\\", $0] : [$0] })
  }

  func send(_ level: Log.Level, _ message: String) {
    // RFC 3164, 4.1: at most 1,024 bytes in all.
    let line = "<\(Self.facility * 8 + level.severity)>\(Self.timestamp()) \(host) monorail-agent: \(element)\(message)"
    let bytes = Array(line.utf8.prefix(1024))
    address.bytes.withUnsafeBytes { raw in
      _ = sendto(
        descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), raw.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t(raw.count))
    }
  }

  /// System daemons.
  private static let facility = 3

  private static func timestamp() -> String { Timestamp.now(format: "%b %e %H:%M:%S", isLocal: true) }
}
