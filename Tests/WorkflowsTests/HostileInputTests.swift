import JSONDocument
import Testing

@testable import Workflows

/// Short definitions that would take a server's time or memory are refused soon.
@Suite struct HostileInputTests {
  private static func item(_ label: String, _ task: JSON, _ more: JSON = [:]) -> JSON {
    let item: JSON = ["label": .string(label), "taskDefinition": task]
    return item.merged(with: more)
  }

  private static func wrapped(_ json: JSON, _ depth: Int, by key: String) -> JSON {
    (0..<depth).reduce(json) { inner, _ in [.init(key): inner] }
  }

  private static let text = JSON.string(String(repeating: "x", count: 1 << 20))

  private static let graphs: [(String, JSON, String)] = [
    (
      "a schema that doubles the work with each level",
      .graph([
        item(
          "a", .task(schema: (0..<28).reduce(["enum": [1]]) { inner, _ in ["anyOf": [inner]] }))
      ]), "JSON schema validation failed - data and its schema need more comparisons than this server makes"
    ),
    (
      "a long list against a long schema",
      .graph([
        item(
          "a",
          .task(
            options: ["l": .array((0..<8000).map(JSON.integer))],
            schema: ["properties": ["l": ["items": ["enum": .array((8000..<17_000).map(JSON.integer))]]]]))
      ]), "8017, 8018, 8019, …"
    ),
    (
      "defaults of many bytes", .graph((0..<100).map { item("t\($0)", .task()) }, options: ["defaults": ["x": text]]),
      "the options have too many values for a graph of 100 tasks"
    ),
    (
      "a large task that is named many times",
      .graph((0..<1000).map { ["label": .string("t\($0)"), "taskName": "Task.large"] }),
      "the task definitions of the graph are too large together"
    ),
    (
      "sections without end", .graph([item("a", .task(options: ["x": .string(sections)]))]),
      "the template has more than 50000 tags and lines"
    ),
    (
      "tags without end",
      .graph([item("a", .task(options: ["x": .string(String(repeating: "{{ a }}", count: 100_000))]))]),
      "the templates in the options expand to more than this server takes"
    ),
    (
      "sections in sections",
      .graph([item("a", .task(options: ["x": .string(String(repeating: "{{#a}}", count: 100))]))]),
      "the template nests too deep at {{#a}}"
    ),
    (
      "a text that names itself", .graph([item("a", .task(options: ["x": "{{ options.x }}"]))]),
      "Exceeded max depth rendering string: options.x"
    ),
    (
      "options that grow by nesting",
      .graph([
        item(
          "a", .task(options: ["x": wrapped("{{ options.y }}", 100, by: "x"), "y": wrapped([:], 60, by: "y")]))
      ]), "the options nest deeper than 128"
    ),
    (
      "tasks that all wait for each other",
      .graph(
        (0..<100).map { place in
          let others = (0..<100).filter { $0 != place }.reduce(into: JSONObject()) { $0["t\($1)"] = "succeeded" }
          return item("t\(place)", ["$ref": 1], ["waitOn": .object(others)])
        }), "friendlyName (string) is required"
    ),
  ]

  private static let sections = String(repeating: "{{#a}}x{{/a}}", count: 100_000)

  @Test(arguments: graphs)
  func `a graph is refused in a bounded time`(what: String, graph: JSON, message: String) throws {
    var library = DefinitionLibrary()
    try library.add(
      task: JSON.task("Task.large", options: ["l": .array((0..<5000).map(JSON.integer))]).object)
    var problems: [WorkflowError] = []
    let time = ContinuousClock().measure { problems = WorkflowsTests.problems(graph, library: library, jobs: .stock) }
    #expect(problems.first?.message.contains(message) == true, "\(what): \(problems.first?.message ?? "accepted")")
    // A debug build on a busy machine: without the limits these take minutes, or end in no memory.
    #expect(time < .seconds(30), "\(what)")
  }

  @Test func `a task of too many values is not stored`() {
    var library = DefinitionLibrary()
    let task = JSON.task(options: ["l": .array((0..<20_000).map(JSON.integer))])
    #expect(throws: WorkflowError("the task has more than 20000 values", definition: "Task.test")) {
      try library.add(task: task.object)
    }
  }

  @Test func `a graph that runs itself ends`() throws {
    let graph = JSON.graph([["label": "a", "taskDefinition": .task(base: "noop")]])
    func refusal(_ depth: Int) -> String? {
      problems(graph, request: RunRequest(scope: .test, depth: depth), jobs: .stock).first?.message
    }
    #expect(refusal(GraphPlan.mostDepth) == nil)
    #expect(refusal(GraphPlan.mostDepth + 1) == "more than 16 graphs run one inside the other")
  }

  @Test(
    arguments: ["../x", "/etc/passwd", "a/b", "..", ".", "", "a\u{0}b", "a\nb", String(repeating: "x", count: 256)])
  func `a download goes to no other directory`(name: String) {
    let setting = JobSetting(
      taskName: "T", taskId: "id", options: (["uri": "http://h/f", "file": .string(name)] as JSON).object,
      context: JSONObject())
    let error = #expect(throws: WorkflowError.self) { try DownloadJob(setting) }
    #expect(error?.option == "file")
  }

  @Test(arguments: ["file:///etc/passwd", "ftp://h/f", "-o/etc/x", ""])
  func `a download is by HTTP`(url: String) {
    let setting = JobSetting(
      taskName: "T", taskId: "id", options: (["uri": .string(url), "file": "f"] as JSON).object, context: JSONObject())
    let error = #expect(throws: WorkflowError.self) { try DownloadJob(setting) }
    #expect(error?.message == "T: uri begins with http:// or https://")
  }

  @Test(
    arguments: [
      ("eraseSettings", nil, "T: eraseSettings (array) is required, with one entry or more"),
      ("eraseSettings", [], "T: eraseSettings (array) is required, with one entry or more"),
      ("eraseSettings", [["tool": "scrub"]], "T: each of eraseSettings has disks (array), with one disk or more"),
      (
        "eraseSettings", [["disks": ["sda"], "tool": "rm"]],
        "T: the tool rm is none of scrub, hdparm, sg_format, sg_sanitize"
      ),
      ("baseUri", 1, "T: baseUri (string) is required"),
    ] as [(String, JSON, String)])
  func `an erase that is not told clearly is refused`(option: String, value: JSON, message: String) {
    var options = (["eraseSettings": [["disks": ["sda"]]], "baseUri": "http://h"] as JSON).object
    options[option] = value
    let setting = JobSetting(
      taskName: "T", taskId: "id", options: options, context: (["target": "n1"] as JSON).object)
    let error = #expect(throws: WorkflowError.self) { try SecureEraseJob(setting) }
    #expect(error?.message == message)
  }

  @Test(
    arguments: [
      ([:], "the node has no catalog driveId, which names its disks"),
      (["driveId": ["data": [["devName": "sdb"]]]], "the disk sda is not in the catalog driveId"),
    ] as [(JSON, String)])
  func `a disk that no catalog names is not erased`(catalogs: JSON, message: String) throws {
    let options = (["eraseSettings": [["disks": ["sda"]]], "baseUri": "http://h"] as JSON).object
    var job = try SecureEraseJob(
      JobSetting(taskName: "T", taskId: "id", options: options, context: (["target": "n1"] as JSON).object))
    _ = job.start(at: 0)
    #expect(job.handle(.asked, at: 1).isEmpty)
    #expect(job.handle(.performed(.done(catalogs)), at: 2) == [.finish(.failed(message))])
  }
}
