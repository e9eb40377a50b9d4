import Foundation
import JSONDocument
import MockMonorail
import Testing

/// Bare surroundings: an image with nothing in it, directories that cannot be used, another agent.
@Suite(.timeLimit(.minutes(30))) struct ConfinementTests {
  private static let isStatic: Bool = {
    // A static program names no interpreter (ELF's PT_INTERP), whose path is in its first page.
    guard let file = FileHandle(forReadingAtPath: AgentProcess.program), let page = try? file.read(upToCount: 4096)
    else { return false }
    return page.firstRange(of: Data("/ld-".utf8)) == nil
  }()

  @Test(
    .enabled(if: isStatic, "the agent is dynamically linked; scripts/test runs this with the static one"),
    .enabled(if: geteuid() == 0, "only root may chroot"))
  func nothingButAShell() async throws {
    try await withStage { stage in
      let root = stage.path("root")
      try FileManager.default.createDirectory(atPath: root + "/bin", withIntermediateDirectories: true)
      // Not written by this process: a child that another test starts meanwhile would hold them open for writing for a
      // moment, and the kernel runs no file that is.
      try await run("cp", "/bin/busybox", root + "/bin/sh", in: stage.directory)
      try await run("cp", AgentProcess.program, root + "/agent", in: stage.directory)
      let agent = try stage.startAgent(
        usual: ["--server", "127.0.0.1:\(stage.mock.port)", "--node-id", Stage.node, "--once"],
        wrapper: ["chroot", root], program: "/agent")
      try "data".write(toFile: stage.mock.filesDirectory + "/file", atomically: false, encoding: .utf8)
      let report = try await stage.report(
        of:
          #"{"tasks":[{"cmd":"pwd; read line <file; echo $line","downloadUrl":"/api/current/files/file"},{"cmd":"exit 2"}]}"#
      )
      #expect(report.stdout(0) == "/opt/monorail/work\ndata\n")
      #expect(report.error(0) == .null)
      #expect(report.code(1) == "2")
      #expect(try await agent.wait() == .exited(0))
    }
  }

  @Test func aSecondAgentOnTheSameStateIsTurnedAway() async throws {
    try await withStage { stage in
      let first = try stage.startAgent()
      try await stage.mock.waitForRequests { _ in true }
      let second = try stage.startAgent()
      #expect(try await second.wait(.seconds(60)) == .exited(75))
      #expect(second.log.contains("another agent is at work with \(stage.path("state")); choose another --state-dir"))
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      try await stage.crash(first)
      // The kernel releases the lock when the agent that holds it ends, so the next agent gets it.
      try stage.startAgent()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  /// A command that a killed agent was just starting has the lock's descriptor until its program is loaded.
  @Test func aLockThatIsHeldForAMomentIsWaitedFor() async throws {
    try await withStage { stage in
      try FileManager.default.createDirectory(atPath: stage.path("state"), withIntermediateDirectories: true)
      let lock = open(stage.path("state/lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      #expect(flock(lock, LOCK_EX) == 0)
      let agent = try stage.startAgent()
      try await agent.waitForLog("waiting up to 10 s for its end")
      close(lock)
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(agent.log.split(separator: "\n").count { $0.contains("another agent is at work") } == 1)
    }
  }

  /// A command that outlives its agent must not keep the next one away.
  @Test func aCommandDoesNotHoldTheLock() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let first = try stage.startAgent()
      try stage.push(commands: ["echo begun; \(gate.waiting)"])
      try await first.waitForLog("| begun")
      try await stage.crash(first)
      let second = try stage.startAgent()
      try await second.waitForLog("waiting for its end")
      gate.open()
      #expect(try await stage.nextReport().code() == "EINTERRUPTED")
    }
  }

  @Test(arguments: ["--state-dir", "--work-dir"]) func aDirectoryThatIsAFile(flag: String) async throws {
    try await withStage { stage in
      try stage.write("a file", to: "file")
      for path in [stage.path("file"), stage.path("file/below")] {
        let agent = try stage.startAgent(flag, path)
        #expect(try await agent.wait() == .exited(78))
        #expect(agent.log.contains("cannot make the directory \(path)"))
        #expect(agent.log.contains("choose another with --work-dir or --state-dir"))
      }
      #expect(stage.text("file") == "a file")
      #expect(stage.mock.requests.isEmpty)
    }
  }

  @Test(.enabled(if: Namespaces.areAvailable, "needs the right to make a mount namespace"))
  func aFullStateDirectoryRunsNothing() async throws {
    try await withStage { stage in
      let wrapper = stage.stateInMemory(
        "size=64k", before: "mkdir journal && { cat /dev/zero >fill 2>/dev/null || :; }")
      let agent = try stage.startAgent(wrapper: wrapper)
      let report = try await stage.report(of: #"{"tasks":[{"cmd":"touch '\#(stage.path("ran"))'"},{"cmd":"true"}]}"#)
      #expect(report.code(0) == "ENOSPC")
      #expect(report.error(0)?["message"]?.stringValue?.contains("No space left on device") == true)
      #expect(report.isUntouched(1))
      #expect(!FileManager.default.fileExists(atPath: stage.path("ran")))
      try await agent.waitForLog("the set cannot be kept in the journal, so nothing of it is run")
      let names = try stage.journalNames(of: agent)
      #expect(names.allSatisfy { $0 == "reserve" }, "nothing half-written: \(names)")
      #expect(!agent.hasEnded)
    }
  }

  @Test(
    .enabled(if: Namespaces.areAvailable, "needs the right to make a mount namespace"), arguments: ["300k", "1m", "4m"])
  func talkativeTasksLeaveRoomForTheOthers(size: String) async throws {
    try await withStage { stage in
      try stage.startAgent(wrapper: stage.stateInMemory("size=\(size)"))
      let flood = "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo tail"
      try stage.push(commands: [flood, "echo second", flood, "echo fourth", "echo fifth"])
      let report = try await stage.nextReport()
      for index in [0, 2] { #expect(report.stdout(index)?.hasSuffix("x\ntail\n") == true) }
      #expect([1, 3, 4].map { report.stdout($0) } == ["second\n", "fourth\n", "fifth\n"])
    }
  }

  /// The output may not fit; the command goes on, and what there was room for is reported.
  @Test(.enabled(if: Namespaces.areAvailable, "needs the right to make a mount namespace"))
  func aStateDirectoryThatFillsUpCostsOutputOnly() async throws {
    try await withStage { stage in
      try stage.startAgent(wrapper: stage.stateInMemory("size=1m"))
      try stage.push(
        commands: ["echo head; head -c 3000000 /dev/zero | tr '\\0' x; touch '\(stage.path("ended"))'"])
      let report = try await stage.nextReport()
      #expect(FileManager.default.fileExists(atPath: stage.path("ended")))
      #expect(report.stdout()?.hasPrefix("head\nxxxx") == true)
      #expect(report.stdout()?.contains("bytes are cut out here") == true)
      #expect(report[0]["agent"]?["stdoutBytes"] == 3_000_005)
      // The agent has freed the memory, so that the next set runs.
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  @Test(.enabled(if: Namespaces.areAvailable, "needs the right to make a mount namespace"))
  func aReadOnlyStateDirectory() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent(wrapper: stage.stateInMemory("ro,size=64k"))
      #expect(try await agent.wait() == .exited(78))
      #expect(agent.log.contains("cannot make the directory \(stage.journal): Read-only file system"))
    }
  }
}
