import Foundation
import JSONDocument
import MockMonorail
import Testing

/// The kernels of the first images lack system calls that today's libraries like to use. `strace` takes them away.
@Suite(.timeLimit(.minutes(30))) struct OldKernelTests {
  static let missing = ["pidfd_open", "clone3", "close_range", "getrandom", "statx", "copy_file_range"]

  private func wrapper(_ calls: [String]) -> [String] {
    ["strace", "-D", "-f", "-qq", "-o", "/dev/null"] + calls.map { "--inject=\($0):error=ENOSYS" }
  }

  private static let cases = [missing] + missing.map { [$0] }

  @Test(arguments: cases) func aSetWithADownloadWorksAsUsual(calls: [String]) async throws {
    try await withStage { stage in
      try DownloadTests.script.write(
        toFile: stage.mock.filesDirectory + "/tool.sh", atomically: false, encoding: .utf8)
      stage.mock.addNode(mac: IdentityTests.mac, id: Stage.node)
      let agent = try stage.startAgent(
        "--mac", IdentityTests.mac, "--once", usual: stage.flags(node: nil), wrapper: wrapper(calls))
      let digest = DownloadTests.sha256(DownloadTests.script)
      let report = try await stage.report(
        of: #"""
          {"tasks":[{"cmd":"./tool.sh here","downloadUrl":"/api/current/files/tool.sh#sha256=\#(digest)"},
          {"cmd":"echo out; echo err >&2; exit 3","acceptedResponseCodes":[3]},
          {"cmd":"exec sleep 60","timeout":200}]}
          """#)
      #expect(report.stdout(0) == "script says here\n")
      #expect(report.stdout(1) == "out\n")
      #expect(report.stderr(1) == "err\n")
      #expect(report.code(1) == "3")
      #expect(report.error(2)?["killed"] == true)
      #expect(try await agent.wait() == .exited(0))
    }
  }

  /// Shows that strace really makes calls fail. Otherwise the tests above would pass without testing anything.
  @Test func theCallsAreReallyMissing() async throws {
    try await withStage { stage in
      let trace = stage.path("trace")
      let agent = try stage.startAgent(
        usual: ["-c", "open('/dev/null').close(); import os; os.getrandom(1)"],
        wrapper: ["strace", "-f", "-qq", "-o", trace, "--inject=getrandom:error=ENOSYS"], program: "/usr/bin/python3")
      _ = try await agent.wait()
      #expect(stage.text("trace").contains("ENOSYS (Function not implemented) (INJECTED)"))
    }
  }
}
