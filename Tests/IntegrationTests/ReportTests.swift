import Foundation
import JSONDocument
import Testing

/// What comes back of a set, field by field.
@Suite(.timeLimit(.minutes(30))) struct ReportTests {
  @Test func unknownFieldsComeBackAsTheyWere() async throws {
    let before =
      #"{"z":12345678901234567890,"a":[1.0,-0,1e400,{"zz":[],"aa":{}}],"identifier":"n1","deep":{"x":{"y":[null,true]}},"#
    let task =
      #"{"zebra":1e400,"cmd":"echo one","unknown":{"b":2.50,"a":-12345678901234567890},"text":"ü\u0000\"/\\","alpha":null}"#
    let untouched = #"{"cmd":"echo two","label":"😀","n":[12345678901234567890,1.0,1e400,0.10]}"#
    let text = before + #""tasks":["# + task + #",{"cmd":"exit 9"},"# + untouched + #"],"exit_":1.0,"last":1E+2}"#
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(of: text)
      #expect(report.text.hasPrefix(before))
      #expect(report.text.hasSuffix(",\(untouched)],\"exit_\":1.0,\"last\":1E+2}"))
      #expect(report.document.keys == ["z", "a", "identifier", "deep", "tasks", "exit_", "last"])
      #expect(report[0].keys.prefix(5) == ["zebra", "cmd", "unknown", "text", "alpha"])
      #expect(report.text.contains(#"{"zebra":1e400,"cmd":"echo one","unknown":{"b":2.50,"a":-12345678901234567890},"#))
      #expect(report[0]["text"] == "ü\u{0}\"/\\")
      #expect(report.isUntouched(2))
    }
  }

  @Test func successHasOutputsAndNoError() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"echo out; echo err >&2"},{"cmd":""},{"cmd":"true"}]}"#)
      #expect(report.stdout(0) == "out\n")
      #expect(report.stderr(0) == "err\n")
      for index in 0..<3 {
        #expect(report.error(index) == .null)
        #expect(report[index]["agent"]?["attempts"] == 1)
        #expect(report[index]["agent"]?["durationMilliseconds"]?.intValue != nil)
      }
      for index in 1..<3 {
        #expect(report.stdout(index) == "")
        #expect(report.stderr(index) == "")
      }
    }
  }

  @Test func theFirstFailureEndsTheSet() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"echo fine"},{"cmd":"echo why >&2; echo part; exit 3"},{"cmd":"echo never","x":1}]}"#)
      #expect(report.stdout(0) == "fine\n")
      #expect(report.stdout(1) == "part\n")
      #expect(report.stderr(1) == "why\n")
      #expect(
        report.error(1) == ["code": 3, "killed": false, "signal": nil, "cmd": "echo why >&2; echo part; exit 3"])
      #expect(report[2] == ["cmd": "echo never", "x": 1])
    }
  }

  @Test func anAcceptedCodeKeepsItsErrorAndTheSetGoesOn() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"echo x; exit 4","acceptedResponseCodes":[1,4]},{"cmd":"echo on"}]}"#)
      #expect(report.error(0) == ["code": 4, "killed": false, "signal": nil, "cmd": "echo x; exit 4"])
      #expect(report.stdout(0) == "x\n")
      #expect(report.stdout(1) == "on\n")
      #expect(report.error(1) == .null)
    }
  }

  @Test(arguments: [#"[4,"x"]"#, "4", #""4""#, "null", "{}", "[5]"])
  func whatDoesNotAcceptTheCode(codes: String) async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"exit 4","acceptedResponseCodes":\#(codes)},{"cmd":"echo no"}]}"#)
      #expect(report.code(0) == "4")
      #expect(report.isUntouched(1))
    }
  }

  @Test func aSignalIsNamed() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(of: #"{"tasks":[{"cmd":"echo a; kill -9 $$"},{"cmd":"true"}]}"#)
      #expect(report.error(0) == ["code": nil, "killed": false, "signal": "SIGKILL", "cmd": "echo a; kill -9 $$"])
      #expect(report.stdout(0) == "a\n")
      #expect(report.isUntouched(1))
    }
  }

  @Test func aTimeOutIsSaidSo() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"echo begun; exec sleep 60","timeout":3000},{"cmd":"true"}]}"#)
      #expect(
        report.error(0) == [
          "code": nil, "killed": true, "signal": "SIGTERM", "cmd": "echo begun; exec sleep 60",
        ])
      #expect(report.stdout(0) == "begun\n")
      #expect(report.isUntouched(1))
    }
  }

  @Test(arguments: [
    (#"{"label":"neither"}"#, "neither a cmd nor a downloadUrl"), (#"{"cmd":7}"#, "its cmd is not a string"),
    (#"{"cmd":["a"]}"#, "its cmd is not a string"), (#"{"cmd":"true","downloadUrl":1}"#, "its downloadUrl is not"),
  ])
  func aTaskThatMakesNoSenseFails(task: String, words: String) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let report = try await stage.report(of: #"{"tasks":[\#(task),{"cmd":"echo no"}]}"#)
      #expect(report.code(0) == "EINVAL")
      #expect(report.error(0)?["message"]?.stringValue?.contains(words) == true)
      #expect(report.stdout(0) == "")
      #expect(report.stderr(0) == "")
      #expect(report.isUntouched(1))
      #expect(agent.log.contains(words))
    }
  }

  @Test func resultsThatTheServerSentAreReplaced() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"stdout":"old","error":{"code":1},"cmd":"echo new","agent":1,"stderr":2}]}"#)
      #expect(report.stdout(0) == "new\n")
      #expect(report.error(0) == .null)
      #expect(report[0].keys.filter { $0 == "stdout" }.count == 1)
    }
  }

  @Test func anEmptySetIsReportedToo() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(of: #"{"identifier":"n1","tasks":[],"x":1.0}"#)
      #expect(report.text == #"{"identifier":"n1","tasks":[],"x":1.0}"#)
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  /// The set goes back with an error, so that a workflow which waits for it fails, and says why.
  @Test func aSetForAnotherNodeIsNotRun() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let report = try await stage.report(
        of: #"{"identifier":"n2","tasks":[{"cmd":"touch '\#(stage.path("ran"))'"},{"cmd":"true"}],"exit":1}"#)
      #expect(report.code(0) == "EINVAL")
      #expect(report.error(0)?["message"]?.stringValue?.contains("for the node n2, but this node is n1") == true)
      #expect(report.isUntouched(1))
      #expect(agent.log.contains("for the node n2, but this node is n1"))
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(!agent.hasEnded, "an exit that was meant for another node is not obeyed")
      #expect(!FileManager.default.fileExists(atPath: stage.path("ran")))
    }
  }

  @Test(arguments: [#""identifier":null,"#, #""identifier":7,"#, #""identifier":"","#, #""identifier":"N1","#])
  func anIdentifierThatNamesNoOtherNode(field: String) async throws {
    try await withStage { stage in
      try stage.startAgent()
      #expect(try await stage.report(of: #"{\#(field)"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  @Test func commandsRunAsTheyExpect() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      try stage.push(commands: [
        "pwd", "wc -c", "ls -l /proc/self/fd | grep -c -- '->'", "cut -d' ' -f1,5,6 /proc/$$/stat", "kill -TERM $$",
      ])
      let report = try await stage.nextReport()
      #expect(report.stdout(0) == stage.workDirectory + "\n")
      #expect(report.stdout(1) == "0\n", "stdin is empty")
      #expect(report.stdout(2) == "4\n", "stdin, stdout, stderr, and the directory that ls looks at")
      let numbers = try #require(report.stdout(3)).split { $0 == " " || $0 == "\n" }
      #expect(Set(numbers).count == 1, "the leader of a session and a group of its own")
      #expect(report.error(4)?["signal"] == "SIGTERM", "signals have their default meaning")
      #expect(!agent.hasEnded)
    }
  }
}
