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

      The exit code is 0 also when tasks have failed; it is 1 when a file is not a report.
      """)

  @Argument(help: "Files that 'serve --results' has written.", completion: .file(extensions: ["json"]))
  var files: [String]

  func run() throws {
    let style = Self.style()
    for (index, file) in files.enumerated() {
      let report: TaskSet
      do {
        report = try TaskSet(parsing: Data(contentsOf: URL(fileURLWithPath: file)))
      } catch {
        throw ValidationError.cannotUse(file, as: "a report", error)
      }
      if index > 0 { print() }
      print(ReportTable(report, title: file).text(style), terminator: "")
    }
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
  /// `cannot read x as a report: why`.
  static func cannotUse(_ file: String, as what: String, _ error: any Error) -> ValidationError {
    let reason = (error as? CocoaError).map { _ in error.localizedDescription } ?? "\(error)"
    return ValidationError("cannot use \(file) as \(what): \(reason)")
  }
}
