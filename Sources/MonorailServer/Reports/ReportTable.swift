import JSONDocument
import MonorailProtocol

/// A report as a table for people: one line a task.
public struct ReportTable: Sendable {
  /// How to write it.
  public struct Style: Sendable {
    /// Columns of the terminal.
    public var width: Int
    public var usesColor: Bool

    public init(width: Int = 120, usesColor: Bool = false) { (self.width, self.usesColor) = (width, usesColor) }
  }

  private struct Row {
    let cells: [String]
    let outcome: TaskOutcome?
  }

  private let title: String
  private let rows: [Row]
  private let summary: String

  /// - Parameter title: what stands above, as the file's name.
  public init(_ report: TaskSet, title: String) {
    let outcomes = report.tasks.map { TaskOutcome($0) }
    self.title = report.identifier.map { "\(title): node \($0)" } ?? title
    rows = zip(report.tasks, outcomes).map { Row(cells: Self.cells($0, $1), outcome: $1) }
    var counts = [ReadableText.tasks(outcomes.count)]
    for (name, count) in [
      ("failed", outcomes.count { $0.isFailure && !$0.isAbsent }), ("absent", outcomes.count(where: \.isAbsent)),
      ("not run", outcomes.count { $0 == .notRun }),
    ] where count > 0 { counts.append("\(count) \(name)") }
    summary = counts.joined(separator: ", ")
  }

  private static let header = Row(cells: ["TASK", "STATUS", "TIME", "OUTPUT", "FIRST LINE"], outcome: nil)

  /// The table's text, with a final newline.
  public func text(_ style: Style = Style()) -> String {
    let all = [Self.header] + rows
    var widths = (0..<4).map { column in all.map { $0.cells[column].count }.max() ?? 0 }
    // The command and the first line share what the other columns leave.
    let rest = max(20, style.width - widths[1] - widths[2] - widths[3] - 8)
    widths[0] = min(widths[0], rest / 2)
    let lastWidth = rest - widths[0]
    let lines = all.map { row in
      let cells = zip(row.cells, widths + [lastWidth]).enumerated().map { column, cell in
        let text = Self.fitted(cell.0, cell.1)
        let blanks = String(repeating: " ", count: cell.1 - text.count)
        let isNumber = column == 2 || column == 3
        let padded = isNumber ? blanks + text : column == 4 ? text : text + blanks
        return style.usesColor ? Self.colored(padded, row.outcome, column) : padded
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
    return ([title] + lines + [summary, ""]).joined(separator: "\n")
  }

  private static func cells(_ task: NodeTask, _ outcome: TaskOutcome) -> [String] {
    let output = task.fields["stdout"]?.stringValue ?? ""
    let facts = task.fields["agent"]
    var status = outcome.description
    if let attempts = facts?["attempts"]?.intValue, attempts > 1 { status += ", \(attempts) attempts" }
    var size = task.fields["stdout"] == nil ? "" : Self.size(output.utf8.count)
    if let cut = facts?["stdoutCut"]?.intValue, cut > 0 { size += " (\(Self.size(cut)) cut)" }
    let error = task.fields["stderr"]?.stringValue ?? ""
    let line = firstLine(outcome.isFailure ? error : output) ?? firstLine(output) ?? firstLine(error)
    let message = task.fields["error"]?["message"]?.stringValue
    return [
      shortened(task.command ?? task.downloadURL.map { "download \($0)" } ?? ""), status,
      facts?["durationMilliseconds"]?.intValue.map(duration) ?? "", size, line ?? message ?? "",
    ]
  }

  /// The command in one line, without the `sudo` that most commands begin with.
  private static func shortened(_ command: String) -> String {
    let line = printable(command)
    return line.hasPrefix("sudo ") ? String(line.dropFirst(5)) : line
  }

  /// The first line that says something: neither blank, nor a rule, nor a lone bracket.
  private static func firstLine(_ text: String) -> String? {
    for line in text.split(whereSeparator: \.isNewline).prefix(100)
    where line.contains(where: { $0.isLetter || $0.isNumber }) {
      return printable(String(line))
    }
    return nil
  }

  /// Whatever a command printed must not reach the terminal as control characters.
  private static func printable(_ text: String) -> String {
    let isControl = { (scalar: Unicode.Scalar) in scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) }
    let shown = String(String.UnicodeScalarView(text.unicodeScalars.prefix(500).map { isControl($0) ? " " : $0 }))
    return shown.split(separator: " ").joined(separator: " ")
  }

  private static func fitted(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…"
  }

  private static func duration(_ milliseconds: Int) -> String {
    switch milliseconds {
    case ..<1000: "\(milliseconds) ms"
    case ..<100_000: "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    default: "\(milliseconds / 60_000) min \(milliseconds % 60_000 / 1000) s"
    }
  }

  private static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) B"
    case ..<1_000_000: "\(bytes / 1000).\(bytes % 1000 / 100) kB"
    default: "\(bytes / 1_000_000).\(bytes % 1_000_000 / 100_000) MB"
    }
  }

  private static func colored(_ text: String, _ outcome: TaskOutcome?, _ column: Int) -> String {
    guard let outcome else { return "\u{1B}[1m\(text)\u{1B}[0m" }
    guard column == 1 else { return text }
    let code =
      switch outcome {
      case .succeeded, .accepted: 32
      case .absent, .notRun: 33
      case .failed: 31
      }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}
