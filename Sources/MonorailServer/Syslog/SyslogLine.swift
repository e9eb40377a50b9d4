import Foundation

/// A line that came over syslog, taken apart as RFC 3164 describes it. No line is refused: where it has another form, all of
/// it is the text.
public struct SyslogLine: Sendable, Equatable {
  /// The node that it came from; `nil` when nothing tells.
  public internal(set) var nodeID: String?
  /// When it came. The sender's own time is not kept, since the clock of a booting node may be wrong.
  public let received: Date
  /// Where it came from.
  public let source: String
  /// Facility × 8 + severity; `nil` when the line has none.
  public let priority: Int?
  /// The host name that the sender gives itself.
  public let host: String?
  /// The program: `monorail-agent`, `kernel`.
  public let tag: String?
  /// Who sent it, when the agent says so.
  public let agent: SyslogAgent?
  /// The message, without the part that says who the agent is: valid UTF-8, control characters written as `#033`.
  public let text: String

  /// How much of a datagram is kept, in bytes. RFC 3164 allows 1,024 for all of a line.
  static let maximumBytes = 2048

  init(
    nodeID: String?, received: Date, source: String, priority: Int?, host: String?, tag: String?, agent: SyslogAgent?,
    text: String
  ) {
    (self.nodeID, self.received, self.source, self.priority) = (nodeID, received, source, priority)
    (self.host, self.tag, self.agent, self.text) = (host, tag, agent, text)
  }

  /// - Parameter source: the sender's address.
  init(_ datagram: some Collection<UInt8>, from source: String, at time: Date = Date()) {
    (received, self.source) = (time, source)
    var rest = Array(datagram.prefix(Self.maximumBytes))[...]
    while let last = rest.last, last == 0x0A || last == 0x0D || last == 0 { rest.removeLast() }
    priority = Self.priority(&rest)
    var host: String?
    var tag: String?
    if priority != nil, Self.dropTimestamp(&rest) {
      host = Self.word(&rest)
      // The RFC allows 32 letters and digits; systemd and others write more, and other characters.
      if let end = rest.firstIndex(of: UInt8(ascii: ":")), end > rest.startIndex, end - rest.startIndex <= 64,
        !rest[..<end].contains(UInt8(ascii: " "))
      {
        tag = Self.readable(rest[..<end])
        rest = rest[(end + 1)...]
        if rest.first == UInt8(ascii: " ") { rest.removeFirst() }
      }
    }
    agent = tag == "monorail-agent" ? SyslogAgent(takenFrom: &rest) : nil
    (self.host, self.tag, text) = (host, tag, Self.readable(rest))
  }

  public var severity: String? {
    priority.map { ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"][$0 & 7] }
  }

  /// One line for a file: `2026-02-01T09:30:00.000Z notice debian monorail-agent: this node is n1`.
  public var description: String {
    let time = received.formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
    return "\(time) \(severity ?? "-") \(host ?? source) " + (tag.map { $0 + ": " } ?? "") + text
  }

  /// `<30>`: one to three digits, at most 191.
  private static func priority(_ rest: inout ArraySlice<UInt8>) -> Int? {
    guard rest.first == UInt8(ascii: "<"), let end = rest.prefix(5).firstIndex(of: UInt8(ascii: ">")) else {
      return nil
    }
    let digits = rest[(rest.startIndex + 1)..<end]
    guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(String(decoding: digits, as: UTF8.self)), number < 192
    else { return nil }
    rest = rest[(end + 1)...]
    return number
  }

  /// Takes a time as `Feb  1 09:30:00 ` off the start; says whether there was one.
  private static func dropTimestamp(_ rest: inout ArraySlice<UInt8>) -> Bool {
    let form = Array("Aaa d0 00:00:00 ".utf8)
    let stamp = rest.prefix(form.count)
    let fits =
      stamp.count == form.count
      && zip(stamp, form).allSatisfy { byte, kind in
        let isDigit = (0x30...0x39).contains(byte)
        return switch kind {
        case UInt8(ascii: "A"), UInt8(ascii: "a"): (0x41...0x5A).contains(byte & 0xDF)
        case UInt8(ascii: "d"): isDigit || byte == 0x20
        case UInt8(ascii: "0"): isDigit
        default: byte == kind
        }
      }
    if fits { rest = rest.dropFirst(form.count) }
    return fits
  }

  private static func word(_ rest: inout ArraySlice<UInt8>) -> String? {
    let word = rest.prefix { $0 != 0x20 }
    guard !word.isEmpty, word.count <= 255 else { return nil }
    rest = rest.dropFirst(word.count + 1)
    return readable(word)
  }

  private static func readable(_ bytes: ArraySlice<UInt8>) -> String {
    ReadableText.line(String(decoding: bytes, as: UTF8.self))
  }
}
