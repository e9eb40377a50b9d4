/// Numbers with a unit, as people write them.
enum Quantity {
  /// A time in milliseconds: `5` and `5s` are seconds, `250ms`, `2m`; fractions are fine. `nil` for anything else, and for
  /// what is not above zero or longer than a day.
  static func milliseconds(_ text: String) -> Int? {
    for (suffix, factor) in [("ms", 1.0), ("s", 1000.0), ("m", 60_000.0), ("", 1000.0)] where text.hasSuffix(suffix) {
      guard let value = number(text.dropLast(suffix.count)) else { return nil }
      let result = value * factor
      return result >= 1 && result <= 86_400_000 ? Int(result) : nil
    }
    return nil
  }

  /// A size in bytes: `1000000`, `512K`, `16M`, `1G`, in powers of 1024. `nil` for anything else.
  static func bytes(_ text: String) -> Int? {
    for (suffix, factor) in [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("", 1)] where text.hasSuffix(suffix) {
      return Int(text.dropLast(suffix.count)).flatMap { value in
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow || value < 0 ? nil : product
      }
    }
    return nil
  }

  private static func number(_ text: Substring) -> Double? {
    text.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") } ? Double(text) : nil
  }
}
