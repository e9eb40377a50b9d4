import JSONDocument
import Testing

@Suite struct JSONStringEscaperTests {
  /// Escapes `bytes` in pieces of `size`, and reads the result back with the JSON parser.
  private func decoded(_ bytes: [UInt8], piece size: Int) throws -> String? {
    var escaper = JSONStringEscaper()
    var sizing = JSONStringEscaper()
    var output = Array("\"".utf8)
    var room = [UInt8](repeating: 0, count: JSONStringEscaper.room(for: size))
    func append(_ write: (UnsafeMutableRawPointer) -> Int) throws -> Int {
      let count = try room.withUnsafeMutableBytes { write(try #require($0.baseAddress)) }
      output += room[..<count]
      return count
    }
    for start in stride(from: 0, to: bytes.count, by: size) {
      try bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { piece in
        let count = try append { escaper.write(piece, to: $0) }
        #expect(count == sizing.size(of: piece), "what is counted is what is written")
      }
    }
    let count = try append { escaper.finish(to: $0) }
    #expect(count == sizing.sizeOfEnd())
    return try JSON(parsing: output + Array("\"".utf8)).stringValue
  }

  @Test(
    "U+FFFD stands where WHATWG decoders put it, whatever the size of the pieces",
    arguments: [
      ([0x41, 0xFF, 0x42], "A\u{FFFD}B"),
      ([0xE2, 0x82], "\u{FFFD}"),
      ([0xE2, 0x82, 0x41], "\u{FFFD}A"),
      ([0xE2, 0x82, 0xAC], "€"),
      ([0xF0, 0x9F, 0x98, 0x80], "😀"),
      ([0xF0, 0x9F, 0x98, 0xF0, 0x9F, 0x98, 0x80], "\u{FFFD}😀"),
      ([0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
      ([0xE0, 0x80, 0xAF], "\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0xF8, 0x88, 0x80, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0x80, 0xBF], "\u{FFFD}\u{FFFD}"),
      ([0x00, 0x1F, 0x7F, 0x22, 0x5C, 0x0A], "\0\u{1F}\u{7F}\"\\\n"),
    ] as [([UInt8], String)])
  func replacement(bytes: [UInt8], text: String) throws {
    for size in 1...max(1, bytes.count) { #expect(try decoded(bytes, piece: size) == text) }
  }

  @Test("finds the one byte that needs an escape wherever it stands among plain ones", arguments: 0...255)
  func oneByte(byte: UInt8) throws {
    for place in 0..<24 {
      var bytes = [UInt8](repeating: 0x61, count: 24)
      bytes[place] = byte
      #expect(try decoded(bytes, piece: 24) == String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test("agrees with the standard library on a million bytes made of hard cases")
  func againstStandardLibrary() throws {
    let hard: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF,
    ]
    var state: UInt64 = 42
    let bytes = (0..<1_000_000).map { _ -> UInt8 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return hard[Int(state >> 33) % hard.count]
    }
    let text = try #require(try decoded(bytes, piece: 4093))
    #expect(text == String(decoding: bytes, as: UTF8.self))
  }
}
