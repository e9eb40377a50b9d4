import ArgumentParser
import Foundation
import JSONDocument
import MockMonorail
import MonorailProtocol

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Print reports that serve --results has stored, one table each.",
    discussion: """
      EXAMPLE
        monorail-mock report results/*/*.json
        monorail-mock report --json results/*/*.json | jq '.[] | select(.failed > 0) | .file'

      --json prints a list with an object for each file: file, node, failed (how many tasks), and tasks, each with cmd,
      downloadUrl, source, status (ok, accepted, absent, failed, not run), reason (code 3, SIGKILL, timeout), failed,
      milliseconds, attempts, outputBytes and message; what is not known is null.

      The exit code is 0 also when tasks have failed; it is 1 when a file is not a report.
      """)

  @Argument(help: "Files that 'serve --results' has written.", completion: .file(extensions: ["json"]))
  var files: [String]

  @Flag(help: "Print JSON, for programs; see above.")
  var json = false

  func run() throws {
    let style = Self.style()
    var summaries: [JSON] = []
    for (index, file) in files.enumerated() {
      let report: TaskSet
      do {
        report = try TaskSet(parsing: Data(contentsOf: URL(fileURLWithPath: file)))
      } catch {
        throw ValidationError.cannotUse(
          file, as: "a report", error, "; reports are what 'monorail-mock serve --results DIR' writes to DIR/NODE/")
      }
      if json {
        summaries.append(ReportJSON.summary(of: report, file: file))
        continue
      }
      if index > 0 { print() }
      print(ReportTable(report, title: file).text(style), terminator: "")
    }
    if json { print(JSON.array(summaries).prettyText, terminator: "") }
  }

  /// The terminal's width (or `COLUMNS`), and colors on a terminal only (`NO_COLOR` is honored).
  private static func style() -> ReportTable.Style {
    let environment = ProcessInfo.processInfo.environment
    var style = ReportTable.Style()
    var window = winsize()
    let isTerminal = isatty(STDOUT_FILENO) == 1
    if isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 {
      style.width = Int(window.ws_col)
    } else if let columns = environment["COLUMNS"].flatMap({ Int($0) }), columns > 0 {
      style.width = columns
    }
    style.usesColor = isTerminal && environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"
    return style
  }
}

extension ValidationError {
  /// `cannot use x as a report: No such file or directory`.
  ///
  /// - Parameter advice: what follows the reason.
  static func cannotUse(_ file: String, as what: String, _ error: any Error, _ advice: String = "") -> ValidationError {
    // Foundation's own sentences do not say more than the system's.
    let cause = (error as? CocoaError)?.underlying as? POSIXError
    let reason =
      cause.map { String(cString: strerror($0.code.rawValue)) }
      ?? (error as? CocoaError).map { _ in error.localizedDescription } ?? "\(error)"
    return ValidationError("cannot use \(file) as \(what): \(reason)\(advice)")
  }
}
