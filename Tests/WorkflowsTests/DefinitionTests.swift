import JSONDocument
import Testing

@testable import Workflows

@Suite struct DefinitionTests {
  private static func item(_ label: String = "a", _ more: JSON = [:], task: JSON = .task(base: "noop")) -> JSON {
    let item: JSON = ["label": .string(label), "taskDefinition": task]
    return item.merged(with: more)
  }

  private static let bootstrap = JSON.task("Task.boot", base: "Linux.Bootstrap")
  private static let catalog = JSON.task("Task.catalog", base: "Linux.Catalog", options: ["commands": "x"])

  @Test(
    arguments: [
      (.graph([item("anyOf")]), "Label anyOf is reserved, please use another label."),
      (.graph([item(), item()]), "The task label 'a' is used more than once in the graph definition."),
      (
        .graph([["label": "a", "taskName": "Task.none"]]),
        "Could not find task definition with injectableName Task.none"
      ),
      (
        .graph([item(task: .task(base: "none"))]),
        "Base task definition for Task.Base.none should exist (object) is required"
      ),
      (.graph([item(task: ["injectableName": "x"])]), "friendlyName (string) is required"),
      (.graph([item(task: .task(options: "x"))]), "options (object) is required"),
      (.graph([item("a", ["waitOn": ["z": "failed"]])]), "Task to wait on does not exist: z"),
      (.graph([item("a", ["waitOn": ["a": "failed"]])]), "Detected a cyclic graph with tasks Task.test and Task.test"),
      (
        .graph([
          item("a", ["waitOn": ["b": "failed"]], task: .task("Task.A", base: "noop")),
          item("b", ["waitOn": ["anyOf": ["a": "succeeded"]]], task: .task("Task.B", base: "noop")),
        ]), "Detected a cyclic graph with tasks Task.B and Task.A"
      ),
      (
        .graph([item("a", ["waitOn": ["anyOf": ["a": "finished"]]])]),
        "waitOn: finished cannot be waited for inside anyOf (a)"
      ),
      (.graph([item("a", ["waitOn": 1])]), "waitOn (object) is required: labels, each with the state to wait for"),
      (
        .graph([item("a", ["waitOn": ["b": []]])]), "waitOn: what to wait for of b is a state or a list of states"
      ),
      (
        .graph([item(task: catalog)]),
        "expected property [os] to be supplied for task Task.Base.Linux.Catalog in graph Graph.Test"
      ),
      (
        .graph([item("b", task: .task(properties: ["os": ["linux": ["type": "other"]]])), item(task: catalog)]),
        "expected property [type] to equal microkernel for task Task.Base.Linux.Catalog in graph Graph.Test"
      ),
      (.graph([item(task: bootstrap)]), "required option kernelFile for task Task.boot in graph Graph.Test"),
      (.graph([["label": "a"]]), "a needs either a taskName (string) or a taskDefinition (object)"),
      (.graph([1]), "tasks[0] is not an object"),
      (["injectableName": "x", "friendlyName": "x"], "tasks (array) is required"),
      (["tasks": [], "injectableName": "x"], "friendlyName (string) is required"),
    ] as [(JSON, String)])
  func `a graph that is refused`(graph: JSON, message: String) {
    #expect(problems(graph).first?.message == message)
  }

  @Test(
    arguments: [
      (JSON.graph([item()]).merged(with: ["extra": 1]), "data should NOT have additional properties: extra"),
      (.graph([item("a", ["optionOverrides": [:]])]), "a should NOT have additional properties: optionOverrides"),
      (.graph([["taskName": "x"]]), "tasks[0] should have required property 'label'"),
      (
        .graph([item(task: .task(base: "noop", schema: [:]))]),
        "the taskDefinition of a should NOT have additional properties: optionsSchema"
      ),
    ] as [(JSON, String)])
  func `what files may have and a PUT may not`(graph: JSON, message: String) {
    #expect(problems(graph, strictness: .http).first?.message == message)
    #expect(!problems(graph, strictness: .file).contains { $0.message.contains("additional") })
  }

  @Test func `a task is found by the part of its name after the last slash, and its catalog after a bootstrap`() throws
  {
    var library = DefinitionLibrary()
    try library.add(task: Self.catalog.object)
    var boot = Self.bootstrap
    let files: JSON = ["kernelFile": "k", "initrdFile": "i", "kernelUri": "k", "initrdUri": "i", "profile": "p"]
    boot = boot.merged(with: ["options": files])
    let catalog: JSON = [
      "label": "b", "taskName": "/api/2.0/workflows/tasks/Task.catalog", "waitOn": ["a": ["failed", "timeout"]],
    ]
    let graph = JSON.graph([Self.item(task: boot), catalog])
    #expect(problems(graph, library: library, strictness: .http, jobs: .stock).isEmpty)
  }

  @Test func `the mistakes carry their places`() {
    let graph = JSON.graph([
      Self.item("a", task: .task("Task.c", base: "Linux.Commands", options: ["commands": [["command": 1]]])),
      Self.item("b", task: .task("Task.e", base: "Evaluate.Condition", options: ["when": "{{ options.z }}"])),
      Self.item("c", task: .task("Task.w", base: "Ssh.Command", options: ["commands": []])),
    ])
    #expect(
      problems(graph, jobs: .stock) == [
        WorkflowError(
          "Task.c: JSON schema validation failed - data.commands[0].command should be string", definition: "Graph.Test",
          label: "a", option: "commands[0].command"),
        WorkflowError("Value does not exist for options.z", definition: "Graph.Test", label: "b", option: "when"),
        WorkflowError(
          "task Task.w runs the job Job.Ssh.Command, which this server does not have", definition: "Graph.Test",
          label: "c"),
      ])
  }

  @Test func `a value that the context will give is not checked before the task starts`() {
    let task = JSON.task(
      base: "Evaluate.Condition", options: ["when": "{{ context.x }}"],
      schema: ["properties": ["when": ["enum": ["true"]]]])
    #expect(problems(.graph([Self.item(task: task)]), jobs: .stock).isEmpty)
  }

  @Test func `graphs that are too large are refused`() {
    let many = JSON.graph((0..<10_000).map { Self.item("t\($0)") })
    #expect(problems(many).first?.message == "the graph has more than 20000 values")
    let tasks = JSON.graph((0..<1001).map { ["label": .string("t\($0)"), "taskName": "x"] })
    #expect(problems(tasks).first?.message == "the graph has 1001 tasks; this server takes 1000 at most")
    let defaults = JSON.array((0..<15_000).map(JSON.integer))
    let wide = JSON.graph((0..<100).map { Self.item("t\($0)") }, options: ["defaults": ["list": defaults]])
    #expect(problems(wide).first?.message == "the options have too many values for a graph of 100 tasks")
    let spread = (0..<100).map { "k\($0)" }.reduce(into: JSONObject()) { $0[$1] = "{{ api.files }}" }
    let costly = JSON.graph((0..<500).map { Self.item("t\($0)") }, options: ["defaults": .object(spread)])
    #expect(
      problems(costly, jobs: .stock).map(\.message) == [
        "the templates in the options expand to more than this server takes"
      ])
    let chain = JSON.graph(
      (0..<1000).map { index in
        [
          "label": .string("t\(index)"), "taskName": "Task.test",
          "waitOn": [.init("t\((index + 1) % 1000)"): "succeeded"],
        ]
      })
    var library = DefinitionLibrary()
    #expect(throws: Never.self) { try library.add(task: JSON.task(base: "noop").object) }
    #expect(
      problems(chain, library: library).first?.message == "Detected a cyclic graph with tasks Task.test and Task.test")
  }

  @Test func `a task is stored when its five fields are there, and unknown fields are kept`() throws {
    var library = DefinitionLibrary()
    for field in TaskDefinition.requiredFields {
      var task = JSON.task().object
      task[field] = nil
      #expect(throws: WorkflowError("\(field) is required", definition: task["injectableName"]?.stringValue)) {
        try library.add(task: task)
      }
    }
    var task = JSON.task().object
    task["x-note"] = "kept"
    task["options"] = "of another type"
    try library.add(task: task)
    #expect(library.tasks["Task.test"]?["x-note"] == "kept")
  }
}
