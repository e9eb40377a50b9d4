import Foundation
import Testing

@Suite(.timeLimit(.minutes(30)))
struct RcLocalTests {
  /// An exit code of the agent and what must follow; the table of docs/agent.md.
  struct Outcome: Sendable, CustomTestStringConvertible {
    var code: Int
    var sysrq = ""
    var says: String
    var testDescription: String { "exit \(code)" }
  }

  @Test(
    "The agent's exit code decides what happens to the node",
    arguments: [
      Outcome(code: 0, sysrq: "sub", says: "rebooting"),
      Outcome(code: 1, sysrq: "sub", says: "rebooting"),
      Outcome(code: 3, sysrq: "sub", says: "rebooting"),
      Outcome(code: 64, sysrq: "sub", says: "rebooting"),
      Outcome(code: 125, sysrq: "sub", says: "rebooting"),
      Outcome(code: 78, says: "agent config' shows"),
      Outcome(code: 126, says: "cannot be run"),
      Outcome(code: 127, says: "the node stays up"),
    ], Shell.allCases)
  func exitCode(_ outcome: Outcome, shell: Shell) throws {
    let node = try Node(shell, agent: "exit \(outcome.code)")
    let boot = try node.boot()
    let console = try boot.finish()
    #expect(boot.status == 0)
    #expect(node.recordedCalls() == ["agent run"])
    #expect(node.sysrqLetters() == outcome.sysrq)
    #expect(console.contains("rc.local: the agent ended with \(outcome.code)\n"))
    #expect(console.contains(outcome.says))
  }

  @Test("A power cycle that leaves the node up ends in a reboot", arguments: Shell.allCases)
  func powerCycleWithoutEffect(shell: Shell) throws {
    let node = try Node(shell, agent: "exit 2")
    let console = try node.boot().finish()
    #expect(node.recordedCalls() == ["agent run", "ipmitool -I open chassis power cycle", "sleep 60"])
    #expect(node.sysrqLetters() == "sub")
    #expect(console.contains("still up 60 s after the power cycle"))
  }

  @Test("A power cycle that fails ends in a reboot", arguments: Shell.allCases, [true, false])
  func powerCycleFails(shell: Shell, hasTool: Bool) throws {
    let node = try Node(shell, agent: "exit 2")
    try node.install("ipmitool", "exit 1")
    let tool = node.directory.appending(path: hasTool ? "ipmitool" : "absent").path
    let console = try node.boot(["RC_IPMITOOL": tool]).finish()
    #expect(node.recordedCalls() == ["agent run"])
    #expect(node.sysrqLetters() == "sub")
    #expect(console.contains("the power cycle failed"))
  }

  @Test("A trigger that cannot be written is said", arguments: Shell.allCases)
  func noTrigger(shell: Shell) throws {
    let node = try Node(shell, agent: "exit 1")
    #expect(try node.boot(["RC_SYSRQ": node.directory.path]).finish().contains("reboot this node by hand"))
  }

  @Test("Hooks run before the agent, executable or not", arguments: Shell.allCases, [true, false])
  func hooks(shell: Shell, executable: Bool) throws {
    let node = try Node(shell, agent: "exit 127")
    try node.install("hooks", node.record("hooks"), executable: executable)
    _ = try node.boot().finish()
    #expect(node.recordedCalls() == ["hooks", "agent run"])
  }

  @Test("The agent runs although a hook failed", arguments: Shell.allCases)
  func failingHooks(shell: Shell) throws {
    let node = try Node(shell, agent: "exit 127")
    try node.install("hooks", "exit 5")
    let console = try node.boot().finish()
    #expect(node.recordedCalls() == ["agent run"])
    #expect(console.contains("hooks ended with 5: going on"))
  }

  @Test("An agent that crashes is started again, after longer and longer pauses", arguments: Shell.allCases)
  func crashes(shell: Shell) throws {
    let node = try Node(shell, agent: "[ $(grep -c agent \"${0%/*}/calls\") -gt 7 ] && exit 127; kill -s KILL $$")
    let console = try node.boot().finish()
    let crashes = ["1", "2", "4", "8", "16", "30", "30"].flatMap { ["agent run", "sleep \($0)"] }
    #expect(node.recordedCalls() == crashes + ["agent run"])
    #expect(node.sysrqLetters() == "")
    #expect(console.contains("the agent crashed (signal 9): starting it again in 30 s"))
  }

  @Test("An agent that cannot work yet is started again, after longer and longer pauses", arguments: Shell.allCases)
  func temporaryFailure(shell: Shell) throws {
    let node = try Node(shell, agent: "[ $(grep -c agent \"${0%/*}/calls\") -gt 3 ] && exit 127; exit 75")
    let console = try node.boot().finish()
    let starts = ["1", "2", "4"].flatMap { ["agent run", "sleep \($0)"] }
    #expect(node.recordedCalls() == starts + ["agent run"])
    #expect(node.sysrqLetters() == "")
    #expect(console.contains("the agent cannot work yet (75): starting it again in 4 s"))
  }

  @Test("A crash leaves the tasks of the agent alone", arguments: Shell.allCases)
  func tasksSurvive(shell: Shell) throws {
    let node = try Node(
      shell,
      agent: """
        gate=${0%/*}/gate calls=${0%/*}/calls
        if [ -p "$gate" ]; then timeout 20 sh -c 'echo over >"$1"' sh "$gate"; exit 127; fi
        mkfifo "$gate"
        setsid timeout 20 sh -c 'read -r word <"$1" && echo "task $word" >>"$2"' sh "$gate" "$calls" &
        kill -s SEGV $$
        """)
    _ = try node.boot().finish()
    #expect(node.recordedCalls().filter { $0 != "sleep 1" } == ["agent run", "agent run", "task over"])
  }

  @Test("rc.local returns while the agent runs, and a second start leaves it at that", arguments: Shell.allCases)
  func secondStart(shell: Shell) throws {
    // An agent that is not told in 20 s ends all the same, so that a failure leaves nothing behind.
    let node = try Node(shell, agent: "echo started; timeout 20 head -n 1 \"${0%/*}/gate\"; exit 127")
    let gate = try openFile(try node.makePipe("gate"), O_RDWR)
    let first = try node.boot()
    #expect(first.status == 0)
    #expect(try first.console.read(upToCount: 8) == Data("started\n".utf8))
    let second = try node.boot()
    #expect(second.status == 0)
    #expect(try second.finish().contains("already running"))
    try gate.write(contentsOf: Data("go\n".utf8))
    #expect(try first.finish().hasPrefix("go\nrc.local: the agent ended with 127\n"))
    #expect(node.recordedCalls() == ["agent run"])
  }

  @Test(
    "A lock that names no supervisor is taken over", arguments: Shell.allCases,
    // The number of no process, the number of a process that is no supervisor, and no number at all.
    ["4194305", "\(ProcessInfo.processInfo.processIdentifier)", "nonsense"])
  func staleLock(shell: Shell, owner: String) throws {
    let node = try Node(shell, agent: "exit 127")
    let run = node.directory.appending(path: "run")
    try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
    let lock = run.appending(path: "rc.local.lock").path
    try FileManager.default.createSymbolicLink(atPath: lock, withDestinationPath: owner)
    _ = try node.boot().finish()
    #expect(node.recordedCalls() == ["agent run"])
    #expect(throws: (any Error).self) { try FileManager.default.destinationOfSymbolicLink(atPath: lock) }
  }

  @Test("The agent runs although the lock cannot be made", arguments: Shell.allCases)
  func noRunDirectory(shell: Shell) throws {
    let node = try Node(shell, agent: "exit 127")
    let console = try node.boot(["RC_RUN_DIR": "/dev/null/run"]).finish()
    #expect(node.recordedCalls() == ["agent run"])
    #expect(console.contains("going on without it"))
  }

  @Test("A node without an agent stays up and says so", arguments: Shell.allCases, [nil, false, true])
  func missingAgent(shell: Shell, isDirectory: Bool?) throws {
    let node = try Node(shell, agent: nil)
    let agent = node.directory.appending(path: "agent")
    switch isDirectory {
    case nil: break
    case false?: try node.install("agent", "exit 1", executable: false)
    case true?: try FileManager.default.createDirectory(at: agent, withIntermediateDirectories: true)
    }
    let console = try node.boot().finish()
    #expect(console.contains("there is no program \(agent.path)"))
    #expect(node.sysrqLetters() == "")
  }

  @Test("Output goes to the console", arguments: Shell.allCases)
  func console(shell: Shell) throws {
    let node = try Node(shell, agent: "echo hello; exit 127")
    let path = try node.makePipe("console")
    let console = try openPipe(path)
    let boot = try node.boot(["RC_CONSOLE": path])
    #expect(try boot.finish() == "")
    let output = String(decoding: try console.readToEnd() ?? Data(), as: UTF8.self)
    #expect(output == "hello\nrc.local: the agent ended with 127\nrc.local: the node stays up\n")
  }

  @Test("A console that cannot be opened holds nothing up", arguments: Shell.allCases)
  func noConsole(shell: Shell) throws {
    let node = try Node(shell, agent: "echo hello; echo ran >\"${0%/*}/gate\"; exit 127")
    let gate = try openFile(try node.makePipe("gate"), O_RDWR)
    let boot = try node.boot(["RC_CONSOLE": "/dev/null/console"])
    #expect(boot.status == 0)
    #expect(try boot.finish() == "")
    var arrival = pollfd(fd: gate.fileDescriptor, events: Int16(POLLIN), revents: 0)
    try #require(poll(&arrival, 1, 20_000) == 1, "the agent did not run within 20 s")
    #expect(try gate.read(upToCount: 4) == Data("ran\n".utf8))
  }

  @Test("The agent and its tasks find the system's programs and a home", arguments: Shell.allCases)
  func environment(shell: Shell) throws {
    let node = try Node(shell, agent: "echo \"home=$HOME path=$PATH pwd=$PWD\"; exit 127")
    let console = try node.boot().finish()
    #expect(console.contains("home=/root "))
    #expect(console.contains("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin pwd=/\n"))
  }
}
