import MonorailProtocol

/// Who the agent says it is, in the structured part of its lines: `[monorail node="5a09…" mac="00:1e:67:98:bc:7e"]`, an
/// SD-ELEMENT of RFC 5424 (section 6.3) at the start of an RFC 3164 message.
public struct SyslogAgent: Sendable, Equatable {
  /// The identifier that the server knows it by.
  public let node: String?
  public let mac: MACAddress?

  init(node: String?, mac: MACAddress?) { (self.node, self.mac) = (node, mac) }

  private static let start = Array("[monorail".utf8)

  /// Takes the element off the start of a message, with one blank behind it; `nil`, and nothing taken, when the message
  /// does not begin with a well-formed one.
  init?(takenFrom message: inout ArraySlice<UInt8>) {
    guard message.starts(with: Self.start) else { return nil }
    var rest = message.dropFirst(Self.start.count)
    var values: [String: String] = [:]
    while rest.first == UInt8(ascii: " ") {
      rest.removeFirst()
      guard let (name, value) = Self.parameter(&rest) else { return nil }
      values[name] = value
    }
    guard rest.first == UInt8(ascii: "]") else { return nil }
    rest.removeFirst()
    if rest.first == UInt8(ascii: " ") { rest.removeFirst() }
    (node, mac, message) = (values["node"], values["mac"].flatMap { MACAddress($0) }, rest)
  }

  /// `name="value"`; in the value, a backslash stands before a quote, a backslash and a closing bracket.
  private static func parameter(_ rest: inout ArraySlice<UInt8>) -> (String, String)? {
    let name = rest.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "]") }
    rest = rest.dropFirst(name.count)
    guard !name.isEmpty, rest.starts(with: Array("=\"".utf8)) else { return nil }
    rest = rest.dropFirst(2)
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
      case UInt8(ascii: "\\"):
        guard let next = rest.first, [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]")].contains(next) else {
          // RFC 5424: before anything else a backslash is one.
          value.append(byte)
          continue
        }
        rest.removeFirst()
        value.append(next)
      default: value.append(byte)
      }
    }
    return nil
  }
}
