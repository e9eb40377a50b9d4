import JSONDocument
import Testing

@testable import Workflows

/// Runs and definitions in the form of the stock server's API.
@Suite struct APIDocumentTests {
  private static let graph: JSON = [
    "friendlyName": "Demo <1>", "injectableName": "Graph.Demo", "x-note": "kept",
    "tasks": [
      ["label": "boot", "taskName": "Task.noop", "ignoreFailure": true],
      [
        "label": "next", "waitOn": ["anyOf": ["boot": "succeeded"], "boot": ["failed", "finished"]],
        "taskDefinition": .task(
          base: "Obm.Ipmi.CreateSettings", options: ["user": "me", "password": "secret", "bmcPassword": nil]),
      ],
    ],
  ]

  private static func run() throws -> GraphRun {
    let library = try DefinitionLibrary.stock()
    let request = RunRequest(target: "5b1c", scope: .test)
    var run = GraphRun(try plan(graph, request: request, library: library, jobs: .stock), jobs: .stock)
    _ = run.handle(.started, at: 1_530_446_400_123)
    return run
  }

  @Test func `a run as the stock server shows it under a node`() throws {
    var run = try Self.run()
    let raw = run.raw(id: "5b1d")
    let names = raw.object.members.map(\.key)
    #expect(
      Set(names) == [
        "_status", "id", "instanceId", "node", "name", "injectableName", "domain", "context", "logContext",
        "definition", "createdAt", "updatedAt", "tasks",
      ])
    #expect(raw["_status"] == "running")
    #expect(raw["name"] == "Demo <1>")
    #expect(raw["node"] == "5b1c")
    #expect(raw["createdAt"] == "2018-07-01T12:00:00.123Z")
    #expect(raw["context"] == ["target": "5b1c", "graphId": "id0", "graphName": "Graph.Demo"])
    #expect(raw["logContext"] == ["graphInstance": "id0", "graphName": "Demo <1>", "id": "5b1c"])
    #expect(raw["definition"]?["x-note"] == "kept")
    #expect(
      raw["definition"]?["tasks"]?.arrayValue?[1]["waitOn"]
        == ["id1": ["failed", "finished"], "anyOf": ["id1": "succeeded"]])
    #expect(raw["tasks"]?.objectValue?.members.map(\.key) == ["id1", "id2"])
    #expect(
      raw["tasks"]?["id1"] == [
        "label": "boot", "instanceId": "id1", "options": ["_taskTimeout": 86_400_000], "runJob": "Job.noop",
        "state": "succeeded",
        "taskStartTime": "2018-07-01T12:00:00.123Z", "taskEndTime": "2018-07-01T12:00:00.123Z",
        "terminalOnStates": [], "waitingOn": [:], "name": "Task.noop", "friendlyName": "Do nothing",
        "injectableName": "Task.noop", "implementsTask": "Task.Base.noop",
        "jobOptionsSchema": raw["tasks"]?["id1"]?["jobOptionsSchema"] ?? nil, "properties": ["noop": [:]],
        "ignoreFailure": true,
      ])
    // A task that runs is pending, too, and has begun.
    let next = try #require(raw["tasks"]?["id2"])
    #expect(next["state"] == "pending")
    #expect(next["taskStartTime"] != nil)
    #expect(next["terminalOnStates"] == ["succeeded", "timeout", "cancelled", "failed"])

    _ = run.handle(.performed(task: "id2", .failed("no <b>MC")), at: 1_530_446_401_000)
    #expect(run.raw()["_status"] == "failed")
    #expect(run.raw()["id"] == nil)
    #expect(run.raw()["updatedAt"] == "2018-07-01T12:00:01.000Z")
    #expect(run.raw()["tasks"]?["id2"]?["error"] == "no <b>MC")
  }

  @Test func `a run as the list of workflows shows it, with secrets hidden for one`() throws {
    let view = try Self.run().view(id: "5b1d", hidesSecrets: true)
    #expect(view["status"] == "running")
    #expect(view["_status"] == nil)
    #expect(view["name"] == "Demo &lt;1&gt;")
    #expect(view["definition"] == "/api/2.0/workflows/graphs/Graph.Demo")
    #expect(view["serviceGraph"] == "")
    let tasks = try #require(view["tasks"]?.arrayValue)
    #expect(tasks.map { $0["label"] } == ["boot", "next"])
    #expect(tasks[0]["name"] == nil)
    #expect(
      tasks[1]["options"] == ["user": "me", "password": "REDACTED", "bmcPassword": nil, "_taskTimeout": 86_400_000])
    let open = try Self.run().view(id: "5b1d", hidesSecrets: false)
    #expect(open["tasks"]?.arrayValue?[1]["options"]?["password"] == "secret")
  }

  @Test func `definitions as the API shows them`() throws {
    let graph = try GraphDefinition(Self.graph, strictness: .file)
    #expect(
      graph.view == [
        "friendlyName": "Demo <1>", "injectableName": "Graph.Demo", "options": [:],
        "tasks": [
          ["label": "boot", "taskName": "/api/2.0/workflows/tasks/Task.noop"],
          [
            "label": "next", "taskDefinition": Self.graph["tasks"]?.arrayValue?[1]["taskDefinition"] ?? nil,
            "waitOn": ["boot": ["failed", "finished"], "anyOf": ["boot": "succeeded"]],
          ],
        ],
      ])
    let task = JSON.task("Task.x", options: ["a": 1], schema: ["type": "object"])
    var noted = task.object
    noted["x-note"] = 1
    #expect(TaskDefinition.view(of: noted) == task)
  }

  @Test(arguments: try DefinitionLibrary.stock().graphs.keys.sorted())
  func `what is shown of a graph of the library can be put back`(name: String) throws {
    let graph = try DefinitionLibrary.stock().graph(name)
    let again = try GraphDefinition(graph.view, strictness: .http)
    #expect(again.items.map(\.label) == graph.items.map(\.label))
    #expect(again.items.map(\.source) == graph.items.map(\.source))
    #expect(again.items.map(\.waitOn) == graph.items.map(\.waitOn))
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (1_703_980_799_007, "2023-12-30T23:59:59.007Z"),
      (.max, "9999-12-31T23:59:59.999Z"), (.min, "0000-01-01T00:00:00.000Z"),
    ])
  func `times are written as the API has them`(milliseconds: Int, text: String) {
    #expect(UTCTime.text(milliseconds) == text)
  }
}
