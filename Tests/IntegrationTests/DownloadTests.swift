import Digests
import Foundation
import JSONDocument
import MockMonorail
import Testing

/// `downloadUrl`.
@Suite(.timeLimit(.minutes(30))) struct DownloadTests {
  static let script = "#!/bin/sh\necho \"script says $1\"\n"

  static func sha256(_ text: String) -> String {
    var digest = Digest(.sha256)
    Array(text.utf8).withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  private func offer(_ text: String, as name: String, on stage: Stage) throws {
    try text.write(toFile: "\(stage.mock.filesDirectory)/\(name)", atomically: false, encoding: .utf8)
  }

  private func permissions(_ stage: Stage, _ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: "\(stage.workDirectory)/\(name)")
    return try #require(attributes[.posixPermissions] as? Int)
  }

  @Test(arguments: ["absolute", "relative"])
  func isSavedExecutableUnderItsLastComponent(kind: String) async throws {
    try await withStage { stage in
      try offer(Self.script, as: "get_smart.sh", on: stage)
      try stage.startAgent()
      let base = kind == "absolute" ? stage.mock.baseURL : ""
      let url = base + "/api/current/files/get_smart.sh?nodeId=n1&x=/y"
      for round in ["one", "two"] {
        let report = try await stage.report(
          of: #"{"tasks":[{"cmd":"./get_smart.sh \#(round)","downloadUrl":"\#(url)"}]}"#)
        #expect(report.stdout() == "script says \(round)\n")
        #expect(report.error() == .null)
      }
      #expect(try permissions(stage, "get_smart.sh") == 0o555)
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == ["get_smart.sh"])
      let targets = stage.mock.requests.filter { $0.path.contains("/files/") }.map(\.target)
      #expect(targets == Array(repeating: "/api/current/files/get_smart.sh?nodeId=n1&x=/y", count: 2))
    }
  }

  @Test func aTemplateIsRenderedForTheNode() async throws {
    try await withStage { stage in
      try "echo <%=identifier%>".write(
        toFile: stage.mock.templatesDirectory + "/who.sh", atomically: false, encoding: .utf8)
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"sh who.sh","downloadUrl":"/api/current/templates/who.sh?nodeId=n1"}]}"#)
      #expect(report.stdout() == "n1\n")
    }
  }

  @Test func aDownloadAloneIsATaskToo() async throws {
    try await withStage { stage in
      try offer("data", as: "firmware.bin", on: stage)
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"downloadUrl":"/api/current/files/firmware.bin"},{"cmd":"cat firmware.bin"}]}"#)
      #expect(report.error(0) == .null)
      #expect(report.stdout(0) == "")
      #expect(report.stderr(0) == "")
      #expect(report.stdout(1) == "data")
    }
  }

  @Test func aPageThatIsNotThereIsNoDownload() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"touch ran","downloadUrl":"/api/current/files/missing.sh"},{"cmd":"true"}]}"#)
      #expect(report.code() == "ENOENT")
      #expect(report.error()?["status"] == 404)
      #expect(report.error()?["cmd"] == "touch ran")
      #expect(report.error()?["message"]?.stringValue?.contains("/files/missing.sh: the server answered 404") == true)
      #expect(report.stdout() == "")
      #expect(report.isUntouched(1))
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == [])
      #expect(agent.log.contains("the server answered 404"))
      #expect(stage.mock.requests.count { $0.path.contains("/files/") } == 1, "404 does not pass by waiting")
    }
  }

  @Test(arguments: [Fault.Kind.status(503), .truncate, .drop, .garbage, .status(429)])
  func whatMayPassIsTriedAgain(kind: Fault.Kind) async throws {
    try await withStage { stage in
      let text = String(repeating: "0123456789abcdef", count: 50_000)
      try offer(text, as: "firmware.bin", on: stage)
      stage.mock.inject(kind, "GET", "/api/*/files/*", times: 2)
      let agent = try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"cksum <firmware.bin","downloadUrl":"/api/current/files/firmware.bin"}]}"#)
      #expect(report.error() == .null)
      #expect(FileManager.default.contents(atPath: stage.workDirectory + "/firmware.bin") == Data(text.utf8))
      #expect(stage.mock.requests.count { $0.path.contains("/files/") } == 3)
      #expect(agent.log.contains("try 2 of 6"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == ["firmware.bin"])
    }
  }

  @Test func aDownloadThatNeverSucceedsFailsTheTaskAndKeepsTheOldFile() async throws {
    try await withStage { stage in
      try offer("new", as: "tool", on: stage)
      stage.mock.inject(.status(500), "GET", "/api/*/files/*")
      try FileManager.default.createDirectory(atPath: stage.workDirectory, withIntermediateDirectories: true)
      try stage.write("old", to: "work/tool")
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"touch ran","downloadUrl":"/api/current/files/tool"}]}"#)
      #expect(report.code() == "EREMOTEIO")
      #expect(report.error()?["status"] == 500)
      #expect(stage.text("work/tool") == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == ["tool"])
    }
  }

  @Test func nobodyListensThere() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let other = try await MockMonorail.start()
      await other.stop()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"touch ran","downloadUrl":"\#(other.baseURL)/x/tool"}]}"#)
      #expect(report.code() == "ECONNREFUSED")
      #expect(report.error()?["message"]?.stringValue?.contains("refused") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == [])
    }
  }

  @Test func theRightDigest() async throws {
    try await withStage { stage in
      try offer(Self.script, as: "tool.sh", on: stage)
      try stage.startAgent()
      let url = "/api/current/files/tool.sh#sha256=\(Self.sha256(Self.script).uppercased())"
      let report = try await stage.report(of: #"{"tasks":[{"cmd":"./tool.sh fine","downloadUrl":"\#(url)"}]}"#)
      #expect(report.stdout() == "script says fine\n")
      #expect(stage.mock.requests.allSatisfy { !$0.target.contains("#") })
    }
  }

  @Test func theWrongDigestRunsNothing() async throws {
    try await withStage { stage in
      try offer(Self.script, as: "tool.sh", on: stage)
      let agent = try stage.startAgent()
      let url = "/api/current/files/tool.sh#sha256=\(Self.sha256("other"))"
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"touch '\#(stage.path("ran"))'","downloadUrl":"\#(url)","retries":1}]}"#)
      #expect(report.code() == "EBADMSG")
      #expect(report.error()?["message"]?.stringValue?.contains("the SHA-256 is") == true)
      #expect(!FileManager.default.fileExists(atPath: stage.path("ran")))
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == [])
      #expect(agent.log.contains(Self.sha256(Self.script)))
    }
  }

  /// A slash and a combining mark are one Character of Swift, but the file system goes by bytes.
  @Test func aNameThatBeginsWithACombiningMarkStaysInTheWorkingDirectory() async throws {
    try await withStage { stage in
      let server = try ScriptedServer { _, _ in
        .init(bytes: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
      }
      defer { server.stop() }
      try stage.startAgent()
      let url = "http://127.0.0.1:\(server.port)/files/../\u{301}evil"
      let report = try await stage.report(of: #"{"tasks":[{"downloadUrl":"\#(url)"}]}"#)
      #expect(report.error() == .null)
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == ["\u{301}evil"])
      #expect(!FileManager.default.fileExists(atPath: stage.path("\u{301}evil")))
    }
  }

  @Test(arguments: ["SHA256", "Sha256"]) func theDigestsNameInAnyCase(name: String) async throws {
    try await withStage { stage in
      try offer(Self.script, as: "tool.sh", on: stage)
      try stage.startAgent()
      let url = "/api/current/files/tool.sh#\(name)=\(Self.sha256("other"))"
      #expect(try await stage.report(of: #"{"tasks":[{"downloadUrl":"\#(url)"}]}"#).code() == "EBADMSG")
    }
  }

  @Test(arguments: ["md5=0123", "sha512=00", "sha1:00", "sha256:00"])
  func aDigestThatCannotBeVerifiedIsRefused(fragment: String) async throws {
    try await withStage { stage in
      try offer(Self.script, as: "tool.sh", on: stage)
      try stage.startAgent()
      let url = "/api/current/files/tool.sh#\(fragment)"
      let report = try await stage.report(of: #"{"tasks":[{"downloadUrl":"\#(url)"}]}"#)
      #expect(report.code() == "EINVAL")
      #expect(report.error()?["message"]?.stringValue?.contains("#sha256=") == true)
      #expect(stage.mock.requests.allSatisfy { !$0.path.contains("tool.sh") })
    }
  }

  @Test(.enabled(if: Namespaces.areAvailable, "needs the right to make a mount namespace"), arguments: [true, false])
  func aDownloadThatFillsTheDiskLeavesRoomForTheNextTask(hasDigest: Bool) async throws {
    try await withStage { stage in
      let text = String(repeating: "0123456789abcdef", count: 50_000)
      try offer(text, as: "firmware.bin", on: stage)
      let script = #"mkdir -p "$0" && mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@""#
      try stage.startAgent(wrapper: ["unshare", "--mount", "sh", "-c", script, stage.workDirectory])
      let url = "/api/current/files/firmware.bin" + (hasDigest ? "#sha256=\(Self.sha256(text))" : "")
      let full = try await stage.report(of: #"{"tasks":[{"downloadUrl":"\#(url)"}]}"#)
      #expect(full.code() == "ENOSPC")
      #expect(full.error()?["message"]?.stringValue?.contains("No space left") == true)
      let next = try await stage.report(of: #"{"tasks":[{"cmd":"ls -A; head -c 20000 /dev/zero >space; echo $?"}]}"#)
      #expect(next.stdout() == "0\n", "\(next.text)")
    }
  }

  @Test(arguments: ["/api/current/files/tool.sh#sha256=12", "/", "/api/current/files/..", "ftp://127.0.0.1/tool.sh"])
  func aURLThatMakesNoSense(url: String) async throws {
    try await withStage { stage in
      try offer(Self.script, as: "tool.sh", on: stage)
      try stage.startAgent()
      let report = try await stage.report(of: #"{"tasks":[{"cmd":"touch ran","downloadUrl":"\#(url)"}]}"#)
      #expect(report.error() != .null)
      #expect(report.code() != nil)
      #expect(report.error()?["message"]?.stringValue?.isEmpty == false)
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == [])
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.directory).contains("ran") == false)
    }
  }
}
