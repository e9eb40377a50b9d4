import Foundation
import JSONDocument
import MonorailProtocol
import SystemFiles
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
    #expect(next.hasStarted(3) && next.hasStarted(2) && !next.hasStarted(1))
    #expect(next.startedTasks == [3])
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

  @Test("a journal without its owner, or with a torn one, is damaged", arguments: ["{", nil])
  func torn(text: String?) throws {
    try journal.begin(Array("{}".utf8), owner: owner)
    let path = journal.directory + "/owner.json"
    if let text {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      try FileManager.default.removeItem(atPath: path)
    }
    #expect(throws: SystemError.self) { try journal.unfinished() }
  }

  @Test("a result that is damaged is none, and its task had started", arguments: ["{}", "", #"{"error":null}"#])
  func damagedResult(text: String) throws {
    try journal.begin(Array("{}".utf8), owner: owner)
    try text.write(toFile: journal.directory + "/0.result", atomically: true, encoding: .utf8)
    #expect(journal.result(of: 0) == nil)
    #expect(journal.hasStarted(0))
  }

  @Test("one agent at a time has the lock")
  func locked() throws {
    let other = try Journal(stateDirectory: journal.stateDirectory)
    #expect(try journal.lock())
    #expect(try !other.lock())
  }

  @Test("a process is told from a later one of the same number")
  func process() throws {
    try journal.begin(Array("{}".utf8), owner: owner)
    try journal.start(0, deadline: 7)
    #expect(journal.started(0) == (7, nil))
    let stat = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8)
    let note = try FileHandle(forWritingTo: URL(filePath: journal.startNote(of: 0)))
    try note.seekToEnd()
    try note.write(contentsOf: Data(stat.utf8))
    let own = try #require(journal.started(0).process)
    #expect(own.pid == getpid() && own.isAlive)
    var fields = stat.split(separator: " ").map(String.init)
    fields[fields.count - 52 + 21] += "1"
    let other = try #require(ProcessIdentity(note: Array(fields.joined(separator: " ").utf8)))
    #expect(!other.isAlive)
    let withoutProc = try #require(ProcessIdentity(note: Array("\(getpid())".utf8)))
    #expect(withoutProc.startTime == nil && withoutProc.isAlive)
    #expect(ProcessIdentity(note: Array("1 (init) S".utf8)) == nil)
    #expect(ProcessIdentity(note: []) == nil)
    try journal.start(0)
    #expect(journal.started(0) == (nil, nil), "another run of the command is another process")
  }

  @Test("a child that was given up leaves no zombie once it has ended")
  func givenUp() throws {
    var pid: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    defer { free(arguments[0]) }
    #expect(posix_spawn(&pid, "/bin/true", nil, nil, &arguments, nil) == 0)
    var info = siginfo_t()
    #expect(waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0)
    let stop = StopSignal()
    stop.collectLater(pid)
    #expect(!stop.isRequested)
    #expect(kill(pid, 0) != 0)
  }
}
