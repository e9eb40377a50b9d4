import JSONDocument
import Synchronization
import TestSupport
import Workflows

@testable import MonorailStore

extension RenderScope {
  static let test = RenderScope(server: (["apiServerAddress": "10.1.1.1", "apiServerPort": 9080] as JSON).object)
}

extension JSON {
  var object: JSONObject { objectValue ?? JSONObject() }
}

/// A clock that goes only when the test says so.
final class HandClock: Sendable {
  private let time = Mutex(1_700_000_000_000)

  var now: Int { time.withLock { $0 } }
  func advance(milliseconds: Int) { time.withLock { $0 += milliseconds } }
}

extension StoreConfiguration {
  /// With the definitions of the program.
  static func test(_ directory: String? = nil, clock: HandClock? = nil) throws -> StoreConfiguration {
    var configuration = StoreConfiguration()
    configuration.directory = directory
    configuration.definitions = try .stock()
    if let clock { configuration.clock = { clock.now } }
    return configuration
  }
}

extension Store {
  /// A graph of those tasks, started for a node.
  func start(
    _ tasks: [JSON], node: String? = "n1", options: JSON = [:], name: String = "Graph.Test"
  ) async throws -> String {
    try await put(graph: name, tasks)
    return try await start(StartRequest(graph: name, node: node, options: options.object, scope: .test))
  }

  func put(graph name: String, _ tasks: [JSON], options: JSON = [:]) async throws {
    let json: JSON = [
      "friendlyName": .string(name), "injectableName": .string(name), "options": options, "tasks": .array(tasks),
    ]
    try await perform(.put(graph: GraphDefinition(json, strictness: .file)))
  }

  func takenSet(_ node: String = "n1") async throws -> TaskSetRecord? {
    if case .taskSet(let set) = try await perform(.takeTaskSet(node)) { set } else { nil }
  }

  /// Reports a task set in which every task succeeded.
  @discardableResult
  func report(_ set: TaskSetRecord, output: String = "", error: JSON = .null) async throws -> AcceptedReport {
    var json = try JSON(parsing: set.body).object
    json["tasks"] = .array(
      (json["tasks"]?.arrayValue ?? []).map { task in
        var task = task.object
        task["stdout"] = .string(output)
        task["error"] = error
        return .object(task)
      })
    let report = IncomingReport(
      node: set.node, body: Array(JSON.object(json).text.utf8), mark: json[IncomingReport.markKey]?.stringValue)
    return try await perform(.acceptReport(report, catalogs: parsingCatalogs(of: report)))
  }

  var hasActions: Bool { live.withLock { !$0.actions.isEmpty } }

  func answerActions(_ answer: RequestAnswer = .done(.null)) async throws {
    for action in takeActions() { try await perform(.performed(action, answer)) }
  }

  /// What the node ran in `task` until nothing was left to do.
  func finish(_ node: String = "n1", output: String = "") async throws -> [String] {
    var commands: [String] = []
    while true {
      try await answerActions()
      guard let set = try await takenSet(node) else { return commands }
      commands += try set.commands
      try await report(set, output: output)
    }
  }
}

extension TaskSetRecord {
  var commands: [String] {
    get throws { try JSON(parsing: body)["tasks"]?.arrayValue?.compactMap { $0["cmd"]?.stringValue } ?? [] }
  }
}

/// A task of a graph that runs one command on the node.
func commands(_ label: String, _ commands: JSON, waitOn: JSON = [:]) -> JSON {
  [
    "label": .string(label), "waitOn": waitOn,
    "taskDefinition": [
      "friendlyName": .string(label), "injectableName": .string("Task.\(label)"),
      "implementsTask": "Task.Base.Linux.Commands", "options": ["commands": commands], "properties": [:],
    ],
  ]
}

func manage(_ label: String, _ action: String, waitOn: JSON = [:]) -> JSON {
  [
    "label": .string(label), "waitOn": waitOn,
    "taskDefinition": [
      "friendlyName": .string(label), "injectableName": .string("Task.\(label)"),
      "implementsTask": "Task.Base.Obm.Node", "options": ["action": .string(action)], "properties": [:],
    ],
  ]
}

func noop(_ label: String, waitOn: JSON = [:], delay: Int = 0) -> JSON {
  [
    "label": .string(label), "waitOn": waitOn,
    "taskDefinition": [
      "friendlyName": .string(label), "injectableName": .string("Task.\(label)"),
      "implementsTask": "Task.Base.noop", "options": ["delay": .integer(delay)], "properties": [:],
    ],
  ]
}
