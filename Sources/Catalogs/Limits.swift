/// How much of one output is parsed. What is larger is kept raw, so that no output takes more than some seconds or some
/// hundred megabytes.
public enum CatalogLimits {
  /// Bytes of one output. A stock server takes reports of 10 MB.
  public static let bytes = 16 << 20
  /// Lines of one output.
  public static let lines = 500_000
  /// Values of the resulting document. A rack server's largest catalog has some ten thousand.
  public static let values = 500_000
  /// How deep XML elements, and the parts of LLDP's keys, may nest. JSON has the limit of `JSON.maximumDepth`.
  public static let depth = 60

  /// The reason not to parse the output; `nil` when it may be parsed.
  static func problem(with output: String) -> String? {
    var output = output
    return output.withUTF8 { bytes in
      guard bytes.count <= Self.bytes else {
        return "the output has \(bytes.count) bytes, and more than \(Self.bytes) are not parsed"
      }
      var count = 0
      for byte in bytes where byte == UInt8(ascii: "\n") { count += 1 }
      return count <= lines ? nil : "the output has \(count) lines, and more than \(lines) are not parsed"
    }
  }
}

/// Counts the values that a parser makes, where one line can make many.
struct ValueBudget {
  private var left = CatalogLimits.values

  mutating func take(_ count: Int) throws(Unparsable) {
    left -= count
    guard left >= 0 else { throw Unparsable("the output has more than \(CatalogLimits.values) values") }
  }
}
