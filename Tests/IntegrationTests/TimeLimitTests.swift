import Foundation
import JSONDocument
import Testing

/// Commands whose time is up and that SIGTERM does not end: the agent sends SIGKILL in the end.
@Suite(.timeLimit(.minutes(10))) struct TimeLimitTests {
  @Test func aCommandThatItselfIgnoresSIGTERMIsKilled() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let command = "trap '' TERM; echo $$ >>'\(stage.path("pids"))'; while :; do sleep 1; done"
      let set: JSON = ["tasks": [["cmd": .string(command), "timeout": 2000]]]
      try stage.push(set.text)
      let report = try await stage.nextReport()
      #expect(report.error()?["killed"] == true)
      #expect(report.error()?["signal"] == "SIGKILL")
      let pid = try #require(pid_t(stage.text("pids").split(separator: "\n").joined()))
      #expect(!isRunning(pid))
    }
  }

  /// Nothing holds the pipes of such a command open, so that its end looks like the end of everything that it started.
  @Test func aBackgroundChildThatIgnoresSIGTERMAndPrintsNothingIsKilledToo() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let list = stage.path("pids")
      let child = "sh -c 'trap \"\" TERM; echo $$ >>\"\(list)\"; while :; do sleep 1; done' >/dev/null 2>&1"
      let command = "\(child) & while ! [ -s '\(list)' ]; do sleep 0.01; done; exec sleep 60"
      let set: JSON = ["tasks": [["cmd": .string(command), "timeout": 3000]]]
      try stage.push(set.text)
      let report = try await stage.nextReport()
      #expect(report.error()?["killed"] == true)
      let pid = try #require(pid_t(stage.text("pids").split(separator: "\n").joined()))
      try await eventually("the end of the child") { isRunning(pid) ? nil : () }
    }
  }
}
