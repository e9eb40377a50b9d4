import Foundation
import GRDB
import JSONDocument
import Synchronization
import TestSupport
import Testing
import Workflows

@testable import MonorailStore

struct KeepingTests {
  @Test
  func `Everything is there after a restart`() async throws {
    let directory = try ScratchDirectory()
    do {
      let store = try Store(.test(directory("data")))
      try await store.perform(
        .addNode("n1", addresses: ["00:1e:67:00:00:01"], document: (["type": "compute", "x": [1]] as JSON).object))
      for (ip, isFirst) in [("10.0.0.1", true), ("10.0.0.2", false)] {
        let appearance = try await store.perform(
          .nodeAppeared(.id("n1"), ipAddress: ip, adds: false) { _ in FirstWork() })
        #expect(appearance?.isFirst == isFirst)
      }
      try await store.perform(.push(Array("a".utf8), to: "n1", workflow: "w", options: (["k": "v"] as JSON).object))
      try await store.perform(.saveManagementSettings(node: "n1", service: "noop", config: JSONObject()))
      try await store.perform(
        .saveManagementSettings(node: "n1", service: "noop", config: (["host": "h"] as JSON).object))
      try await store.perform(.addSyslog([SyslogRecord(node: "n1", receivedAt: 5, line: ["text": "t"])]))
      try await store.perform(.addFile(name: "f", md5: "m", sha256: "s", size: 3))
      try await store.perform(.addFile(name: "f", md5: "m2", sha256: "s2", size: 4))
      try await store.perform(
        .acceptReport(
          IncomingReport(node: "n1", body: Array("{}".utf8), mark: nil, connection: 7, taskCount: 2, failures: ["x"])))
      try store.close()
    }
    let store = try Store(.test(directory("data")))
    let node = try #require(store.node("n1"))
    #expect(node.document["x"] == [1])
    #expect(node.ipAddress == "10.0.0.2")
    #expect(node.hasAppeared)
    #expect(node.addresses == ["00:1e:67:00:00:01"])
    #expect(store.node(withAddress: "00:1e:67:00:00:01")?.id == "n1")
    let queued = try store.queuedTaskSets(of: "n1")
    #expect(queued.map(\.body) == [Array("a".utf8)])
    #expect(queued.first?.workflow == "w")
    #expect(queued.first?.options["k"] == "v")
    #expect(try store.managementSettings(of: "n1").map(\.config["host"]) == ["h"])
    #expect(try store.syslog(of: "n1").map(\.line) == [["text": "t"]])
    let file = try #require(try store.file("f"))
    #expect(file.version == 1 && file.size == 4)
    #expect(try store.file(file.uuid) == file)
    let report = try #require(try store.report(of: "n1", sequence: 1))
    #expect(report.failures == ["x"] && report.connection == 7 && report.body == Array("{}".utf8))
    #expect(store.filesDirectory == directory("data") + "/files")
  }

  @Test
  func `A second server on the same directory is refused by name`() throws {
    let directory = try ScratchDirectory()
    let first = try Store(.test(directory.path))
    let error = #expect(throws: StoreError.self) { try Store(.test(directory.path)) }
    #expect(error?.kind == .inUse)
    #expect(error?.message.contains("process \(getpid())") == true)
    withExtendedLifetime(first) {}
  }

  @Test
  func `A directory that is no place for a database is refused`() throws {
    let directory = try ScratchDirectory()
    try directory.write("not a database, but a text that is long enough to have no header", to: Store.databaseName)
    #expect(throws: StoreError.self) { try Store(.test(directory.path)) }
    try directory.write("", to: "file")
    #expect(throws: (any Error).self) { try Store(.test(directory("file"))) }
  }

  @Test
  func `A commit waits for the disk`() throws {
    let directory = try ScratchDirectory()
    let store = try Store(.test(directory.path))
    let modes = try store.database.writeWithoutTransaction { db in
      (try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"))
    }
    #expect(modes.0 == "wal")
    // FULL
    #expect(modes.1 == 2)
  }

  @Test
  func `A full disk is said, and harms nothing that is there`() async throws {
    let directory = try ScratchDirectory()
    var configuration = try StoreConfiguration.test(directory.path)
    configuration.maximumBytes = 600 << 10
    let store = try Store(configuration)
    try await store.perform(.addNode("n1"))
    var generator = SystemRandomNumberGenerator()
    let body = (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    var pushed = 0
    let error = await #expect(throws: StoreError.self) {
      while pushed < 100 {
        try await store.perform(.push(body, to: "n1"))
        pushed += 1
      }
    }
    #expect(error?.kind == .diskFull)
    #expect(pushed > 2)
    // Small commands of others that come at the same moment are not harmed by the large one.
    let results = await withTaskGroup(of: Bool.self) { group in
      for index in 0..<8 {
        group.addTask {
          let body = index == 3 ? body : [UInt8(index)]
          return (try? await store.perform(.push(body, to: "n1"))) != nil
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(results == 7)
    #expect(store.node("n1")?.queued == pushed + 7)
    let queued = try store.queuedTaskSets(of: "n1")
    #expect(queued.count == pushed + 7)
    #expect(queued.first?.body == body)
  }

  @Test
  func `Commands that fail do not touch others that are committed with them`() async throws {
    let store = try Store(.test())
    let added = await withTaskGroup(of: Bool.self) { group in
      for index in 0..<200 {
        group.addTask {
          if index.isMultiple(of: 3) { return (try? await store.perform(.push([1], to: "none"))) != nil }
          return (try? await store.perform(.addNode("n\(index)"))) != nil
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(added == 133)
    #expect(store.nodes.count == 133)
  }

  @Test
  func `Output is compressed where that is worth it, and read back as it was`() throws {
    let text = Array(String(repeating: "the same line again and again\n", count: 40_000).utf8)
    #expect(StoredBytes(text).stored.count < text.count / 100)
    #expect(try StoredBytes(text).bytes() == text)
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<10_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    #expect(StoredBytes(noise).stored.count == noise.count + 1)
    #expect(try StoredBytes(noise).bytes() == noise)
    #expect(try StoredBytes([]).bytes().isEmpty)
    #expect(throws: StoreError.self) { try StoredBytes.fromDatabaseValue(Data([1, 2, 3]).databaseValue)?.bytes() }
    #expect(throws: StoreError.self) { try StoredBytes.fromDatabaseValue(Data([9]).databaseValue)?.bytes() }
  }

  @Test
  func `What is old is removed, but not what is needed`() async throws {
    let clock = HandClock()
    let store = try Store(.test(clock: clock))
    try await store.perform(.addNode("n1"))
    let old = try await store.start([commands("a", [["command": "x", "catalog": ["source": "s", "format": "raw"]]])])
    _ = try await store.finish(output: "first")
    try await store.perform(.addSyslog([SyslogRecord(node: "n1", receivedAt: clock.now, line: "old")]))
    let long = try await store.start(
      [commands("a", "true"), commands("b", "true", waitOn: ["a": "succeeded"])], name: "Graph.Long")
    let set = try #require(try await store.takenSet())
    try await store.report(set)
    clock.advance(milliseconds: 3 * 86_400_000)
    try await store.perform(.addSyslog([SyslogRecord(node: "n1", receivedAt: clock.now, line: "new")]))
    let count = try await store.prune(keepDays: 2)
    #expect(count == PruneCount(runs: 1, taskSets: 2, reports: 1, catalogs: 0, syslogLines: 1))
    #expect(try store.run(old) == nil)
    #expect(try store.run(long)?.isActive == true)
    #expect(try store.newestCatalog(of: "n1", source: "s")?.data() == ["data": "first"])
    #expect(try store.syslog(of: "n1").map(\.line) == ["new"])
    // The report of the run that goes on is one of its events.
    #expect(try store.reports(of: "n1").count == 1)
    _ = try await store.finish()
    #expect(try store.run(long)?.status == .succeeded)
  }

  @Test
  func `The room of what is removed goes back to the disk, that of the log too`() async throws {
    let directory = try ScratchDirectory()
    var configuration = try StoreConfiguration.test()
    configuration.directory = directory("data")
    let store = try Store(configuration)
    func bytes() throws -> Int {
      try ["", "-wal"].reduce(0) { sum, suffix in
        let path = directory("data/monorail.sqlite") + suffix
        return sum + (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0)
      }
    }
    try await store.perform(.addNode("n1"))
    let empty = try bytes()
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20 {
      let noise = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try await store.perform(.acceptReport(IncomingReport(node: "n1", body: noise, mark: nil)))
    }
    #expect(try bytes() > empty + 4_000_000)
    #expect(try await store.prune(keepDays: -1).reports == 20)
    #expect(try bytes() <= empty + 100_000)
    try store.close()
  }

  @Test
  func `What is bounded forgets the oldest`() async throws {
    var configuration = try StoreConfiguration.test()
    configuration.retainedSyslogLines = 8
    configuration.retainedReportBytes = 2000
    let store = try Store(configuration)
    try await store.perform(.addNode("n1"))
    for index in 0..<30 {
      try await store.perform(.addSyslog([SyslogRecord(node: nil, receivedAt: index, line: .integer(index))]))
    }
    let lines = try store.syslog(of: nil).compactMap(\.line.intValue)
    #expect((8...10).contains(lines.count))
    #expect(lines.last == 29)
    for _ in 0..<5 {
      let body = [UInt8](repeating: 32, count: 900)
      try await store.perform(.acceptReport(IncomingReport(node: "n1", body: body, mark: nil)))
    }
    #expect(try store.reports().map(\.body.count) == [0, 0, 0, 900, 900])
    #expect(try store.reports().map(\.bytes) == [900, 900, 900, 900, 900])
  }

  @Test
  func `Only those who wait for a node look again when it changes`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    try await store.perform(.addNode("n2"))
    let looks = Mutex(0)
    async let waiting = store.wait(on: .node("n1"), timeout: .seconds(30)) { () -> Int? in
      looks.withLock { $0 += 1 }
      return store.node("n1")?.queued == 1 ? 1 : nil
    }
    _ = try await eventually("the first look") { looks.withLock { $0 > 0 ? true : nil } }
    for _ in 0..<50 { try await store.perform(.push([1], to: "n2")) }
    try await store.perform(.push([1], to: "n1"))
    #expect(try await waiting == 1)
    #expect(looks.withLock { $0 } <= 3)
    #expect(try await store.wait(on: .any, timeout: .milliseconds(1)) { () -> Int? in nil } == nil)
  }

  @Test
  func `A node that is removed leaves its reports, and can come again`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1", addresses: ["00:1e:67:00:00:01"]))
    try await store.perform(.push([1], to: "n1"))
    try await store.perform(.acceptReport(IncomingReport(node: "n1", body: [1], mark: nil)))
    let run = try await store.start([commands("a", "x")])
    let error = await #expect(throws: StoreError.self) { try await store.perform(.removeNode("n1")) }
    #expect(error?.kind == .conflict)
    try await store.perform(.cancel(run))
    try await store.perform(.removeNode("n1"))
    #expect(store.node("n1") == nil)
    #expect(store.node(withAddress: "00:1e:67:00:00:01") == nil)
    #expect(try store.reports(of: "n1").count == 1)
    try await store.perform(.addNode("n2", addresses: ["00:1e:67:00:00:01"]))
    #expect(store.node(withAddress: "00:1e:67:00:00:01")?.id == "n2")
  }

  @Test
  func `Catalogs go with their node, since another machine may come under its name`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    _ = try await store.start([commands("a", [["command": "x", "catalog": ["source": "s", "format": "raw"]]])])
    _ = try await store.finish(output: "of the old one")
    #expect(try store.newestCatalog(of: "n1", source: "s") != nil)
    try await store.perform(.removeNode("n1"))
    try await store.perform(.addNode("n1"))
    #expect(try store.newestCatalog(of: "n1", source: "s") == nil)
  }

  @Test
  func `What happens is told in order, after it is kept`() async throws {
    let store = try Store(.test())
    try await store.perform(.addNode("n1"))
    let told = Mutex<[String]>([])
    let number = store.listen { notice in
      let text: String? =
        switch notice {
        case .runStarted(_, let graph, _): "run \(graph)"
        case .taskStarted(_, let label, _): "start \(label)"
        case .taskEnded(_, let label, _, let state, _): "\(label) \(state)"
        case .runEnded(_, _, _, let status): "end \(status)"
        default: nil
        }
      if let text { told.withLock { $0.append(text) } }
    }
    _ = try await store.start([commands("a", "x")])
    _ = try await store.finish()
    #expect(told.withLock { $0 } == ["run Graph.Test", "start a", "a succeeded", "end succeeded"])
    store.stopListening(number)
    _ = try await store.start([commands("a", "x")])
    #expect(told.withLock { $0.count } == 4)
  }
}
