import JSONDocument
import TestSupport
import Testing
import Workflows

@testable import MonorailStore

/// A task set is given once, whatever happens to the server, the node and what they say to each other.
struct HandOutTests {
  private func store() async throws -> Store {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    return store
  }

  @Test
  func `A set whose answer did not arrive is given again, the same one`() async throws {
    let store = try await store()
    let run = try await store.start([commands("a", "flash")])
    let first = try #require(try await store.takenSet())
    let second = try #require(try await store.takenSet())
    #expect(second.number == first.number)
    #expect(second.body == first.body)
    #expect(second.times == 2)
    try await store.report(second)
    #expect(try store.run(run)?.status == .succeeded)
  }

  @Test
  func `A set that the node may have begun is not given again, and its task fails with a sentence`() async throws {
    let signs: [@Sendable (Store) async throws -> Void] = [
      { try await $0.perform(.reportRefused("n1")) },
      { _ = try await $0.perform(.nodeStarted("n1", isBoot: true)) },
      { _ = try await $0.perform(.nodeStarted("n1", isBoot: false)) },
    ]
    for sign in signs {
      let store = try await store()
      let run = try await store.start([commands("a", "flash")])
      let set = try #require(try await store.takenSet())
      try await sign(store)
      #expect(try await store.takenSet() == nil)
      #expect(try store.taskSet(set.number)?.state == .lost)
      #expect(try store.run(run)?.status == .failed)
      #expect(try store.steps(of: run).first?.error?.contains("not given again") == true)
      // The report comes after all: it is kept, and changes nothing.
      #expect(try await !store.report(set).isRepeated)
      #expect(try store.run(run)?.status == .failed)
    }
  }

  @Test(arguments: ["ffffffffffffffffffffffff", "7", nil])
  func `A report that is not of the set that is out ends no task`(mark: String?) async throws {
    let store = try await store()
    let run = try await store.start([commands("a", "flash")])
    let set = try #require(try await store.takenSet())
    let body = Array(#"{"tasks": [{"cmd": "flash", "stdout": ""}]}"#.utf8)
    #expect(try await !store.perform(.acceptReport(IncomingReport(node: "n1", body: body, mark: mark))).isOfRun)
    #expect(try store.run(run)?.status == .running)
    #expect(try store.taskSet(set.number)?.state == .out)
    try await store.report(set)
    #expect(try store.run(run)?.status == .succeeded)
  }

  @Test
  func `A set pushed by hand is ended by a report without a mark`() async throws {
    let store = try await store()
    let number = try await store.perform(.push(Array(#"{"tasks": []}"#.utf8), to: "n1"))
    #expect(try await store.takenSet()?.number == number)
    try await store.perform(.acceptReport(IncomingReport(node: "n1", body: [], mark: nil)))
    #expect(try store.taskSet(number)?.state == .reported)
  }

  @Test
  func `The agent of a machine that boots over the network looks itself up without having started anew`() async throws {
    let store = try await store()
    try await store.perform(.nodeStarted("n1", isBoot: true))
    _ = try await store.start([commands("a", "flash")])
    let set = try #require(try await store.takenSet())
    try await store.perform(.nodeStarted("n1", isBoot: false))
    #expect(try await store.takenSet()?.number == set.number)
  }

  @Test
  func `A boot in the middle of catalogs makes them be asked for again`() async throws {
    let store = try await store()
    let run = try await store.start(StartRequest(graph: "Graph.Discovery", node: "n1", scope: .test))
    let set = try #require(try await store.takenSet())
    try await store.perform(.nodeStarted("n1", isBoot: true))
    let again = try #require(try await store.takenSet())
    #expect(again.number != set.number)
    #expect(try again.commands == set.commands)
    #expect(try store.run(run)?.isActive == true)
  }

  @Test
  func `A reboot whose answer did not arrive is given again although its task has succeeded`() async throws {
    let store = try await store()
    let run = try await store.start([["label": "reboot", "taskName": "Task.ProcShellReboot"]])
    let set = try #require(try await store.takenSet())
    #expect(try store.run(run)?.status == .succeeded)
    #expect(try await store.takenSet()?.number == set.number)
    try await store.perform(.nodeStarted("n1", isBoot: true))
    #expect(try await store.takenSet() == nil)
  }

  @Test
  func `A cancelled run's set is not given again`() async throws {
    let store = try await store()
    let run = try await store.start([commands("a", "flash")])
    _ = try await store.takenSet()
    try await store.perform(.cancel(run))
    #expect(try await store.takenSet() == nil)
  }

  @Test
  func `A set pushed by hand is given once, and again only when the server ended in between`() async throws {
    let directory = try ScratchDirectory()
    var store: Store? = try Store(.test(directory.path))
    try await store?.perform(.addNode("n1"))
    let body = Array(#"{"tasks": [ {"cmd":"a"}], "x": 1.0}"#.utf8)
    try await store?.perform(.push(body, to: "n1"))
    try await store?.perform(.push(body, to: "n1"))
    let first = try #require(try await store?.takenSet())
    #expect(first.body == body)
    let second = try #require(try await store?.takenSet())
    #expect(second.number != first.number)
    try store?.close()
    store = try Store(.test(directory.path))
    #expect(try await store?.takenSet()?.number == second.number)
    #expect(try await store?.takenSet() == nil)
  }

  @Test
  func `A report that comes twice is stored once, and the run goes on once`() async throws {
    let store = try await store()
    let run = try await store.start([commands("a", "one"), commands("b", "two", waitOn: ["a": "succeeded"])])
    let set = try #require(try await store.takenSet())
    let first = try await store.report(set)
    let second = try await store.report(set)
    #expect(!first.isRepeated && second.isRepeated)
    #expect(first.record.number == second.record.number)
    #expect(try store.reports(of: "n1").count == 1)
    let next = try #require(try await store.takenSet())
    // The report of the first set, once more, is not taken for one of the set that the node has now.
    #expect(try await store.report(set).isRepeated)
    #expect(try store.run(run)?.isActive == true)
    try await store.report(next)
    #expect(try store.run(run)?.status == .succeeded)
  }

  @Test
  func `Nobody who has gone gets a set`() async throws {
    let store = try await store()
    try await store.perform(.push([1], to: "n1"))
    guard case .nothing = try await store.perform(.takeTaskSet("n1", isWanted: { false })) else {
      Issue.record("a set was handed out")
      return
    }
    #expect(try await store.takenSet() != nil)
  }

  @Test
  func `A node without work costs the database nothing`() async throws {
    let store = try await store()
    #expect(!store.mayHaveWork("n1"))
    _ = try await store.start([manage("power", "reboot"), commands("a", "x", waitOn: ["power": "succeeded"])])
    #expect(!store.mayHaveWork("n1"))
    try await store.answerActions()
    #expect(store.mayHaveWork("n1"))
    #expect(!store.mayHaveWork("unknown"))
  }

  @Test
  func `Work pushed by hand goes before a graph's`() async throws {
    let store = try await store()
    _ = try await store.start([commands("a", "graph")])
    try await store.perform(.push(Array(#"{"tasks":[{"cmd":"hand"}]}"#.utf8), to: "n1"))
    let first = try #require(try await store.takenSet())
    #expect(try first.commands == ["hand"])
    try await store.report(first)
    #expect(try await store.takenSet()?.commands == ["graph"])
  }
}
