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

  /// How many bytes a call of `write` or `finish` writes at most.
  ///
  /// - Parameter count: bytes of its input. Each may become six, and a character that had begun before becomes up to four.
  public static func room(for count: Int) -> Int { 6 * count + 4 }

  /// Writes the escaped form of `input`. An unfinished character at the end of `input` waits for the next call.
  ///
  /// - Parameter output: has `room(for: input.count)` bytes.
  /// - Returns: how many bytes were written.
  public mutating func write(_ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer) -> Int {
    var sink = MemorySink(next: output)
    escape(input, to: &sink)
    return sink.next - output
  }

  /// How many bytes `write` would write; the escaper is then where it would be after `write`.
  public mutating func size(of input: UnsafeRawBufferPointer) -> Int {
    var sink = CountingSink()
    escape(input, to: &sink)
    return sink.count
  }

  /// Ends the stream: a character that is still unfinished is replaced.
  ///
  /// - Returns: how many bytes were written.
  public mutating func finish(to output: UnsafeMutableRawPointer) -> Int {
    var sink = MemorySink(next: output)
    if needed > 0 { sink.putReplacement() }
    reset()
    return sink.next - output
  }

  /// How many bytes `finish` would write.
  public mutating func sizeOfEnd() -> Int {
    defer { reset() }
    return needed > 0 ? 3 : 0
  }

  /// Appends `text` as a whole JSON string, quotes included.
  public static func append(_ text: String, to output: inout [UInt8]) {
    var text = text
    output.append(UInt8(ascii: "\""))
    text.withUTF8 { utf8 in
      let input = UnsafeRawBufferPointer(utf8)
      var sizing = JSONStringEscaper()
      let start = output.count
      output.append(contentsOf: repeatElement(0, count: sizing.size(of: input)))
      output.withUnsafeMutableBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        var escaper = JSONStringEscaper()
        // A String is UTF-8, so that no character is unfinished at its end.
        _ = escaper.write(input, to: base + start)
      }
    }
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
        let end = Self.endOfPlain(input, bytes, from: index + 1)
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

  /// Where the plain bytes from `start` on end. Most output is plain, so this looks at eight bytes at once.
  @inline(__always)
  private static func endOfPlain(
    _ input: UnsafeRawBufferPointer, _ bytes: UnsafePointer<UInt8>, from start: Int
  ) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops = ones << 7
    var end = start
    while end + 8 <= input.count {
      let word = UnsafeRawPointer(bytes + end).loadUnaligned(as: UInt64.self)
      // Subtracting from each byte borrows into its highest bit when the byte was smaller. A byte may get a bit from its
      // neighbour's borrow, which only ends the stretch early.
      let controls = word &- (ones &* 0x20)
      let quotes = (word ^ (ones &* UInt64(UInt8(ascii: "\"")))) &- ones
      let backslashes = (word ^ (ones &* UInt64(UInt8(ascii: "\\")))) &- ones
      guard (word | controls | quotes | backslashes) & tops == 0 else { break }
      end += 8
    }
    while end < input.count, isPlain(bytes[end]) { end += 1 }
    return end
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
