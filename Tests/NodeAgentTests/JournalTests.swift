import Foundation
import JSONDocument
import MonorailProtocol
import Testing

@testable import NodeAgent

@Suite struct JournalTests {
  let directory: TemporaryDirectory
  let journal: Journal
  let owner: NodeIdentity

  init() throws {
    directory = try TemporaryDirectory()
    journal = try Journal(stateDirectory: directory.path + "/deep/state")
    owner = NodeIdentity(server: try #require(ServerAddress("h:1")), tasksPath: "/api/current/tasks/1")
  }

  @Test("a set in hand is there for the next agent, and gone once it is cleared")
  func lifetime() throws {
    #expect(try journal.unfinished() == nil)
    try journal.begin(Array("{}".utf8), owner: owner)
    try journal.start(3)
    try journal.finish(2, TaskResult(error: ["code": 1], facts: JSONObject(), isFailure: true))
    let next = try Journal(stateDirectory: directory.path + "/deep/state")
    let found = try #require(try next.unfinished())
    #expect(found.text == Array("{}".utf8))
    #expect(found.owner == owner)
    #expect(next.hasStarted(3) && !next.hasStarted(2))
    #expect(next.result(of: 2)?.error == ["code": 1])
    #expect(next.result(of: 2)?.isFailure == true)
    try next.clear()
    #expect(try next.unfinished() == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: next.directory).isEmpty)
  }

  @Test("a new set forgets what was noted of the one before")
  func fresh() throws {
    try journal.begin(Array("{}".utf8), owner: owner)
    try journal.start(0)
    try journal.begin(Array("{}".utf8), owner: owner)
    #expect(!journal.hasStarted(0))
  }

  @Test("a journal without its owner, or with a torn one, is none")
  func torn() throws {
    try journal.begin(Array("{}".utf8), owner: owner)
    try "{".write(toFile: journal.directory + "/owner.json", atomically: true, encoding: .utf8)
    #expect(try journal.unfinished() == nil)
  }

  @Test("a process is told from a later one of the same number")
  func process() throws {
    let own = ProcessIdentity(pid: getpid(), deadline: 7)
    #expect(own.isAlive)
    #expect(ProcessIdentity(own.json) == own)
    let other = try #require(ProcessIdentity(["pid": .integer(getpid()), "startTime": .integer(own.startTime + 1)]))
    #expect(!other.isAlive)
    #expect(ProcessIdentity(["pid": 1, "startTime": 0]) == nil)
  }
}
