/// Where the monorail API answers: a scheme, a host and a port.
public struct ServerAddress: Sendable, Equatable, CustomStringConvertible {
  public let scheme: String
  /// A name or an address; IPv6 in brackets.
  public let host: String
  public let port: Int

  /// Takes `host`, `host:port`, `[IPv6]:port`, and the `http` or `https` URL of a server; a path after it is ignored.
  /// Without a port it is 80, or 443 for `https`. `nil` for anything else.
  public init?(_ text: String) {
    var scheme = "http"
    var rest = text[...]
    for candidate in ["http", "https"] where text.lowercased().hasPrefix(candidate + "://") {
      scheme = candidate
      rest = text.dropFirst(candidate.count + 3)
    }
    rest = rest.prefix { $0 != "/" }
    var host = rest
    var port: Int? = scheme == "https" ? 443 : 80
    if rest.hasPrefix("[") {
      guard let bracket = rest.firstIndex(of: "]") else { return nil }
      host = rest[...bracket]
      let after = rest[rest.index(after: bracket)...]
      if !after.isEmpty {
        guard after.hasPrefix(":") else { return nil }
        port = Int(after.dropFirst())
      }
    } else if let colon = rest.firstIndex(of: ":") {
      host = rest[..<colon]
      port = Int(rest[rest.index(after: colon)...])
    }
    self.init(scheme: scheme, host: String(host), port: port ?? 0)
  }

  /// `nil` when the host or the port cannot be.
  public init?(scheme: String, host: String, port: Int) {
    let isBareIPv6 = host.contains(":") && !host.hasPrefix("[")
    let host = isBareIPv6 ? "[\(host)]" : host
    guard !host.isEmpty, host != "[]", (1...65535).contains(port), host.utf8.allSatisfy(Self.isHostByte) else {
      return nil
    }
    (self.scheme, self.host, self.port) = (scheme, host, port)
  }

  /// `http://10.1.1.1:9080`
  public var description: String { "\(scheme)://\(host):\(port)" }

  /// The absolute URL of a path on this server; a URL that is absolute already stays as it is.
  public func url(_ pathOrURL: String) -> String {
    if pathOrURL.lowercased().hasPrefix("http://") || pathOrURL.lowercased().hasPrefix("https://") { return pathOrURL }
    return pathOrURL.hasPrefix("/") ? description + pathOrURL : "\(description)/\(pathOrURL)"
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "["),
      UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "%"):
      true
    default: false
    }
  }
}
