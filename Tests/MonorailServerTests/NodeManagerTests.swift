import Foundation
import JSONDocument
import TestSupport
import Testing

@testable import MonorailServer
@testable import Workflows

@Suite struct NodeManagerTests {
  @Test func `the noop service remembers the power and knows five actions`() async throws {
    let lab = try Lab()
    try lab.use("noop-obm-service", [:])
    let manager = lab.manager
    func status() async throws -> Bool? {
      try await manager.perform(.powerStatus, on: "n1", by: nil)
    }
    #expect(try await status() == true)
    for (verb, isOn) in [
      (.powerOff, false), (.reboot, true), (.powerOff, false), (.powerOn, true), (.setBootPxe, true),
    ]
      as [(ManagementVerb, Bool)]
    {
      #expect(try await manager.perform(verb, on: "n1", by: nil) == nil)
      #expect(try await status() == isOn)
    }
    #expect(await lab.perform("reset", retries: 9, delay: 100_000).reason == "noop-obm-service cannot do reset")
  }

  @Test func `without a service, with two, and with a name`() async throws {
    var lab = try Lab()
    #expect(await lab.perform("powerOn").reason == "No OBM service assigned to this node.")
    try lab.useProgram("exit 0")
    #expect(await lab.perform("powerOn") == .done(.null))
    // A name that the node does not have: its only service counts.
    #expect(await lab.perform("powerOn", by: "ipmi-obm-service") == .done(.null))
    try lab.use("noop-obm-service", [:])
    #expect(await lab.perform("powerOn").reason == "More than one OBM service assigned to this node.")
    #expect(await lab.perform("reset", by: "command-obm-service") == .done(.null))
    #expect(lab.calls == ["on", "on", "reset"])
    #expect(await lab.perform("dance", retries: 9, delay: 100_000).reason == "there is no OBM action dance")
  }

  @Test func `a failed action is tried again so many times, and then told`() async throws {
    var lab = try Lab()
    try lab.useProgram("echo x >>tries; test $(wc -l <tries) -ge 3 || { echo not yet; exit 1; }")
    #expect(await lab.perform("powerOn", retries: 1).reason?.contains("not yet") == true)
    #expect(lab.calls == ["on", "on"])
    #expect(await lab.perform("powerOn", retries: 5) == .done(.null))
    #expect(lab.calls.count == 3)
  }

  @Test func `an action that nobody asks for any more is not tried again`() async throws {
    var lab = try Lab()
    try lab.useProgram("echo no; exit 1")
    let reason = await lab.perform("reboot", retries: 1_000_000, delay: 0) { [lab] in lab.calls.count < 2 }.reason
    #expect(reason?.contains("failed with exit code 1: no") == true, "\(reason ?? "")")
    #expect(lab.calls == ["cycle", "cycle"])
    #expect(await lab.perform("powerOn") { false }.reason == "powerOn is no longer asked for")
    #expect(lab.calls.count == 2)
  }

  @Test func `between two tries is a tenth of a second at least`() async throws {
    var lab = try Lab()
    try lab.useProgram("exit 1")
    let begin = ContinuousClock.now
    #expect(await lab.perform("powerOn", retries: 2, delay: -1).reason != nil)
    // 100 ms, and twice that.
    #expect(ContinuousClock.now - begin >= .milliseconds(300))
    #expect(lab.calls.count == 3)
  }

  @Test(
    arguments: [
      ([:], 6, 500), (["retries": 3, "delay": 20], 3, 20),
      (["retries": 1_000_000_000_000, "delay": 1_000_000_000_000], 100, 3_600_000),
    ] as [(JSON, Int, Int)])
  func `a task's retries and the time before them are bounded`(options: JSON, retries: Int, delay: Int) throws {
    var given = try #require(options.objectValue)
    given["action"] = "reboot"
    var context = JSONObject()
    context["target"] = "n1"
    var job = try ManageNodeJob(JobSetting(taskName: "t", taskId: "t1", options: given, context: context))
    let action = ManagementAction(action: "reboot", service: nil, retries: retries, delay: delay)
    #expect(job.start(at: 0) == [.perform(.manage(node: "n1", action))])
  }

  @Test func `settings that miss something fail when they are used`() async throws {
    let lab = try Lab()
    try lab.use("ipmi-obm-service", ["host": "10.1.1.1"])
    #expect(
      await lab.perform("powerOn", retries: 9, delay: 100_000).reason
        == "ipmi-obm-service: config.user must be a text")
    let other = try Lab()
    try other.use("redfish-obm-service", [:])
    #expect(await other.perform("powerOn").reason?.contains("there is no OBM service redfish-obm-service") == true)
  }

  @Test func `no more programs run at once than there are slots`() async throws {
    let slots = TaskSlots(2)
    try await slots.take()
    try await slots.take()
    let (stream, order) = AsyncStream<Int>.makeStream()
    let waiting = Task {
      try await slots.take()
      order.yield(1)
      slots.give()
    }
    order.yield(0)
    slots.give()
    try await waiting.value
    slots.give()
    order.finish()
    var seen: [Int] = []
    for await number in stream { seen.append(number) }
    #expect(seen == [0, 1])
  }

  @Test func `who is cancelled waits for no slot, and takes none`() async throws {
    let slots = TaskSlots(1)
    try await slots.take()
    let waiting = Begun { (try? await slots.take()) != nil }
    waiting.cancel()
    let isTaken = try await eventually("the end of the wait", within: .seconds(30)) { waiting.value }
    #expect(!isTaken)
    slots.give()
    try await slots.take()
  }
}
