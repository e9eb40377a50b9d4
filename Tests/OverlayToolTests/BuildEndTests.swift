import Foundation
import TestSupport
import Testing

/// Signals that come while a build runs programs in a workspace.
@Suite(.enabled(if: Namespaces.canMountImages, "needs root and loop devices"))
struct BuildEndTests {
  private static let command = "echo re''ady; trap '' INT TERM HUP QUIT; while :; do busybox sleep 1; done"

  private func expectNothingLeft(of stage: RecipeStage) async throws {
    try await Leftovers.expectNone(of: stage.scratch.path)
    #expect(!stage.exists("x.overlay.cpio.gz") && !stage.exists("r/x.lock"))
    let left = try FileManager.default.contentsOfDirectory(atPath: stage.scratch("cache")).sorted()
    #expect(left == ["blobs", "layers", "results"])
  }

  @Test(arguments: [
    (SIGINT, "SIGINT", []), (SIGTERM, "SIGTERM", []), (SIGTERM, "SIGTERM", ["--work-dir", "work"]),
    (SIGHUP, "SIGHUP", []),
    (SIGQUIT, "SIGQUIT", []),
  ])
  func `A signal ends the build and its command, which is not blamed`(
    _ signal: Int32, _ name: String, _ options: [String]
  ) async throws {
    let stage = try RecipeStage("commands:\n  - \"\(Self.command)\"\n")
    try stage.scratch.shell("mkdir work")
    let process = try ToolProcess([ToolRun.program] + RecipeStage.arguments + options, in: stage.scratch.path)
    try await process.waitForErrors("ready")
    process.signal(signal)
    let result = try await process.wait()
    #expect(result.end == .signaled(signal))
    #expect(
      result.errors.hasSuffix("\nready\nmonorail-overlay: ended by \(name): x.overlay.cpio.gz was not made\n"),
      "\(result.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: stage.scratch("work")) == [])
    try await expectNothingLeft(of: stage)
  }

  @Test func `Ctrl-C at a terminal ends the build`() async throws {
    let stage = try RecipeStage("commands:\n  - \"\(Self.command)\"\n")
    let keys = try Gate(stage.scratch("keys"))
    let command = ([ToolRun.program] + RecipeStage.arguments).joined(separator: " ")
    let process = try ToolProcess(
      ["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"], in: stage.scratch.path,
      input: keys.path)
    try await process.waitForOutput("ready")
    keys.type("\u{3}")
    let result = try await process.wait()
    #expect(result.code == 128 + SIGINT && result.output.contains("ended by SIGINT: "), "\(result.output)")
    try await expectNothingLeft(of: stage)
  }

  @Test func `A signal ends the installation of packages`() async throws {
    // No other process of this machine sleeps for so long.
    let second = 2_000_000_000 + Int(getpid())
    let stage = try RecipeStage(
      "packages:\n  - tool\n",
      base: "printf '#!/bin/sh\\nexec busybox sleep \(second)\\n' >bin/apt-get; chmod 755 bin/apt-get")
    let process = try ToolProcess([ToolRun.program] + RecipeStage.arguments, in: stage.scratch.path)
    _ = try await eventually("apt-get to run", explanation: { process.errors }) {
      let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }
      return processes.contains { number in
        let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") ?? Data()
        return String(decoding: line, as: UTF8.self).hasSuffix("sleep\0\(second)\0")
      } ? true : nil
    }
    process.signal(SIGTERM)
    let result = try await process.wait()
    #expect(result.end == .signaled(SIGTERM))
    #expect(result.errors.hasSuffix("monorail-overlay: ended by SIGTERM: x.overlay.cpio.gz was not made\n"))
    #expect(!result.errors.contains("ended with"), "\(result.errors)")
    try await expectNothingLeft(of: stage)
  }
}
