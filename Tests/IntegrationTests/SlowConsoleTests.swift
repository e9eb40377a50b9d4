import Foundation
import JSONDocument
import Synchronization
import Testing

/// A console that takes a line only now and then, as a serial line at 9600 baud does.
private final class SlowConsole: Sendable {
  let path: String
  private let lines = Mutex<[String]>([])
  private let isSlow = Mutex(true)
  private let hasEnded = Mutex(false)

  /// - Parameter path: of the named pipe that is made; it is read until nobody writes to it any more.
  init(_ path: String) throws {
    self.path = path
    guard mkfifo(path, 0o600) == 0 else { throw Failure("cannot make the pipe \(path)") }
    Thread.detachNewThread { [self] in
      guard let stream = fopen(path, "r") else { return }
      // Makes the pipe as small as the kernel allows, one page: F_SETPIPE_SZ of fcntl(2).
      _ = fcntl(fileno(stream), 1031, 4096)
      var line: UnsafeMutablePointer<CChar>?
      var size = 0
      while getline(&line, &size, stream) > 0, let line {
        lines.withLock { $0.append(String(cString: line)) }
        if isSlow.withLock({ $0 }) { usleep(140_000) }
      }
      free(line)
      fclose(stream)
      hasEnded.withLock { $0 = true }
    }
  }

  /// Takes lines as fast as they come from now on.
  func hurry() { isSlow.withLock { $0 = false } }

  /// All its lines, once the program that wrote them has ended.
  func allLines() async throws -> [String] {
    try await eventually("the console's end") { hasEnded.withLock { $0 } ? () : nil }
    return lines.withLock { $0 }
  }

  /// What makes this the stderr of a program.
  var wrapper: [String] { ["sh", "-c", "exec \"$@\" 2>\"$0\"", path] }
}

/// The console never holds a command, a deadline or a report.
@Suite(.timeLimit(.minutes(30))) struct SlowConsoleTests {
  @Test func aCommandAndItsTimeOutDoNotWaitForTheConsole() async throws {
    try await withStage { stage in
      let console = try SlowConsole(stage.path("console"))
      let agent = try stage.startAgent("--once", wrapper: console.wrapper)
      let flood = "head -c 455000 /dev/zero | tr '\\0' x | fold -w 100; echo; echo the tail"
      try stage.push(
        JSON.array([
          ["cmd": .string(flood)],
          ["cmd": "while :; do echo a line of a command that does not end; done", "timeout": 2000],
        ]).asTaskSet)
      let report = try await stage.nextReport(.seconds(600))
      #expect(report.stdout(0)?.hasSuffix("x\nthe tail\n") == true)
      #expect(report.error(1)?["killed"] == true)
      let durations = (0..<2).map { report[$0]["agent"]?["durationMilliseconds"]?.intValue ?? 0 }
      // Waiting for the console would take minutes each. The agent's clock has whole milliseconds, so that a time limit may
      // end one early.
      #expect(durations[0] < 60_000 && (1990..<60_000).contains(durations[1]), "\(durations)")
      // At its end the agent gives the console one second to take the last lines.
      #expect(try await agent.wait() == .exited(0))
    }
  }

  @Test func theLinesThatWereLeftOutAreCounted() async throws {
    try await withStage { stage in
      // Fewer lines than those that are shown of any command.
      let padding = String(repeating: "x", count: 270)
      let commands = (1...10).map { "i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo \"\($0).$i \(padding)\"; done" }
      try stage.push(commands: commands)
      let fast = try stage.startAgent("--once")
      _ = try await stage.nextReport()
      #expect(try await fast.wait() == .exited(0))
      let expected = fast.log.split(separator: "\n").count

      try stage.push(commands: commands)
      let console = try SlowConsole(stage.path("console"))
      let slow = try stage.startAgent("--once", wrapper: console.wrapper)
      _ = try await stage.nextReport()
      console.hurry()
      #expect(try await slow.wait() == .exited(0))
      let lines = try await console.allLines()
      let counts = lines.compactMap { $0.firstMatch(of: /… ([0-9]+) lines? left out/).flatMap { Int($0.1) } }
      #expect(!counts.isEmpty)
      #expect(lines.count - counts.count + counts.reduce(0, +) == expected)
    }
  }
}
