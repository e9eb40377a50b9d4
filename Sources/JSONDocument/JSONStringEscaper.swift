/// Turns a stream of arbitrary bytes into the inside of a JSON string, in pieces of any size.
///
/// Bytes that are not UTF-8 become U+FFFD, one for each maximal ill-formed part, as the WHATWG Encoding Standard's UTF-8
/// decoder does it. A character that is cut by the border of two pieces is put together again. Control characters, quotes
/// and backslashes become JSON escapes (RFC 8259, section 7).
public struct JSONStringEscaper: Sendable {
  // The bytes of a character that has begun, how many of them came, how many are missing behind the first one, and the
  // range in which the next one must be.
  private var pending: (UInt8, UInt8, UInt8) = (0, 0, 0)
  private var pendingCount = 0
  private var needed = 0
  private var lower: UInt8 = 0x80
  private var upper: UInt8 = 0xBF

  public init() {}

  /// Appends the escaped form of `input`. An unfinished character at the end of `input` waits for the next call.
  public mutating func write(_ input: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    var sizing = self
    let start = output.count
    // Appending byte by byte takes ten times as long as counting first and then writing to memory that is there.
    output.append(contentsOf: repeatElement(0, count: sizing.size(of: input)))
    output.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      var sink = MemorySink(next: base + start)
      escape(input, to: &sink)
    }
  }

  /// How many bytes `write` would append; the escaper is then where it would be after `write`.
  public mutating func size(of input: UnsafeRawBufferPointer) -> Int {
    var sink = CountingSink()
    escape(input, to: &sink)
    return sink.count
  }

  /// Ends the stream: a character that is still unfinished is replaced.
  public mutating func finish(to output: inout [UInt8]) {
    if needed > 0 { output += [0xEF, 0xBF, 0xBD] }
    reset()
  }

  /// How many bytes `finish` would append.
  public mutating func sizeOfEnd() -> Int {
    defer { reset() }
    return needed > 0 ? 3 : 0
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

  @inline(__always)
  private mutating func escape(_ input: UnsafeRawBufferPointer, to sink: inout some EscaperSink) {
    guard let bytes = input.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
    let count = input.count
    var index = 0
    while index < count {
      let byte = bytes[index]
      if needed > 0 {
        if lower <= byte, byte <= upper {
          proceed(byte, &sink)
          index += 1
        } else {
          // This byte does not belong to the character that has begun: replace the character, and look at the byte anew.
          reset()
          sink.putReplacement()
        }
      } else if Self.isPlain(byte) {
        var end = index + 1
        while end < count, Self.isPlain(bytes[end]) { end += 1 }
        sink.put(bytes + index, end - index)
        index = end
      } else {
        if byte < 0x80 { Self.putEscape(byte, &sink) } else { begin(byte, &sink) }
        index += 1
      }
    }
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// Takes the first byte of a character of several bytes.
  @inline(__always)
  private mutating func begin(_ byte: UInt8, _ sink: inout some EscaperSink) {
    switch byte {
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
      sink.putReplacement()
      return
    }
    pending.0 = byte
    pendingCount = 1
  }

  /// Takes a further byte of a character.
  @inline(__always)
  private mutating func proceed(_ byte: UInt8, _ sink: inout some EscaperSink) {
    lower = 0x80
    upper = 0xBF
    if pendingCount == needed {
      sink.put(pending.0)
      if needed > 1 { sink.put(pending.1) }
      if needed > 2 { sink.put(pending.2) }
      sink.put(byte)
      reset()
    } else {
      if pendingCount == 1 { pending.1 = byte } else { pending.2 = byte }
      pendingCount += 1
    }
  }

  private mutating func reset() {
    (pendingCount, needed, lower, upper) = (0, 0, 0x80, 0xBF)
  }

  @inline(__always)
  private static func putEscape(_ byte: UInt8, _ sink: inout some EscaperSink) {
    sink.put(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): sink.put(byte)
    case 0x0A: sink.put(UInt8(ascii: "n"))
    case 0x0D: sink.put(UInt8(ascii: "r"))
    case 0x09: sink.put(UInt8(ascii: "t"))
    case 0x08: sink.put(UInt8(ascii: "b"))
    case 0x0C: sink.put(UInt8(ascii: "f"))
    default:
      sink.put(UInt8(ascii: "u"))
      sink.put(UInt8(ascii: "0"))
      sink.put(UInt8(ascii: "0"))
      sink.put(UInt8(ascii: "0") + (byte >> 4))
      sink.put(byte & 15 < 10 ? UInt8(ascii: "0") + (byte & 15) : UInt8(ascii: "a") + (byte & 15) - 10)
    }
  }
}

/// What becomes of escaped bytes: they are written, or only counted.
private protocol EscaperSink {
  mutating func put(_ byte: UInt8)
  mutating func put(_ bytes: UnsafePointer<UInt8>, _ count: Int)
}

extension EscaperSink {
  /// U+FFFD in UTF-8.
  @inline(__always)
  mutating func putReplacement() {
    put(0xEF)
    put(0xBF)
    put(0xBD)
  }
}

private struct CountingSink: EscaperSink {
  var count = 0

  @inline(__always)
  mutating func put(_ byte: UInt8) { count += 1 }

  @inline(__always)
  mutating func put(_ bytes: UnsafePointer<UInt8>, _ count: Int) { self.count += count }
}

/// Writes to memory that has room for all that comes.
private struct MemorySink: EscaperSink {
  var next: UnsafeMutableRawPointer

  @inline(__always)
  mutating func put(_ byte: UInt8) {
    next.storeBytes(of: byte, as: UInt8.self)
    next += 1
  }

  @inline(__always)
  mutating func put(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    next.copyMemory(from: bytes, byteCount: count)
    next += count
  }
}
