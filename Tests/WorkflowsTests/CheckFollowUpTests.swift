import JSONDocument
import Testing

@testable import Workflows

/// A task of a graph that cannot be read is told once: no other mistake follows from it.
@Suite struct CheckFollowUpTests {
  private static func check(
    _ graph: JSON, options: JSON = [:], others: [JSON] = []
  ) throws -> GraphCheck {
    var library = try DefinitionLibrary.stock()
    for other in others {
      library.add(graph: try #require(GraphDefinition.reading(other, strictness: .file).0))
    }
    let request = RunRequest(options: options.object, target: "n1", scope: .test)
    return GraphCheck(graph, request, library: library, jobs: .stock)
  }

  /// Its first task has a wrong field and an unknown one.
  private static let wrong: JSON = .graph([
    ["label": "a", "taskName": "Task.noop", "ignoreFailure": "yes", "bogus": 1],
    ["label": "b", "taskName": "Task.noop", "waitOn": ["a": "finished"]],
  ])
  private static let mistake = WorkflowError(
    "ignoreFailure of a should be boolean", definition: "Graph.Test", label: "a")

  @Test func `a task with a wrong field keeps its label, its remarks and its place in the tree`() throws {
    let check = try Self.check(Self.wrong, options: ["a": ["delay": 1]])
    #expect(check.mistakes == [Self.mistake])
    let words = "the field bogus has no effect, and a PUT of this graph is refused"
    #expect(check.remarks == [WorkflowError(words, definition: "Graph.Test", label: "a")])
    let tree = """
      Graph.Test  Test
      └ a  Task.noop
        │   waits for 1 ms
        └ b  Task.noop, after a finished

      """
    #expect(check.text == tree)
  }

  private static let needsOption = JSON.task(options: ["delay": "{{ options.n }}"])
  private static let catalog = JSON.task("Task.catalog", base: "Linux.Catalog", options: ["commands": "x"])

  @Test(
    arguments: [
      (
        .graph([
          ["label": "a", "waitOn": 1],
          ["label": "b", "taskDefinition": catalog, "waitOn": ["a": "succeeded"]],
        ]), "a needs either a taskName (string) or a taskDefinition (object)"
      ),
      (
        .graph([
          ["label": "a", "taskName": "Task.No"],
          ["label": "b", "taskDefinition": catalog, "waitOn": ["a": "succeeded"]],
        ]), "Could not find task definition with injectableName Task.No"
      ),
      (
        .graph([["label": "a", "taskDefinition": needsOption, "optionOverrides": 1]]),
        "optionOverrides of a should be object"
      ),
      (.graph([["label": "a", "taskDefinition": needsOption]], options: 1), "options (object) is required"),
      (
        .graph([1, ["label": "b", "taskName": "Task.noop", "waitOn": ["task 1": "failed"]]]),
        "tasks[0] is not an object"
      ),
    ] as [(JSON, String)])
  func `what cannot be read is the only mistake`(graph: JSON, message: String) throws {
    #expect(try Self.check(graph).mistakes.map(\.message) == [message])
  }

  @Test func `a task without a task definition stands in the tree`() throws {
    let check = try Self.check(.graph([["label": "a"], ["label": "b", "taskName": "Task.noop"]]))
    #expect(check.text == "Graph.Test  Test\n├ a  (its task cannot be read)\n└ b  Task.noop\n")
  }

  @Test func `nothing follows from a wrong task of a graph that a graph runs`() throws {
    let outer: JSON = [
      "friendlyName": "x", "injectableName": "Graph.Outer",
      "tasks": [
        [
          "label": "run",
          "taskDefinition": .task(base: "Graph.Run", options: ["graphName": "Graph.Test", "graphOptions": [:]]),
        ]
      ],
    ]
    let check = try Self.check(outer, others: [Self.wrong])
    #expect(check.mistakes.isEmpty)
    #expect(check.text.contains("└ b  Task.noop, after a finished\n"))
  }
}
