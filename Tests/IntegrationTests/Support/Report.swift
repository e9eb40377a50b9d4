import Foundation
import JSONDocument
import MockMonorail

/// A report that the server got, and its parts by name.
struct Report {
  let text: String
  let document: JSON
  let byteCount: Int

  init(_ report: NodeReport) throws {
    document = try JSON(parsing: report.body)
    (text, byteCount) = (report.text, report.body.count)
  }

  /// The task at that index of the set, with its results.
  subscript(_ index: Int) -> JSON { tasks.indices.contains(index) ? tasks[index] : .null }

  var tasks: [JSON] { document["tasks"]?.arrayValue ?? [] }

  func stdout(_ index: Int = 0) -> String? { self[index]["stdout"]?.stringValue }
  func stderr(_ index: Int = 0) -> String? { self[index]["stderr"]?.stringValue }
  func error(_ index: Int = 0) -> JSON? { self[index]["error"] }
  /// The `code` of a task's error: an exit code as text, or a symbol.
  func code(_ index: Int = 0) -> String? {
    let code = self[index]["error"]?["code"]
    return code?.stringValue ?? code?.intValue.map(String.init)
  }

  /// Whether the task came back without results, since the agent did not run it.
  func isUntouched(_ index: Int) -> Bool {
    ["stdout", "stderr", "error", "agent"].allSatisfy { self[index][$0] == nil }
  }
}

extension JSON {
  /// A task set of these commands.
  static func taskSet(_ commands: [String]) -> JSON {
    ["tasks": .array(commands.map { ["cmd": .string($0)] })]
  }

  /// The names of an object's members, in the order of the text.
  var keys: [String] { objectValue?.members.map(\.key) ?? [] }
}
