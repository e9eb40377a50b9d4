import JSONDocument
import TestSupport
import Testing

@testable import Workflows

/// A run is brought back from what a server stores of it.
@Suite struct StoredRunTests {
  @Test(arguments: 0..<10)
  func `random graphs go on after every event as if nothing had been`(part: Int) throws {
    for seed in part * 20..<(part + 1) * 20 {
      let graph = RandomGraph(seed: seed)
      var record = RecordedRun(try plan(graph.definition, jobs: .scripted), jobs: .scripted)
      _ = record.handle(.started, at: 0)
      #expect(try record.restart(), "seed \(seed)")
      while let time = record.run.nextTime {
        if let cancelledAt = graph.cancelledAt, record.run.status == .running, cancelledAt < time {
          _ = record.handle(.cancelled, at: cancelledAt)
        } else {
          _ = record.handle(.timePassed, at: time)
        }
        #expect(try record.restart(), "seed \(seed)")
      }
      let states = Dictionary(uniqueKeysWithValues: record.run.tasks.map { ($0.label, $0.state.rawValue) })
      var model = Model(graph)
      if graph.cancelledAt != nil, model.status == "cancelled", record.run.status == .running {
        _ = record.handle(.cancelled, at: graph.cancelledAt ?? 0)
        model = Model(graph)
      }
      #expect(record.run.status.rawValue == model.status, "seed \(seed)")
      if record.run.status != .cancelled { #expect(states == model.states, "seed \(seed)") }
    }
  }

  /// Events as they come from nodes and servers that do not keep to any order.
  @Test(arguments: ["Graph.Discovery", "Graph.SKU.Discovery", "Graph.Drive.SecureErase", "Graph.Set.Bmc.Credentials"])
  func `events in any order leave a run that can be brought back`(name: String) throws {
    let library = try DefinitionLibrary.stock()
    let graph = JSON.object(try library.graph(name).document)
    let options: JSON = [
      "defaults": ["nodeId": "n1", "graphOptions": ["target": "n1"]],
      "drive-secure-erase": ["eraseSettings": [["disks": ["sda"]]]],
    ]
    let request = RunRequest(options: options.object, target: "n1", scope: .test)
    let plan = try plan(graph, request: request, library: library, jobs: .stock)
    let catalogs: JSON = [
      "driveId": ["data": [["devName": "sda"]]], "bmc": ["data": ["MAC Address": "00:1e:67:00:00:01"]],
    ]
    for seed in 0..<30 {
      var random = SeededGenerator(seed: seed)
      var record = RecordedRun(plan, jobs: .stock)
      var (now, set, ended) = (0, JSON.null, Set<String>())
      for _ in 0..<120 {
        now += Int.random(in: 0...50_000, using: &random)
        // Mostly what moves the run on, so that most of its tasks are reached.
        let open = record.run.tasks.filter { !$0.openRequests.isEmpty }.map(\.instanceId)
        let task = open.randomElement(using: &random) ?? plan.tasks.randomElement(using: &random)?.instanceId ?? ""
        let event: WorkflowEvent =
          switch Int.random(in: 0..<100, using: &random) {
          case 0..<20: .started
          case 20..<45: .nodeAsked
          case 45..<60: .nodeReported(set)
          case 60..<62: .nodeReported(["tasks": [["cmd": "x", "error": ["code": 1]]]])
          case 62..<64: .nodeReported("nothing of the kind")
          case 64..<82: .performed(task: task, .done(catalogs))
          case 82..<88: .performed(task: task, .done("child"))
          case 88..<90: .performed(task: task, .failed("no"))
          case 90..<94: .graphEnded(instanceId: "child", .succeeded)
          case 94..<95: .graphEnded(instanceId: "child", .failed)
          case 95..<96: .performed(task: "nobody", .done(nil))
          case 96..<99: .timePassed
          default: .cancelled
          }
        for effect in record.handle(event, at: now) {
          if case .handOut(_, let given) = effect { set = given }
          if case .taskEnded(let task, _) = effect {
            #expect(ended.insert(task).inserted, "seed \(seed): \(task) ends twice")
          }
        }
      }
      #expect(try record.restart(), "seed \(seed)")
      #expect(record.run.tasks.filter { $0.state != .pending }.count == ended.count, "seed \(seed)")
    }
  }

  @Test func `polls of a node whose task set is out are not kept`() throws {
    let commands = JSON.task(base: "Linux.Commands", options: ["commands": "x"])
    let graph = JSON.graph([["label": "a", "taskDefinition": commands]])
    let request = RunRequest(target: "n1", scope: .test)
    var record = RecordedRun(try plan(graph, request: request, jobs: .stock), jobs: .stock)
    _ = record.handle(.started, at: 0)
    for time in 1...1000 { _ = record.handle(.nodeAsked, at: time) }
    for event in [WorkflowEvent.timePassed, .notified(nil), .graphEnded(instanceId: "x", .failed), .started] {
      _ = record.handle(event, at: 1001)
    }
    #expect(record.events.map(\.kind) == ["started", "nodeAsked"])
    #expect(try record.restart())
    _ = record.handle(.nodeReported(["identifier": "n1", "tasks": [["cmd": "x"]]]), at: 1002)
    _ = record.handle(.nodeAsked, at: 1003)
    _ = record.handle(.cancelled, at: 1004)
    #expect(record.events.map(\.kind) == ["started", "nodeAsked", "nodeReported"])
    #expect(record.run.status == .succeeded)
  }

  @Test func `what is kept of a graph of 1,000 tasks grows with its tasks`() throws {
    func size(_ count: Int) throws -> (events: Int, bytes: Int) {
      let task = JSON.task(base: "Linux.Commands", options: ["commands": ["command": "x", "catalog": ["source": "x"]]])
      var library = DefinitionLibrary()
      try library.add(task: task.object)
      let items = (0..<count).map { index -> JSON in
        var item: JSON = ["label": .string("t\(index)"), "taskName": "Task.test"]
        if index > 0 { item = item.merged(with: ["waitOn": [.init("t\(index - 1)"): "finished"]]) }
        return item
      }
      let request = RunRequest(target: "n1", scope: .test)
      var record = RecordedRun(
        try plan(.graph(items), request: request, library: library, jobs: .stock), jobs: .stock)
      let node = HandNode()
      try node.finish(&record)
      #expect(record.run.status == .succeeded)
      #expect(record.run.tasks.allSatisfy { $0.state == .succeeded })
      #expect(try record.restart())
      return (record.events.count, record.size)
    }
    let (small, large) = (try size(100), try size(1000))
    #expect(large.events == 3001)
    #expect(large.bytes < 11 * small.bytes)
    #expect(large.bytes < 1000 * 1000)
  }

  private static let events: [WorkflowEvent] = [
    .started, .nodeAsked, .nodeReported(["a": [.number("1.50"), "x"]]), .performed(task: "t", .done(nil)),
    .performed(task: "t", .done(["done": 1])), .performed(task: "t", .failed("x")),
    .requestAnswered(url: "/x", status: 200), .graphEnded(instanceId: "g", .cancelled), .notified(["b": nil]),
    .timePassed, .cancelled,
  ]

  @Test(arguments: events)
  func `each event is read as it was written`(event: WorkflowEvent) throws {
    let detail = try JSON(parsing: event.detail.text)
    #expect(try WorkflowEvent(kind: event.kind, detail: detail) == event)
  }

  @Test(
    arguments: [
      ("asked", nil, "a stored event is of the kind asked, which this program does not have"),
      ("performed", nil, "a stored document has no task (string)"),
      ("performed", ["task": "t"], "a stored document has no failed (string)"),
      ("requestAnswered", ["url": "/", "status": "1"], "a stored document has no status (integer)"),
      ("graphEnded", ["graph": "x", "status": "lost"], "a stored event has the status lost, which no graph has"),
    ] as [(String, JSON, String)])
  func `an event that cannot be read is refused`(kind: String, detail: JSON, message: String) {
    #expect(throws: WorkflowError(message)) { try WorkflowEvent(kind: kind, detail: detail) }
  }

  @Test(
    arguments: [
      (["format": 2], "a stored run has the format 2, but this program reads 1"),
      (["graph": nil], "a stored document has no graph (object)"),
      (["graph": ["friendlyName": nil]], "friendlyName (string) is required"),
      (["tasks": []], "a stored run has 0 tasks, but its graph 1"),
      (["tasks": [["label": "b"]]], "a stored run names its tasks in another order than its graph"),
      (["taskDefinitions": ["Task.test": nil]], "a stored run does not have the task definition Task.test"),
      (
        ["taskDefinitions": ["Task.test": ["implementsTask": "Task.Base.gone"]]],
        "Base task definition for Task.Base.gone should exist (object) is required"
      ),
      (["depth": "x"], "a stored document has no depth (integer)"),
    ] as [(JSON, String)])
  func `a plan that cannot be read is refused`(change: JSON, message: String) throws {
    var library = DefinitionLibrary()
    try library.add(task: JSON.task(base: "noop").object)
    let plan = try plan(.graph([["label": "a", "taskName": "Task.test"]]), library: library, jobs: .stock)
    #expect(throws: Never.self) { try GraphPlan(stored: plan.stored) }
    let error = #expect(throws: WorkflowError.self) {
      var stored = plan.stored.object
      for member in change.object.members {
        stored[member.key] =
          member.value.objectValue.map { stored[member.key]?.merged(with: .object($0)) ?? nil }
          ?? member.value
      }
      return try GraphPlan(stored: .object(stored))
    }
    #expect(error?.message == message)
  }
}
