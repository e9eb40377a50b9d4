import Catalogs
import MonorailProtocol

/// The catalog that becomes of a task's output, as docs/catalogs.md has it.
enum TaskCatalog {
  /// Of a task of a set that a person wrote. In this order:
  ///
  /// 1. A task that says `"catalog": false` makes none.
  /// 2. One that is marked (`catalog`, or a `source`) and has a `format`: what its format says.
  /// 3. One whose command is that of a known tool: what the tool's parser says, under the task's `source` if it has one.
  /// 4. One that is marked: the document when the output is JSON, else the output as text.
  static func ofWritten(_ task: NodeTask) -> Catalog? {
    let form = Form(task)
    switch form {
    case .none: return nil
    case .marked(let source, let format): return marked(source: source, format: format, task)
    case .tool(let command):
      let catalog = byCommand(command, task)
      return task.fields["source"]?.stringValue.flatMap { catalog?.named($0) } ?? catalog
    }
  }

  /// Whether `ofWritten` looks at the output.
  static func needsOutput(_ task: NodeTask) -> Bool {
    if case .none = Form(task) { false } else { true }
  }

  /// Of a task of which the text of the command tells how its output is parsed.
  static func byCommand(_ command: ToolCommand, _ task: NodeTask) -> Catalog? {
    if let problem = problem(with: task) { return command.catalog(ofFailure: problem) }
    return task.fields["stdout"]?.stringValue.map { command.catalog(of: $0) }
  }

  /// Of a task that is marked.
  ///
  /// - Parameter format: `nil`: whatever the output is.
  static func marked(source: String?, format: Catalog.Format?, _ task: NodeTask) -> Catalog? {
    guard problem(with: task) == nil, let output = task.fields["stdout"]?.stringValue else { return nil }
    if let format { return .marked(source: source, format: format, output: output) }
    let document = Catalog.marked(source: source, format: .json, output: output)
    return document.reason == nil ? document : .marked(source: source, format: .raw, output: output)
  }

  /// How the command ended, when it did not end well. Such an output is not stored, even if the task accepts the code.
  private static func problem(with task: NodeTask) -> String? {
    switch TaskOutcome(task) {
    case .succeeded, .notRun: nil
    case .accepted(let code): "code \(code)"
    case .absent: "there is no such program"
    case .failed(let how): how
    }
  }

  private enum Form {
    case none
    case marked(source: String?, format: Catalog.Format?)
    case tool(ToolCommand)

    init(_ task: NodeTask) {
      let (mark, source) = (task.fields["catalog"], task.fields["source"]?.stringValue)
      let isMarked = source != nil || mark.map { ![.null, false].contains($0) } == true
      let format = task.fields["format"]?.stringValue.flatMap { Catalog.Format(rawValue: $0) }
      if mark == false {
        self = .none
      } else if isMarked, let format {
        self = .marked(source: source, format: format)
      } else if let command = task.command.flatMap({ ToolCommand($0) }) {
        self = .tool(command)
      } else {
        self = isMarked ? .marked(source: source, format: nil) : .none
      }
    }
  }
}
