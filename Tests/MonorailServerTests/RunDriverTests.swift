import Foundation
import JSONDocument
import MonorailStore
import Synchronization
import TestSupport
import Testing

@testable import MonorailServer

/// What a server does for tasks of runs.
@Suite struct RunDriverTests {
  @Test func `an action of a cancelled run is not tried again`() async throws {
    var lab = try Lab()
    let gate = try Gate(lab.directory("gate"))
    // The second reboot waits until the run is cancelled. All fail.
    try lab.useProgram(#"test "$1" != cycle || test "$(grep -c cycle calls)" != 2 || \#(gate.waiting); exit 1"#)
    let server = try await lab.server()
    let run = try await lab.start("Graph.Reboot.Node", ["reboot": ["retries": 1_000_000, "delay": 0]])
    try await eventually("the second try", within: .seconds(30)) { lab.calls.count == 2 ? () : nil }
    try await lab.state.store.perform(.cancel(run))
    gate.open()
    // This takes longer than the time between two tries of the cancelled run.
    let other = try await lab.start("Graph.PowerOff.Node", ["power-off": ["retries": 3, "delay": 200]])
    try await eventually("the end of the other run", within: .seconds(30)) {
      lab.state.store.liveRun(other) == nil ? () : nil
    }
    #expect(lab.calls == ["cycle", "cycle", "off", "off", "off", "off"])
    await server.stop()
  }

  @Test func `the outcome of an action waits for a database that another program has locked`() async throws {
    var store = StoreConfiguration()
    store.busySeconds = 0.05
    var lab = try Lab(store)
    let gate = try Gate(lab.directory("gate"))
    try lab.useProgram(gate.waiting)
    let problems = Mutex<[String]>([])
    let server = try await lab.server { event in
      if case .problem(let text) = event { problems.withLock { $0.append(text) } }
    }
    let run = try await lab.start("Graph.PowerOn.Node", [:])
    try await eventually("the program") { lab.calls == ["on"] ? () : nil }
    let lock = try await DatabaseLock(lab)
    gate.open()
    try await eventually("the first try to store the outcome") {
      problems.withLock { $0.contains { $0.contains("database is locked") } } ? () : nil
    }
    #expect(lab.state.store.liveRun(run)?.status == .running)
    try await lock.open()
    try await eventually("the end of the run") { lab.state.store.liveRun(run) == nil ? () : nil }
    #expect(try lab.state.store.run(run)?.status == .succeeded)
    #expect(lab.calls == ["on"])
    await server.stop()
  }

  @Test func `a server that stops kills the programs that it runs for tasks`() async throws {
    var lab = try Lab()
    try lab.useProgram("sleep 1000 & echo $! >child; wait", ["timeout": 86_400])
    let server = try await lab.server()
    let run = try await lab.start("Graph.Reboot.Node", [:])
    let child = try await eventually("the program", within: .seconds(30)) { lab.child }
    defer { if isRunning(child) { kill(child, SIGKILL) } }
    let stop = Begun { await server.stop() }
    try await eventually("the end of the server", within: .seconds(30)) { stop.value }
    try await eventually("\(child) to be gone", within: .seconds(30)) { isRunning(child) ? nil : () }
    // Whether the node was rebooted is up to the next server.
    #expect(lab.state.store.liveRun(run)?.status == .running)
  }
}
