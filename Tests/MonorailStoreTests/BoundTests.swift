import GRDB
import JSONDocument
import TestSupport
import Testing
import Workflows

@testable import MonorailStore

/// What a graph, a rule or a damaged run could take from all others.
struct BoundTests {
  private static func run(_ label: String, _ graph: String, _ options: JSON = [:]) -> JSON {
    [
      "label": .string(label), "ignoreFailure": true,
      "taskDefinition": [
        "friendlyName": .string(label), "injectableName": .string("Task.\(label)"),
        "implementsTask": "Task.Base.Graph.Run",
        "options": ["graphName": .string(graph), "graphOptions": options], "properties": [:],
      ],
    ]
  }

  private static func runs(_ count: Int, _ graph: String) -> [JSON] { (0..<count).map { run("run-\($0)", graph) } }

  @Test(.timeLimit(.minutes(10)))
  func `A graph that runs itself is not started inside itself`() async throws {
    let store = try Store(.test())
    try await store.put(graph: "H", Self.runs(3, "G"))
    let alone = try await store.start(Self.runs(3, "F"), node: nil, name: "F")
    #expect(try store.runs().map(\.id) == [alone])
    #expect(
      try store.steps(of: alone).map(\.error) == Array(repeating: "the graph F runs itself: F > F", count: 3))
    _ = try await store.start(Self.runs(3, "H"), node: nil, name: "G")
    let inner = try store.runs().filter { $0.graph == "H" }
    #expect(inner.count == 3)
    for run in inner {
      #expect(try store.steps(of: run.id).first?.error == "the graph G runs itself: G > H > G")
    }
    #expect(try store.runs(isActive: true).isEmpty)
  }

  @Test(.timeLimit(.minutes(10)))
  func `A run starts 1,000 others at most, itself or through them`() async throws {
    let store = try Store(.test())
    try await store.put(graph: "Leaf", [noop("end")])
    try await store.put(graph: "Middle", Self.runs(600, "Leaf"))
    let root = try await store.start(Self.runs(2, "Middle"), node: nil, name: "Top")
    let runs = try store.runs()
    #expect(runs.count == 1 + GraphPlan.mostDescendants)
    #expect(runs.filter { $0.graph == "Leaf" }.count == GraphPlan.mostDescendants - 2)
    #expect(runs.filter { $0.parent == root }.count == 2)
    let errors = try runs.filter { $0.parent == root }.flatMap { try store.steps(of: $0.id).compactMap(\.error) }
    #expect(errors.contains { $0.contains("the graph Top has started 1000 graphs, itself or through those that it") })
    // What other runs have started does not count.
    let other = try await store.start([Self.run("run", "Leaf")], node: nil, name: "Other")
    #expect(try store.run(other)?.status == .succeeded)
    #expect(try store.runs().last?.parent == other)
  }

  @Test(.timeLimit(.minutes(10)))
  func `The graphs that are started at once have a bounded number of tasks`() async throws {
    let store = try Store(.test())
    let waiting = (1..<1000).map { noop("task-\($0)", waitOn: ["task-0": "failed"]) }
    try await store.put(graph: "Large", [noop("task-0")] + waiting)
    let root = try await store.start(Self.runs(21, "Large"), node: nil, name: "Top")
    #expect(try store.runs().filter { $0.parent == root }.count == GraphPlan.mostTasksAtOnce / 1000)
    let errors = try store.steps(of: root).compactMap(\.error)
    #expect(errors.contains("the graphs that are started at once have more than 20000 tasks together"))
  }

  @Test(.timeLimit(.minutes(10)))
  func `A tag that takes too long is named, and the others are given`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("m1"))
    _ = try await store.start(
      [commands("read", [["command": "a", "catalog": ["source": "evil", "format": "json"]]])], node: "m1")
    let set = try #require(try await store.takenSet("m1"))
    let value: JSON = ["v": .string(String(repeating: "a", count: 150_000))]
    try await store.report(set, output: value.text)
    for (name, pattern) in [("slow", "(a*)*(a*)*(a*)*b"), ("quick", "^a")] {
      let tag: JSON = ["name": .string(name), "rules": [["path": "evil.v", "regex": .string(pattern)]]]
      try await store.perform(.save(.tag, tag.object))
    }
    let nodes = JSON.array(Array(repeating: "m1", count: 1000))
    let options: JSON = ["generate-tag": ["nodeIds": nodes]]
    let run = try await store.start(
      StartRequest(graph: "Graph.GenerateTags", options: options.object, scope: .test))
    #expect(store.node("m1")?.tags == ["quick"])
    let error = try #require(try store.steps(of: run).first?.error)
    #expect(error.hasPrefix("every tag was tried but slow on node m1: the rule of evil.v: searching the node's value"))
  }

  /// What stands in the database in place of a plan.
  @Test(arguments: ["x'00FF'", "x''", "x'01'", "x'07'", "NULL", "5", "'text'"])
  func `A damaged run ends alone, and the task that started it learns of that`(plan: String) async throws {
    let directory = try ScratchDirectory()
    let (outer, other): (String, String)
    do {
      let store = try Store(.test(directory.path))
      for node in ["n1", "n2"] { try await store.perform(.addNode(node)) }
      try await store.put(graph: "Inner", [commands("inside", "true")])
      var task = Self.run("run", "Inner", ["target": "n1"]).object
      task["ignoreFailure"] = false
      outer = try await store.start([.object(task)], node: nil, name: "Outer")
      other = try await store.start([commands("a", "true")], node: "n2")
      try await store.database.write { [outer] db in
        try db.execute(sql: "UPDATE runs SET plan = \(plan) WHERE parent = ?", arguments: [outer])
      }
      try store.close()
    }
    let store = try Store(.test(directory.path))
    let inner = try #require(try store.runs(of: "n1").first)
    #expect(inner.status == .failed)
    let document = try store.documents(of: inner.id)?.raw
    #expect(document?["error"]?.stringValue?.contains("cannot bring the workflow back") == true)
    #expect(try store.run(outer)?.status == .failed)
    #expect(try store.steps(of: outer).first?.error == "Graph \(inner.id) failed with status failed")
    _ = try await store.finish("n2")
    #expect(try store.run(other)?.status == .succeeded)
  }
}
