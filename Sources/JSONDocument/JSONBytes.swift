/// Bytes as hexadecimal digits.
public enum Hexadecimal {
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// `nil` when the text has anything but pairs of digits.
  public static func bytes(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}

extension JSONObject {
  /// Sets a member to text; what is not UTF-8 stands in hexadecimal besides, in a member whose name ends in `Hex`.
  public mutating func set(_ key: String, bytes: [UInt8]) {
    self[key] = .string(String(decoding: bytes, as: UTF8.self))
    if String(validating: bytes, as: UTF8.self) == nil { self[key + "Hex"] = .string(Hexadecimal.text(bytes)) }
  }
}
