import Foundation
import JSONDocument
import MockMonorail
import Testing

/// `kill -9`, and the agent that is started after it on the same state.
@Suite(.timeLimit(.minutes(30))) struct CrashTests {
  private func note(_ stage: Stage, _ what: String) -> String { "echo \(what) >>'\(stage.path("runs"))'" }

  @Test func aTaskThatWasInterruptedIsNeverRunAgain() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let first = try stage.startAgent()
      try stage.push(
        commands: [
          "\(note(stage, "catalog")); echo the catalog",
          "\(note(stage, "flash")); echo half way; echo warning >&2; \(gate.waiting); \(note(stage, "end"))",
          note(stage, "never"),
        ])
      try await first.waitForLog("| half way")
      try await stage.crash(first)
      let second = try stage.startAgent()
      try await second.waitForLog("still runs, waiting for its end")
      #expect(stage.mock.reports().isEmpty)
      gate.open()
      let report = try await stage.nextReport()
      #expect(stage.text("runs") == "catalog\nflash\nend\n")
      #expect(report.stdout(0) == "the catalog\n")
      #expect(report.error(0) == .null)
      #expect(report.code(1) == "EINTERRUPTED")
      #expect(report.error(1)?["message"]?.stringValue?.contains("not run again") == true)
      #expect(report.stdout(1) == "half way\n")
      #expect(report.stderr(1) == "warning\n")
      #expect(report.isUntouched(2))
      // The agent polls again.
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(second.log.contains("finishing it"))
    }
  }

  /// The flash prints megabytes while nobody reads them, gets no SIGPIPE, and does every step.
  @Test func aFlashGoesThroughTheCrashAndThroughTheTimeWithoutAnAgent() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let steps = stage.path("steps")
      try stage.write(
        """
        trap 'echo broken pipe >>"\(steps)"' PIPE
        for step in 1 2 3 4 5 6 7 8; do
          echo "step $step" >>"\(steps)"
          echo "writing block $step"
          head -c 1000000 /dev/zero | tr '\\0' . || echo "failed in $step" >>"\(steps)"
          [ $step != 2 ] || { echo waiting >>"\(steps)"; \(gate.waiting); }
        done
        echo verified
        echo done >>"\(steps)"
        """, to: "flash.sh")
      let first = try stage.startAgent()
      try stage.push(commands: ["sh '\(stage.path("flash.sh"))'"])
      try await eventually("step 2") { stage.text("steps").hasSuffix("waiting\n") ? () : nil }
      try await stage.crash(first)
      gate.open()
      // Without a reader it can go on as far as the pipe has room.
      try await eventually("step 3") { stage.text("steps").contains("step 3\n") ? () : nil }
      let second = try stage.startAgent()
      let report = try await stage.nextReport()
      let expected = (1...8).map { $0 == 2 ? "step 2\nwaiting\n" : "step \($0)\n" }.joined() + "done\n"
      #expect(stage.text("steps") == expected)
      #expect(report.code() == "EINTERRUPTED")
      let stdout = try #require(report.stdout())
      #expect(stdout.hasPrefix("writing block 1\n...."))
      #expect(stdout.hasSuffix(".verified\n"))
      for step in 3...8 { #expect(stdout.contains("writing block \(step)\n")) }
      #expect(!second.hasEnded)
    }
  }

  @Test func aCommandThatEndedWhileThereWasNoAgent() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let first = try stage.startAgent()
      try stage.push(commands: ["\(note(stage, "flash")); echo output; \(gate.waiting); \(note(stage, "end"))"])
      try await first.waitForLog("| output")
      try await stage.crash(first)
      gate.open()
      try await eventually("the command's end") { stage.text("runs") == "flash\nend\n" ? () : nil }
      try stage.startAgent()
      let report = try await stage.nextReport()
      #expect(report.code() == "EINTERRUPTED")
      #expect(report.stdout() == "output\n")
      #expect(stage.text("runs") == "flash\nend\n")
    }
  }

  @Test func aReportThatWasNotAcceptedIsSentByTheNextAgent() async throws {
    try await withStage { stage in
      stage.mock.inject(.status(503), "POST", "/api/*/tasks/*")
      let first = try stage.startAgent()
      try stage.push(commands: [
        "\(note(stage, "one")); echo out; echo err >&2", "\(note(stage, "two")); echo x; exit 3",
      ])
      try await stage.mock.waitForRequests { $0.method == "POST" && $0.status == 503 }
      try await stage.crash(first)
      let refused = stage.mock.requests.count { $0.status == 503 }
      try stage.startAgent()
      // When the second agent has been refused, no request of the first agent can still arrive.
      try await stage.mock.waitForRequests(refused + 1) { $0.status == 503 }
      stage.mock.removeFaults()
      let report = try await stage.nextReport()
      #expect(stage.text("runs") == "one\ntwo\n")
      #expect(report.stdout(0) == "out\n")
      #expect(report.stderr(0) == "err\n")
      #expect(report.error(0) == .null)
      #expect(report.code(1) == "3")
      #expect(report.stdout(1) == "x\n")
      #expect(stage.mock.reports().count == 1)
    }
  }

  /// Killed at each step that it writes down: no task starts twice, and what is known is reported.
  @Test(arguments: 1...10) func whereverItIsKilledNothingIsRunTwice(step: Int) async throws {
    try await withStage { stage in
      try stage.push(commands: ["one", "two", "three"].map { "\(note(stage, $0)); echo \($0)" })
      let injection = "--inject=?rename,?renameat,?renameat2:signal=KILL:when=\(step)"
      let first = try stage.startAgent(wrapper: ["strace", "-D", "-qq", "-o", "/dev/null", injection])
      // The agent takes fewer steps than the highest number here. Then it is not killed, and polls again after its report.
      try await eventually("the kill, or the set's end", explanation: { first.log }) {
        first.hasEnded || stage.mock.requests.map(\.method).prefix(3) == ["GET", "POST", "GET"] ? () : nil
      }
      try await stage.crash(first)
      try stage.startAgent()
      try stage.push(commands: ["echo on"])
      var report = try await stage.nextReport()
      let runs = stage.text("runs").split(separator: "\n").map(String.init)
      #expect(Array(["one", "two", "three"].prefix(runs.count)) == runs)
      if report.tasks.count == 3 {
        let ran = report.tasks.indices.filter { !report.isUntouched($0) }
        #expect(ran == Array(0..<ran.count))
        for index in ran.dropLast() {
          #expect(report.stdout(index) == "\(runs[index])\n")
          #expect(report.error(index) == .null)
        }
        if report.error(ran.count - 1) != .null { #expect(report.code(ran.count - 1) == "EINTERRUPTED") }
        #expect(ran.count == 3 || report.code(ran.count - 1) == "EINTERRUPTED")
        report = try await stage.nextReport()
      } else {
        #expect(runs.isEmpty, "a task was run, and nothing was reported of it")
      }
      #expect(report.stdout() == "on\n")
    }
  }

  /// By its own task, as soon as that has begun: before the agent has written down which process it is.
  @Test func aCommandThatHadJustStartedIsWaitedForToo() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let flash =
        "kill -9 $PPID; \(note(stage, "flash")); \(gate.waiting); head -c 1000000 /dev/zero | tr '\\0' .; "
        + note(stage, "end")
      let first = try stage.startAgent()
      try stage.push(commands: ["\(note(stage, "one")); echo out", flash])
      #expect(try await first.wait() == .signaled(SIGKILL))
      let second = try stage.startAgent()
      try await second.waitForLog("still runs, waiting for its end")
      gate.open()
      let report = try await stage.nextReport()
      #expect(stage.text("runs") == "one\nflash\nend\n")
      #expect(report.stdout(0) == "out\n")
      #expect(report.code(1) == "EINTERRUPTED")
      #expect(report.stdout(1)?.utf8.count == 1_000_000)
    }
  }

  /// What a command leaves running in the background is not the command, also when it has a session of its own.
  ///
  /// - Parameter kill: the shell text that kills the agent, by the time of the kill: the command's first act; while it runs;
  ///   and after its end, while the agent waits for output of what stays.
  @Test(arguments: [
    (first: "kill -9 $PPID; ", last: "", daemon: ""), (first: "", last: "; kill -9 $PPID", daemon: ""),
    (
      first: "agent=$PPID leader=$$; export agent leader; ", last: "",
      daemon: "until grep -q \") Z \" /proc/$leader/stat; do sleep 0.05; done; kill -9 $agent; "
    ),
  ])
  func aDaemonIsNotWaitedForBeyondItsCommand(kill: (first: String, last: String, daemon: String)) async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let list = stage.path("pids")
      let daemon = "setsid sh -c 'echo $$ >>\"\(list)\"; \(kill.daemon)read x <\"\(gate.path)\"' &"
      let first = try stage.startAgent()
      try stage.push(commands: [
        "\(kill.first)\(daemon) while ! [ -s '\(list)' ]; do sleep 0.01; done; sleep 0.2\(kill.last)", "true",
      ])
      #expect(try await first.wait() == .signaled(SIGKILL))
      try await stage.waitForFile("pids")
      try stage.startAgent()
      let report = try await stage.nextReport()
      #expect(report.code() == "EINTERRUPTED")
      #expect(report.isUntouched(1))
      #expect(stage.text("pids").split(separator: "\n").compactMap { pid_t($0) }.map(isRunning) == [true])
    }
  }

  /// The command ends while no agent runs, so its exit code and its last output are lost.
  @Test func aTaskThatKillsTheAgentAndEnds() async throws {
    try await withStage { stage in
      let first = try stage.startAgent()
      try stage.push(commands: ["\(note(stage, "one")); kill -9 $PPID"])
      #expect(try await first.wait() == .signaled(SIGKILL))
      try stage.startAgent()
      #expect(try await stage.nextReport().code() == "EINTERRUPTED")
      #expect(stage.text("runs") == "one\n")
    }
  }

  /// Two flashes at once would be the worst that can happen.
  @Test(arguments: [("set.json", "{"), ("set.json", ""), ("set.json", nil), ("owner.json", "{"), ("owner.json", nil)])
  func aDamagedJournalDoesNotLetTheNextSetRunBesideTheOldCommand(name: String, text: String?) async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let first = try stage.startAgent()
      try stage.push(commands: ["\(note(stage, "flash")); echo begun; \(gate.waiting); \(note(stage, "end"))"])
      try await first.waitForLog("| begun")
      try await stage.crash(first)
      let path = "state/journal/\(name)"
      if let text { try stage.write(text, to: path) } else { #expect(unlink(stage.path(path)) == 0) }
      let second = try stage.startAgent()
      try await second.waitForLog("cannot be used")
      try await second.waitForLog("still runs, waiting for its end")
      try stage.push(commands: ["\(note(stage, "next")); echo on"])
      gate.open()
      #expect(try await stage.nextReport().stdout() == "on\n")
      #expect(stage.text("runs") == "flash\nend\nnext\n")
    }
  }

  @Test func aResultThatIsDamagedIsNoSuccess() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let first = try stage.startAgent()
      try stage.push(commands: [
        note(stage, "one"), "\(note(stage, "two")); echo begun; \(gate.waiting); \(note(stage, "end"))",
      ])
      try await first.waitForLog("| begun")
      try await stage.crash(first)
      try stage.write("{}", to: "state/journal/0.result")
      let second = try stage.startAgent()
      try await second.waitForLog("still runs, waiting for its end")
      #expect(stage.mock.reports().isEmpty)
      gate.open()
      #expect(try await stage.nextReport().code() == "EINTERRUPTED")
      #expect(stage.text("runs") == "one\ntwo\nend\n")
    }
  }

  @Test(arguments: ["", "{", #"{"tasks":7}"#])
  func aJournalThatCannotBeReadIsSaidSo(text: String) async throws {
    try await withStage { stage in
      try FileManager.default.createDirectory(atPath: stage.journal, withIntermediateDirectories: true)
      try stage.write(text, to: "state/journal/set.json")
      try stage.write(
        #"{"server":"\#(stage.mock.baseURL)","tasksPath":"/api/current/tasks/n1"}"#, to: "state/journal/owner.json")
      let agent = try stage.startAgent()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(agent.log.contains("cannot be used"))
    }
  }
}
