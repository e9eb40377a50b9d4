import GRDB
import JSONDocument
import TestSupport
import Testing
import Workflows

@testable import MonorailStore

struct RunTests {
  @Test
  func `A graph runs to its end, and each of its steps is there to read`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    let run = try await store.start([
      manage("power", "reboot"), commands("first", "uname -a", waitOn: ["power": "succeeded"]),
      commands("second", ["true", "id"], waitOn: ["first": "succeeded"]),
    ])
    #expect(try await store.finish() == ["uname -a", "true", "id"])
    let record = try #require(try store.run(run))
    #expect(record.status == .succeeded)
    #expect(record.endedAt != nil)
    #expect(store.liveRun(run) == nil)
    let steps = try store.steps(of: run)
    #expect(Set(steps.map(\.label)) == ["power", "first", "second"])
    #expect(steps.allSatisfy { $0.state == .succeeded && $0.endedAt != nil })
    let documents = try #require(try store.documents(of: run))
    #expect(documents.raw["_status"] == "succeeded")
    #expect(documents.view["status"] == "succeeded")
    #expect(try store.reports(of: "n1").map(\.sequence) == [1, 2])
  }

  /// A store that is opened anew after every step must tell the same as one that stays open.
  @Test(arguments: ["Graph.ShellCommands", "Graph.Discovery", "Graph.Flash.Quanta.Bmc"])
  func `A server that ends after every step goes on where it was`(graph: String) async throws {
    func run(reopening: Bool) async throws -> (commands: [String], steps: [String], status: GraphStatus?) {
      let directory = try ScratchDirectory()
      var store: Store? = try Store(.test(directory("data")))
      let options: JSON = ["defaults": ["file": "f.bin"]]
      _ = try await store?.perform(.addNode("n1"))
      let id = try #require(
        try await store?.start(StartRequest(graph: graph, node: "n1", options: options.object, scope: .test)))
      var ran: [String] = []
      func reopen() throws {
        guard reopening else { return }
        try store?.close()
        store = try Store(.test(directory("data")))
        try store?.resumeActions()
      }
      while true {
        try reopen()
        if store?.hasActions == true {
          try await store?.answerActions()
          continue
        }
        guard let set = try await store?.takenSet() else { break }
        ran += try set.commands
        try reopen()
        try await store?.report(set, output: "{}")
      }
      let steps = try store?.steps(of: id).map { "\($0.label) \($0.state)" }.sorted() ?? []
      return (ran, steps, try store?.run(id)?.status)
    }
    let (plain, reopened) = (try await run(reopening: false), try await run(reopening: true))
    #expect(!plain.commands.isEmpty)
    #expect(plain.status == .succeeded)
    #expect(plain.commands == reopened.commands)
    #expect(plain.steps == reopened.steps)
    #expect(plain.status == reopened.status)
  }

  @Test
  func `A node has one active graph`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    let first = try await store.start([commands("a", "true")])
    await #expect(throws: StoreError.activeRun) { try await store.start([commands("a", "true")], name: "Graph.Other") }
    #expect(try store.runs().map(\.id) == [first])
    await #expect(throws: StoreError.self) { try await store.perform(.deleteRun(first)) }
    try await store.perform(.cancel(first))
    #expect(try store.run(first)?.status == .cancelled)
    await #expect(throws: StoreError.self) { try await store.perform(.cancel(first)) }
    _ = try await store.start([commands("a", "true")], name: "Graph.Other")
    try await store.perform(.deleteRun(first))
    #expect(try store.run(first) == nil)
    #expect(try store.steps(of: first).isEmpty)
  }

  @Test
  func `A refused start stores nothing`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    await #expect(throws: StoreError.noNode("n2")) { try await store.start([noop("a")], node: "n2") }
    await #expect(throws: WorkflowError("Graph definition not found for Graph.X")) {
      try await store.start(StartRequest(graph: "Graph.X", node: "n1", scope: .test))
    }
    await #expect(throws: WorkflowError.self) { try await store.start([commands("a", "{{ options.missing }}")]) }
    #expect(try store.runs().isEmpty)
    #expect(store.node("n1")?.runs == [])
  }

  @Test
  func `A task runs another graph on a node, and ends as that one does`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    try await store.put(graph: "Graph.Inner", [commands("inside", "false")])
    func outer(_ graph: String) -> [JSON] {
      [
        [
          "label": "run",
          "taskDefinition": [
            "friendlyName": "run", "injectableName": "Task.run", "implementsTask": "Task.Base.Graph.Run",
            "options": ["graphName": .string(graph), "graphOptions": ["target": "n1"]], "properties": [:],
          ],
        ]
      ]
    }
    let run = try await store.start(outer("Graph.Inner"), node: nil)
    #expect(try store.runs(of: "n1").map(\.parent) == [run])
    let set = try #require(try await store.takenSet())
    #expect(try set.commands == ["false"])
    try await store.report(set, error: ["code": 1])
    #expect(try store.runs().map(\.status) == [.failed, .failed])
    #expect(try store.steps(of: run).first?.error?.contains("failed with status failed") == true)

    let missing = try await store.start(outer("Graph.None"), node: nil, name: "Graph.Other")
    #expect(try store.steps(of: missing).first?.error == "Graph definition not found for Graph.None")
  }

  @Test
  func `Time makes a task end, when the server says that it has passed`() async throws {
    let clock = HandClock()
    let store = try Store(.test(clock: clock))
    try await store.perform(.addNode("n1"))
    let run = try await store.start([noop("wait", delay: 5000)])
    #expect(store.nextTime == clock.now + 5000)
    try await store.perform(.timePassed)
    #expect(try store.run(run)?.isActive == true)
    clock.advance(milliseconds: 5000)
    try await store.perform(.timePassed)
    #expect(try store.run(run)?.status == .succeeded)
    #expect(store.nextTime == nil)
  }

  @Test
  func `Catalogs of a report are stored with the run's next step, those that do not parse with the reason`()
    async throws
  {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    _ = try await store.start([
      commands("json", [["command": "a", "catalog": ["source": "one", "format": "json"]]]),
      commands(
        "bad", [["command": "b", "catalog": ["source": "two", "format": "json"]]], waitOn: ["json": "succeeded"]),
    ])
    let first = try #require(try await store.takenSet())
    try await store.report(first, output: #"{"a.b": 1}"#)
    #expect(try store.newestCatalog(of: "n1", source: "one")?.data() == ["a_b": 1])
    let second = try #require(try await store.takenSet())
    try await store.report(second, output: "no JSON")
    let raw = try #require(try store.newestCatalog(of: "n1", source: "two"))
    #expect(try raw.data() == ["data": "no JSON"])
    #expect(raw.reason?.contains("JSON") == true)
    #expect(try store.catalogs(of: "n1").map(\.source) == ["one", "two"])
  }

  @Test
  func `Addresses in catalogs become lookups`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1", addresses: ["00:1e:67:00:00:01"]))
    _ = try await store.start([
      [
        "label": "boot", "ignoreFailure": true,
        "taskName": "Task.Linux.Bootstrap.Ubuntu",
      ],
      [
        "label": "ip", "waitOn": ["boot": "finished"],
        "taskDefinition": [
          "friendlyName": "ip", "injectableName": "Task.ip", "implementsTask": "Task.Base.Linux.Catalog",
          "options": ["commands": ["sudo ipmitool lan print"]], "properties": [:],
        ],
      ],
    ])
    let boot = try #require(try await store.takenSet())
    try await store.report(boot)
    let set = try #require(try await store.takenSet())
    #expect(try set.commands == ["sudo ipmitool lan print"])
    try await store.report(set, output: "IP Address : 10.1.1.30\nMAC Address : 00:1e:67:00:00:99\n")
    #expect(try store.newestCatalog(of: "n1", source: "bmc")?.data()["IP Address"] == "10.1.1.30")
    #expect(try store.lookups("10.1.1.30").map(\.macAddress) == ["00:1e:67:00:00:99"])
    #expect(try store.lookups("n1").map(\.macAddress) == ["00:1e:67:00:00:01"])
  }

  /// What an earlier server was asked for, and whether it is done again.
  @Test(
    arguments: [
      ("setBootPxe", false, true), ("powerOn", true, true), ("reboot", false, true), ("reboot", true, false),
      ("NMI", false, false), ("powerButton", false, false),
    ])
  func `An action that a server did not finish is done again where that is safe`(
    action: String, nodeIsBusy: Bool, isRepeated: Bool
  ) async throws {
    let directory = try ScratchDirectory()
    var store: Store? = try Store(.test(directory.path))
    try await store?.perform(.addNode("n1"))
    let run = try #require(
      try await store?.start([
        commands("beside", "true"), manage("power", action), noop("after", waitOn: ["power": "succeeded"]),
      ]))
    if nodeIsBusy { _ = try await store?.takenSet() }
    #expect(store?.takeActions().count == 1)
    try store?.close()
    store = try Store(.test(directory.path))
    try store?.resumeActions()
    let again = store?.takeActions() ?? []
    #expect(again.count == (isRepeated ? 1 : 0))
    let step = try store?.steps(of: run).first { $0.label == "power" }
    #expect(step?.state == (isRepeated ? .pending : .failed))
    if !isRepeated { #expect(step?.error?.contains(action) == true) }
  }

  @Test
  func `A run that cannot be brought back fails with the reason, and the others go on`() async throws {
    let directory = try ScratchDirectory()
    let (broken, other): (String, String)
    do {
      let store = try Store(.test(directory.path))
      for node in ["n1", "n2"] { try await store.perform(.addNode(node)) }
      broken = try await store.start([commands("a", "true")])
      other = try await store.start([commands("a", "true")], node: "n2")
      try await store.database.write { db in
        let sql = "UPDATE runs SET plan = ? WHERE id = ?"
        try db.execute(sql: sql, arguments: [StoredBytes(["format": 99]), broken])
      }
      try store.close()
    }
    let store = try Store(.test(directory.path))
    #expect(try store.run(broken)?.status == .failed)
    #expect(try store.documents(of: broken)?.raw["error"]?.stringValue?.contains("format 99") == true)
    #expect(try store.steps(of: broken).map(\.state) == [.failed])
    _ = try await store.finish("n2")
    #expect(try store.run(other)?.status == .succeeded)
    _ = try await store.start([commands("a", "true")], name: "Graph.Other")
  }

  @Test
  func `Definitions are kept with unknown fields, and those of the program come back at a start`() async throws {
    let directory = try ScratchDirectory()
    let noop: JSON = [
      "friendlyName": "mine", "injectableName": "Task.noop", "implementsTask": "Task.Base.noop", "options": [:],
      "properties": [:],
    ]
    var own = noop.object
    own["injectableName"] = "Task.mine"
    own["x-mine"] = [1, 2]
    do {
      let store = try Store(.test(directory.path))
      try await store.perform(.put(task: noop.object))
      try await store.perform(.put(task: own))
      #expect(store.library.tasks["Task.noop"]?["friendlyName"] == "mine")
      await #expect(throws: WorkflowError.self) { try await store.perform(.put(task: JSONObject())) }
      await #expect(throws: WorkflowError.self) {
        try await store.put(graph: "Graph.Bad", [["label": "a", "taskName": "Task.none"]])
      }
      #expect(try await store.perform(.deleteTask("Task.Linux.Commands")))
      #expect(try await !store.perform(.deleteTask("Task.Linux.Commands")))
      try store.close()
    }
    let store = try Store(.test(directory.path))
    #expect(store.library.tasks["Task.mine"] == own)
    #expect(store.library.tasks["Task.noop"]?["friendlyName"] == "Do nothing")
    #expect(store.library.tasks["Task.Linux.Commands"] != nil)
    #expect(store.library.graphs["Graph.Bad"] == nil)
  }
}
