/// Turns a stream of arbitrary bytes into the inside of a JSON string, in pieces of any size.
///
/// Bytes that are not UTF-8 become U+FFFD, one for each maximal ill-formed part, as the WHATWG Encoding Standard's UTF-8
/// decoder does it; a character that is cut by the border of two pieces is put together again. Control characters, quotes
/// and backslashes become JSON escapes (RFC 8259, section 7).
public struct JSONStringEscaper: Sendable {
  private var pending: (UInt8, UInt8, UInt8) = (0, 0, 0)
  private var pendingCount = 0
  private var needed = 0
  private var lower: UInt8 = 0x80
  private var upper: UInt8 = 0xBF

  public init() {}

  /// Appends the escaped form of `input`; an unfinished character at its end waits for the next call.
  public mutating func write(_ input: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    var index = 0
    while index < input.count {
      if needed == 0 {
        let start = index
        while index < input.count, Self.isPlain(input[index]) { index += 1 }
        if index > start { output += UnsafeRawBufferPointer(rebasing: input[start..<index]) }
        if index < input.count {
          begin(input[index], &output)
          index += 1
        }
      } else if lower <= input[index], input[index] <= upper {
        proceed(input[index], &output)
        index += 1
      } else {
        // Not part of the character that had begun: replace that, and look at this byte anew.
        reset()
        Self.appendReplacement(&output)
      }
    }
  }

  /// Ends the stream: a character that is still unfinished is replaced.
  public mutating func finish(to output: inout [UInt8]) {
    if needed > 0 { Self.appendReplacement(&output) }
    reset()
  }

  /// Appends `text` as a whole JSON string, quotes included.
  public static func append(_ text: String, to output: inout [UInt8]) {
    var escaper = JSONStringEscaper()
    var text = text
    output.append(UInt8(ascii: "\""))
    text.withUTF8 { escaper.write(UnsafeRawBufferPointer($0), to: &output) }
    escaper.finish(to: &output)
    output.append(UInt8(ascii: "\""))
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func begin(_ byte: UInt8, _ output: inout [UInt8]) {
    switch byte {
    case 0x00..<0x80:
      Self.appendEscape(byte, &output)
      return
    case 0xC2...0xDF: needed = 1
    case 0xE0...0xEF:
      needed = 2
      if byte == 0xE0 { lower = 0xA0 }
      if byte == 0xED { upper = 0x9F }
    case 0xF0...0xF4:
      needed = 3
      if byte == 0xF0 { lower = 0x90 }
      if byte == 0xF4 { upper = 0x8F }
    default:
      Self.appendReplacement(&output)
      return
    }
    pending.0 = byte
    pendingCount = 1
  }

  private mutating func proceed(_ byte: UInt8, _ output: inout [UInt8]) {
    lower = 0x80
    upper = 0xBF
    if pendingCount == needed {
      output.append(pending.0)
      if needed > 1 { output.append(pending.1) }
      if needed > 2 { output.append(pending.2) }
      output.append(byte)
      reset()
    } else {
      if pendingCount == 1 { pending.1 = byte } else { pending.2 = byte }
      pendingCount += 1
    }
  }

  private mutating func reset() {
    (pendingCount, needed, lower, upper) = (0, 0, 0x80, 0xBF)
  }

  private static func appendEscape(_ byte: UInt8, _ output: inout [UInt8]) {
    output.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
    case 0x0A: output.append(UInt8(ascii: "n"))
    case 0x0D: output.append(UInt8(ascii: "r"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0x08: output.append(UInt8(ascii: "b"))
    case 0x0C: output.append(UInt8(ascii: "f"))
    default:
      output.append(UInt8(ascii: "u"))
      output.append(UInt8(ascii: "0"))
      output.append(UInt8(ascii: "0"))
      output.append(UInt8(ascii: "0") + (byte >> 4))
      output.append(byte & 15 < 10 ? UInt8(ascii: "0") + (byte & 15) : UInt8(ascii: "a") + (byte & 15) - 10)
    }
  }

  private static func appendReplacement(_ output: inout [UInt8]) {
    output.append(0xEF)
    output.append(0xBF)
    output.append(0xBD)
  }
}
