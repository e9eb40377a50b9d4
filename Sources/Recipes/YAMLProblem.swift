internal import CYAML

/// What libyaml says about a text that is no YAML, in words for the person who wrote it.
enum YAMLProblem {
  /// - Parameter parser: one that has failed.
  static func mistake(of parser: yaml_parser_t, in text: [UInt8], file: String) -> Mistake {
    let problem = parser.problem.map { String(cString: $0) } ?? "there is not enough memory"
    guard parser.error != YAML_READER_ERROR else {
      let line = text.prefix(parser.problem_offset).count { $0 == UInt8(ascii: "\n") } + 1
      let code = String(parser.problem_value, radix: 16, uppercase: true)
      return Mistake(
        Place(file, line: line),
        "the character U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code) cannot stand in a YAML text")
    }
    let line = Int(parser.problem_mark.line) + 1
    let opening = Int(parser.context_mark.line) + 1
    let context = parser.context.map { String(cString: $0) } ?? ""
    return Mistake(
      Place(file, line: line),
      words(for: problem, context, openedIn: opening, source: text.line(line), column: Int(parser.problem_mark.column)))
  }

  private static func words(
    for problem: String, _ context: String, openedIn opening: Int, source: [UInt8], column: Int
  ) -> String {
    let character = source.count > column ? String(decoding: [source[column]], as: UTF8.self) : ""
    if source.prefix(while: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).contains(UInt8(ascii: "\t")) {
      return "the line begins with a tab; YAML is indented with blanks"
    }
    switch problem {
    case "mapping values are not allowed in this context":
      return "\": \" cannot stand here: put the text into quotes, or check how far the line is indented"
    case "could not find expected ':'":
      return "a key without \":\" behind it, begun in line \(opening)"
    case "did not find expected key", "did not find expected '-' indicator", "did not find expected <block end>",
      "block sequence entries are not allowed in this context", "mapping keys are not allowed in this context":
      return "the line does not fit to what began in line \(opening): check how far it is indented, and quotes"
    case "did not find expected ',' or ']'":
      return "the list of line \(opening) has no \"]\", or a comma is missing before here"
    case "did not find expected ',' or '}'":
      return "the map of line \(opening) has no \"}\", or a comma is missing before here"
    case "did not find expected node content":
      return "a value is missing before here, or the list or map of line \(opening) is not closed"
    case "found unexpected end of stream", "found unexpected document indicator":
      return "the quotes of line \(opening) are not closed"
    case "found unknown escape character":
      return
        "there is no such escape in double quotes; \"\\\\\" is a backslash, and in single quotes it stands for itself"
    case "found character that cannot start any token":
      return "text cannot begin with \(character.quoted): put it into quotes"
    case "did not find expected alphabetic or numeric character"
    where context.contains("alias") || context.contains("anchor"):
      return "text cannot begin with \"*\" or \"&\": put it into quotes"
    default: return "this is no YAML: \(context.isEmpty ? "" : context + ": ")\(problem)"
    }
  }
}

extension [UInt8] {
  /// - Parameter number: counted from 1.
  fileprivate func line(_ number: Int) -> [UInt8] {
    let lines = split(separator: UInt8(ascii: "\n"), maxSplits: number, omittingEmptySubsequences: false)
    return lines.count >= number ? Array(lines[number - 1]) : []
  }
}
