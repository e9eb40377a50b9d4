import JSONDocument
import Testing

@Suite struct JSONTests {
  @Test(
    "a document comes back as it was, numbers and order too",
    arguments: [
      "12345678901234567890", "1.0", "1e400", "-0", "0", "-0.0", "1E5", "1e-7", "5e0000", "1e00000000000000000",
      "[true,false,null]", "9223372036854775807",
      "-9223372036854775809", "100000000000000000000", "123456789012345678901234567890", "true", "null", "\"\"",
      #"{"z":1,"a":[1.50,{"b":null}],"m":"\"\\\n\u0000ü€😀"}"#, "[]", "{}", #"["12345678901234567890123 -0"]"#,
      #"{"a\"b":[12345678901234567890123,-0,{"c":-12345678901234567890123}]}"#,
    ])
  func roundTrip(text: String) throws {
    #expect(try JSON(parsing: text).text == text)
  }

  @Test(
    "anything else is refused with a reason",
    arguments: [
      "", " ", "{", "[1,]", "{\"a\":1,}", "nul", "NaN", "01", "1 2", "{} x", "'a'", "/* */ 1", "\"a", "[1", "{\"a\"",
      "-Infinity", "[Infinity]", "<html>", String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
      "--1", "1e", "\0", "{'tasks':[]}", "5.", ".5", "+5", "00000000000000000000001", "tru", "truee", "1true",
    ])
  func refused(text: String) {
    #expect(throws: JSONParseError.self) { try JSON(parsing: text) }
  }

  @Test("a short text of very many values is refused before it takes memory")
  func manyValues() throws {
    let text = Array("[\(String(repeating: "{},", count: 1000))0]".utf8)
    #expect(throws: JSONParseError.self) { try JSON(parsing: text, maximumValues: 1000) }
    #expect(try JSON(parsing: text, maximumValues: 10_000).arrayValue?.count == 1001)
    #expect(try JSON(parsing: Array("\"[[[[,,,,{{{{\"".utf8), maximumValues: 1).stringValue == "[[[[,,,,{{{{")
  }

  @Test(
    "an error names its place in the document, also behind numbers that json-c cannot hold",
    arguments: [
      (#"[123456789012345678901234567890,-0,x]"#, 35), (#"[123456789012345678901234567890,-0"#, 34),
      (#"{"a":123456789012345678901234567890}}"#, 36), (#"{"a":-0,"b":1 2}"#, 14), ("[-0,'a']", 4), ("[-0,\"\0\"]", 5),
      (#"[12345678901234567890 1]"#, 22), ("-0 tru", 3), ("[1,01]", 3),
    ])
  func offset(text: String, offset: Int) throws {
    let error = try #require(throws: JSONParseError.self) { try JSON(parsing: text) }
    #expect(error.offset == offset, "\(error)")
  }

  @Test("text that is not UTF-8 is refused")
  func notUTF8() {
    #expect(throws: JSONParseError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
  }

  @Test("setting a member keeps its place; nil removes it")
  func members() throws {
    var object = try #require(JSON(parsing: #"{"a":1,"b":2,"c":3}"#).objectValue)
    object["b"] = "x"
    object["d"] = nil
    object["a"] = nil
    object["e"] = 5
    #expect(JSON.object(object).text == #"{"b":"x","c":3,"e":5}"#)
  }

  @Test("pretty text parses to the same value")
  func pretty() throws {
    let value = try JSON(parsing: #"{"a":[1,{"b":[]},{}],"c":"d"}"#)
    #expect(try JSON(parsing: value.prettyText) == value)
    #expect(value.prettyText.hasPrefix("{\n  \"a\": [\n    1,\n"))
  }

  @Test(
    arguments: [("1", 1), ("1.0", 1), ("1e3", 1000), ("1.5", nil), ("\"1\"", nil), ("1e400", nil)] as [(String, Int?)])
  func integers(text: String, value: Int?) throws {
    #expect(try JSON(parsing: text).intValue == value)
  }
}
