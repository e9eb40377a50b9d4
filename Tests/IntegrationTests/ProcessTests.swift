import Foundation
import JSONDocument
import Testing

/// Commands as processes: time limits, runs, children that stay, and what is left behind.
@Suite(.timeLimit(.minutes(30))) struct ProcessTests {
  private func pids(_ stage: Stage, _ name: String) -> [pid_t] {
    stage.text(name).split(separator: "\n").compactMap { pid_t($0) }
  }

  @Test func aChildThatIgnoresSIGTERMIsGoneAfterTheGrace() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let list = stage.path("pids")
      let stubborn = "sh -c 'trap \"\" TERM; echo $$ >>\"\(list)\"; while :; do sleep 1; done'"
      try stage.push(
        JSON.array([["cmd": .string("echo begun; \(stubborn) & echo $$ >>'\(list)'; \(stubborn)"), "timeout": 3000]])
          .asTaskSet)
      let start = ContinuousClock.now
      let report = try await stage.nextReport()
      #expect(ContinuousClock.now - start > .milliseconds(7900), "it had the grace, after its time")
      #expect(report.error()?["killed"] == true)
      #expect(report.stdout() == "begun\n")
      let started = pids(stage, "pids")
      #expect(started.count == 3)
      try await eventually("the whole group is gone") { started.contains(where: isRunning) ? nil : () }
    }
  }

  @Test func everyMemberOfTheGroupIsToldToEnd() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let member = "trap \"echo told; exit\" TERM; echo begun; while :; do sleep 0.05; done"
      try stage.push(JSON.array([["cmd": .string("sh -c '\(member)' & wait"), "timeout": 3000]]).asTaskSet)
      #expect(try await stage.nextReport().stdout() == "begun\ntold\n")
    }
  }

  @Test func waitingForABackgroundChildTakesNoProcessorTime() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      _ = try await stage.report(of: #"{"tasks":[{"cmd":"sleep 5 & echo begun"}]}"#)
      #expect(try agent.processorTicks() < 50, "the wait is 2 s")
    }
  }

  @Test func aCommandThatTidiesUpOnSIGTERMMayDoSo() async throws {
    try await withStage { stage in
      try stage.startAgent()
      try stage.push(
        JSON.array([
          ["cmd": "trap 'echo tidied; exit 7' TERM; echo begun; while :; do sleep 0.05; done", "timeout": 3000]
        ]).asTaskSet)
      let report = try await stage.nextReport()
      #expect(report.stdout() == "begun\ntidied\n")
      #expect(report.error()?["killed"] == true)
      #expect(report.error() != .null)
    }
  }

  @Test func aTimeOutThatIsNotReachedDoesNothing() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of:
          #"{"tasks":[{"cmd":"echo a","timeout":60000},{"cmd":"echo b","timeout":0},{"cmd":"echo c","timeout":"soon"}]}"#
      )
      #expect((0..<3).map { report.stdout($0) } == ["a\n", "b\n", "c\n"])
    }
  }

  @Test(arguments: [#""500""#, "500.5", "5e2"]) func aTimeOutInAnotherFormIsATimeOut(value: String) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"exec sleep 120","timeout":\#(value),"retries":-1e30}]}"#)
      #expect(report.error()?["killed"] == true)
      #expect(agent.log.contains("its timeout is \(value); taken as 50") || value == "5e2")
      #expect(agent.log.contains("its retries is -1e30; taken as 0"))
    }
  }

  @Test func aBackgroundChildDoesNotHoldUpItsTaskAndStaysAlive() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let gate = try stage.makeGate("gate")
      let list = stage.path("pids")
      let daemon = "sh -c 'echo $$ >>\"\(list)\"; read x <\"\(gate.path)\"; echo late; echo lived >\"\(list).end\"'"
      let start = ContinuousClock.now
      try stage.push(commands: ["echo main; \(daemon) & while ! [ -s '\(list)' ]; do sleep 0.01; done", "echo next"])
      let report = try await stage.nextReport()
      #expect(ContinuousClock.now - start < .seconds(30))
      #expect(report.stdout(0) == "main\n")
      #expect(report.error(0) == .null)
      #expect(report.stdout(1) == "next\n")
      #expect(pids(stage, "pids").allSatisfy(isRunning), "it was not killed")
      #expect(agent.descriptors.allSatisfy { !$0.hasSuffix(".out") && !$0.hasSuffix(".err") })
      // Writing after the agent has stopped listening does it no harm.
      gate.open()
      try await stage.waitForFile("pids.end")
    }
  }

  @Test func aBackgroundChildThatPrintsAMomentLaterIsHeard() async throws {
    try await withStage { stage in
      try stage.startAgent()
      try stage.push(commands: ["(sleep 0.2; echo late) & echo soon"])
      #expect(try await stage.nextReport().stdout() == "soon\nlate\n")
    }
  }

  @Test func failedTasksAreRunAgainAsOftenAsAsked() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let count = "echo x >>'\(stage.path("runs"))'; n=$(wc -l <'\(stage.path("runs"))')"
      let first = "\(count); echo run $n; [ $n -ge 3 ]"
      let second = "echo y >>'\(stage.path("others"))'; echo again; exit 5"
      try stage.push(
        JSON.array([
          ["cmd": .string(first), "retries": 4], ["cmd": .string(second), "retries": 2], ["cmd": "true"],
        ]).asTaskSet)
      let report = try await stage.nextReport()
      #expect(stage.text("runs") == "x\nx\nx\n")
      #expect(report.stdout(0) == "run 3\n", "the output of the last run")
      #expect(report.error(0) == .null)
      #expect(report[0]["agent"]?["attempts"] == 3)
      #expect(stage.text("others") == "y\ny\ny\n")
      #expect(report.code(1) == "5")
      #expect(report[1]["agent"]?["attempts"] == 3)
      #expect(report.isUntouched(2))
      #expect(agent.log.contains("failed, run 1 of 5; running it again"))
    }
  }

  @Test func anAcceptedCodeIsNoReasonToRunAgain() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let command = "echo x >>'\(stage.path("runs"))'; exit 1"
      try stage.push(
        JSON.array([["cmd": .string(command), "retries": 3, "acceptedResponseCodes": [1]]]).asTaskSet)
      #expect(try await stage.nextReport().code() == "1")
      #expect(stage.text("runs") == "x\n")
    }
  }

  @Test func everyRunHasTheWholeTimeOut() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let command = "echo x >>'\(stage.path("runs"))'; exec sleep 60"
      try stage.push(JSON.array([["cmd": .string(command), "retries": 1, "timeout": 3000]]).asTaskSet)
      let report = try await stage.nextReport()
      #expect(report.error()?["killed"] == true)
      #expect(stage.text("runs") == "x\nx\n")
    }
  }

  @Test func tenThousandTasksLeaveNothingBehind() async throws {
    try await withStage(load: .heavy) { stage in
      // The state is in memory, as on a node, so that no write waits for a disk.
      let wrapper = Namespaces.areAvailable ? stage.stateInMemory("size=1g") : []
      let agent = try stage.startAgent("--log-level", "warning", wrapper: wrapper)
      try stage.push(commands: ["true"])
      _ = try await stage.nextReport()
      let before = agent.descriptors.sorted()
      let memory = try agent.peakMemory
      let one = #"{"cmd":"true"}"#
      try stage.push(#"{"tasks":["# + Array(repeating: one, count: 10_000).joined(separator: ",") + "]}")
      let report = try await stage.nextReport(.seconds(900))
      #expect(report.tasks.count == 10_000)
      #expect(report.tasks.allSatisfy { $0["error"] == .null && $0["stdout"] == "" })
      let count = stage.mock.requests.count
      try await stage.mock.waitForRequests(timeout: .seconds(300)) { $0.method == "GET" && $0.number > count }
      #expect(agent.children == [])
      #expect(agent.descriptors.count == before.count, "\(agent.descriptors) instead of \(before)")
      #expect(try stage.journalNames(of: agent) == [])
      #expect(try agent.peakMemory < max(HugeOutputTests.memoryLimit, 2 * memory))
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }
}

extension JSON {
  /// A document whose tasks are this list's elements.
  var asTaskSet: String { (["tasks": self] as JSON).text }
}
