/// How nodes reach a web server: `http://10.1.1.1:9080`.
public struct WebServerAddress: Sendable, Equatable, CustomStringConvertible {
  /// With its scheme, without a path.
  public let url: String

  public var description: String { url }

  /// - Parameter text: `HOST`, `HOST:PORT`, or one of them behind `http://` or `https://`. An IPv6 address is in brackets.
  /// - Throws: what is right instead, when a node could not make a URL of it.
  public init(_ text: String) throws(OverlayError) {
    let scheme = ["http://", "https://"].first { text.hasPrefix($0) }
    let authority = text.utf8.dropFirst(scheme?.utf8.count ?? 0)
    guard !authority.isEmpty, authority.allSatisfy(Self.isAllowed) else { throw Self.expected }
    // Where the host ends.
    var end = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
    if authority.first == UInt8(ascii: "[") {
      guard let bracket = authority.firstIndex(of: UInt8(ascii: "]")) else { throw Self.expected }
      let address = authority[..<bracket].dropFirst()
      guard address.contains(UInt8(ascii: ":")), address.allSatisfy(Self.isOfIPv6) else { throw Self.expected }
      end = authority.index(after: bracket)
    }
    let rest = authority[end...]
    guard end > authority.startIndex, rest.isEmpty || rest.first == UInt8(ascii: ":") else { throw Self.expected }
    if !rest.isEmpty { try Self.checkPort(String(decoding: rest.dropFirst(), as: UTF8.self)) }
    url = (scheme == nil ? "http://" : "") + text
  }

  private static func checkPort(_ text: String) throws(OverlayError) {
    guard !text.contains(":") else {
      throw OverlayError("an IPv6 address is written in brackets, as in [fd00::1]:9080")
    }
    guard text.allSatisfy({ ("0"..."9").contains($0) }), let port = UInt16(text), port > 0 else {
      throw OverlayError("\"\(text)\" is no port; those are the numbers 1 to 65535")
    }
  }

  private static var expected: OverlayError { OverlayError("expected HOST:PORT, as in 10.1.1.1:9080") }

  /// Visible, and nothing that ends the host in a URL, or a URL on the kernel's command line.
  private static func isAllowed(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && !"/?#@,'\"\\".utf8.contains(byte)
  }

  private static func isOfIPv6(_ byte: UInt8) -> Bool { ":.0123456789abcdefABCDEF".utf8.contains(byte) }
}
