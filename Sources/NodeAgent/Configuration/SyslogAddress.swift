import Glibc

/// The address of a syslog server: numeric, since a static program cannot look names up as the image's C library does.
public struct SyslogAddress: Sendable, Equatable {
  /// The address as given, for people.
  public let text: String
  let family: Int32
  let bytes: [UInt8]

  /// Takes `10.1.1.1`, `10.1.1.1:514`, `fd00::1` and `[fd00::1]:514`; the port is 514 unless given.
  public init?(_ text: String) {
    var host = text
    var port = 514
    if text.hasPrefix("["), let bracket = text.firstIndex(of: "]") {
      host = String(text[text.index(after: text.startIndex)..<bracket])
      let after = text[text.index(after: bracket)...]
      if !after.isEmpty { port = after.hasPrefix(":") ? Int(after.dropFirst()) ?? 0 : 0 }
    } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
      host = String(text[..<colon])
      port = Int(text[text.index(after: colon)...]) ?? 0
    }
    guard (1...65535).contains(port) else { return nil }
    self.text = text
    let networkPort = in_port_t(port).bigEndian
    var v4 = sockaddr_in()
    var v6 = sockaddr_in6()
    if inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = networkPort
      family = AF_INET
      bytes = withUnsafeBytes(of: v4) { Array($0) }
    } else if inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = networkPort
      family = AF_INET6
      bytes = withUnsafeBytes(of: v6) { Array($0) }
    } else {
      return nil
    }
  }
}
