/// Why a parser does not take an output.
struct Unparsable: Error {
  /// What is wrong, with the line's number where there is one.
  let reason: String

  init(_ reason: String) { self.reason = reason }

  /// - Parameter line: the line's number, counted from 1.
  init(line: Int, _ reason: String) { self.reason = "line \(line): \(reason)" }
}
