import Foundation
import JSONDocument
import TestSupport
import Testing

@testable import MonorailServer

@Suite struct CommandServiceTests {
  @Test(arguments: [
    ("powerOn", "on"), ("powerOff", "off"), ("reboot", "cycle"), ("reset", "reset"), ("setBootPxe", "pxe"),
    ("setBootDisk", "disk"), ("identifyOn", "identify-on"), ("NMI", "nmi"),
  ])
  func `the program gets its arguments and the word of the action`(action: String, word: String) async throws {
    var lab = try Lab()
    try lab.useProgram("test \"$MONORAIL_NODE\" = n1", ["args": ["vm", "a b"]])
    #expect(await lab.perform(action) == .done(.null))
    #expect(lab.calls == ["vm a b \(word)"])
  }

  @Test func `each action has a word of its own`() {
    let words = ManagementVerb.allCases.map(CommandService.word)
    #expect(Set(words).count == ManagementVerb.allCases.count)
  }

  @Test(
    arguments: [
      ("echo on", true), ("echo 'power is OFF'", false), ("echo off, was on", false),
    ] as [(String, Bool)])
  func `the power status is the first on or off that the program prints`(text: String, isOn: Bool) async throws {
    var lab = try Lab()
    try lab.useProgram(text)
    #expect(await lab.perform("powerStatus") == .done(.bool(isOn)))
  }

  @Test(arguments: [
    ("echo maybe", "power status printed neither on nor off"),
    ("echo one; echo no such machine >&2; exit 3", "power status failed with exit code 3: one; no such machine"),
    ("kill -9 $$", "was ended by signal 9"),
    (#"printf '\033[31mred\n'; exit 1"#, "#033[31mred"),
  ])
  func `what the program says is in the error`(text: String, words: String) async throws {
    var lab = try Lab()
    try lab.useProgram(text)
    let reason = await lab.perform("powerStatus").reason
    #expect(reason?.contains(words) == true, "\(reason ?? "")")
  }

  @Test func `of a long output the end is in the error`() async throws {
    var lab = try Lab()
    try lab.useProgram("yes x | head -c 1000000; echo; echo the end; exit 1")
    let reason = try #require(await lab.perform("powerOn").reason)
    #expect(reason.hasSuffix("the end") && reason.utf8.count < 1000)
  }

  @Test func `beyond its time limit the program is killed, with what it has started`() async throws {
    var lab = try Lab()
    try lab.useProgram("sleep 1000 & echo $! >child; echo waiting; wait", ["timeout": 1])
    let reason = try #require(await lab.perform("powerOn").reason)
    #expect(reason.contains("was killed after 1.0 seconds: waiting"), "\(reason)")
    let child = try #require(lab.child)
    try await eventually("\(child) to be gone") { isRunning(child) ? nil : () }
  }

  @Test func `what prints without end after the program does not hold the action up, and ends`() async throws {
    var lab = try Lab()
    try lab.useProgram("yes & echo $! >child; exit 0", ["timeout": 1000])
    let action = Begun { [lab] in await lab.perform("powerOn") }
    let child = try await eventually("the program") { lab.child }
    defer { if isRunning(child) { kill(child, SIGKILL) } }
    let answer = try await eventually("the end of the action", within: .seconds(30)) { action.value }
    #expect(answer == .done(.null))
    try await eventually("\(child) to be gone", within: .seconds(30)) { isRunning(child) ? nil : () }
  }

  @Test func `a program whose action is cancelled is killed, with what it has started`() async throws {
    var lab = try Lab()
    try lab.useProgram("sleep 1000 & echo $! >child; echo waiting; wait", ["timeout": 1000])
    let action = Begun { [lab] in await lab.perform("powerOn", retries: 100) }
    let child = try await eventually("the program") { lab.child }
    defer { if isRunning(child) { kill(child, SIGKILL) } }
    action.cancel()
    let answer = try await eventually("the end of the action", within: .seconds(30)) { action.value }
    #expect(answer.reason?.contains("was killed, since this was cancelled") == true, "\(answer)")
    try await eventually("\(child) to be gone", within: .seconds(30)) { isRunning(child) ? nil : () }
    #expect(lab.calls == ["on"])
  }

  @Test func `what the program leaves running does not hold the action up`() async throws {
    var lab = try Lab()
    try lab.useProgram("sleep 1000 & echo $! >child; echo done")
    #expect(await lab.perform("powerOn") == .done(.null))
    kill(try #require(lab.child), SIGKILL)
  }

  @Test func `a program that the server was not started with is not run`() async throws {
    var lab = try Lab()
    let program = try lab.script("other", "")
    try lab.use("command-obm-service", ["program": .string(program)])
    #expect(
      await lab.perform("powerOn", retries: 3).reason
        == "this server may not run a program \(program): start it with --obm-program \(program)=FILE")
    lab.configuration.programs["vm"] = program
    #expect(await lab.perform("powerOn").reason?.hasSuffix("--obm-program names vm") == true)
    #expect(lab.calls.isEmpty)
  }

  @Test func `a program that is gone is not tried again`() async throws {
    var lab = try Lab()
    try lab.useProgram("")
    try FileManager.default.removeItem(atPath: lab.directory("power"))
    let reason = await lab.perform("powerOn", retries: 100, delay: 100_000).reason
    #expect(reason?.contains("cannot be run: No such file or directory") == true, "\(reason ?? "")")
  }
}
