import JSONDocument
import MonorailProtocol
import Testing

@Suite struct ProtocolTests {
  @Test(
    arguments: [
      ("01-00-1e-67-98-bc-7e", "00:1e:67:98:bc:7e"), ("01-00:1E:67:98:BC:7E", "00:1e:67:98:bc:7e"),
      ("00:1e:67:98:bc:7e", "00:1e:67:98:bc:7e"), ("20-00-1E-67-98-BC-7E", "00:1e:67:98:bc:7e"), ("", nil),
      ("01-", nil),
      ("01-00-1e-67-98", nil), ("01-00-1e-67-98-bc-7g", nil), ("eth0", nil),
    ] as [(String, String?)])
  func bootInterface(text: String, address: String?) {
    #expect(MACAddress(bootInterface: text)?.description == address)
  }

  @Test(
    "finds the three assignments wherever they stand",
    arguments: [
      "server = '10.1.1.1'   port = '9080'   tasksPath = '/api/current/tasks/5a09'",
      "var tasksPath=\"/api/current/tasks/5a09\";\nvar port=\"9080\", server=\t'10.1.1.1';",
      "// my server\nvar http_server = 'no', options.server = 'no', server == 'no';\nserver='10.1.1.1';port = '9080';tasksPath\n=\n'/api/current/tasks/5a09'",
      BootstrapScript(server: "10.1.1.1", port: 9080, tasksPath: "/api/current/tasks/5a09").text,
    ])
  func bootstrap(script: String) throws {
    let found = try BootstrapScript(parsing: script)
    #expect(found == BootstrapScript(server: "10.1.1.1", port: 9080, tasksPath: "/api/current/tasks/5a09"))
    #expect(found.identifier == "5a09")
  }

  @Test("a path is split at its slashes, whatever stands behind them")
  func combiningMark() throws {
    let script = try BootstrapScript(parsing: "server='a' port='1' tasksPath='/t/\u{301}5a09'")
    #expect(script.identifier.utf8.elementsEqual("\u{301}5a09".utf8))
  }

  @Test(arguments: [
    ("", "server"), ("server = '10.1.1.1'", "port"), ("server='a' port='http' tasksPath='/t/1'", "port"),
    ("server='a' port='0' tasksPath='/t/1'", "port"), ("server='a' port='1' tasksPath='5a09'", "tasksPath"),
    ("server='a' port='1' tasksPath='/t /1'", "tasksPath"), ("server='' port='1' tasksPath='/t/1'", "server"),
    ("server='a", "server"), ("<%=server%>", "server"),
  ])
  func badBootstrap(script: String, name: String) throws {
    let problem = try #require(throws: BootstrapScript.Problem.self) { try BootstrapScript(parsing: script) }
    #expect(problem.name == name)
  }

  private func task(_ text: String) throws -> NodeTask {
    NodeTask(fields: try #require(JSON(parsing: text).objectValue))
  }

  @Test(
    arguments: [
      (#"{"cmd":"x"}"#, [], nil, 0), (#"{"cmd":"x","acceptedResponseCodes":[1,2.0]}"#, [1, 2], nil, 0),
      (#"{"cmd":"x","acceptedResponseCodes":[1,"2"],"timeout":0,"retries":-1}"#, [], nil, 0),
      (#"{"cmd":"x","acceptedResponseCodes":1,"timeout":60000,"retries":2}"#, [], 60000, 2),
      (#"{"cmd":"x","acceptedResponseCodes":null,"timeout":"soon","retries":null}"#, [], nil, 0),
      (#"{"cmd":"x","timeout":9223372036854775807,"retries":9223372036854775807}"#, [], 31_536_000_000, 1000),
    ] as [(String, [Int], Int?, Int)])
  func taskFields(text: String, accepted: [Int], timeout: Int?, retries: Int) throws {
    let task = try task(text)
    #expect(task.acceptedResponseCodes == accepted)
    #expect(task.timeout == timeout)
    #expect(task.retries == retries)
    #expect(task.problem == nil)
  }

  @Test(arguments: [
    ("{}", false), (#"{"cmd":1}"#, false), (#"{"cmd":""}"#, true), (#"{"downloadUrl":"/x"}"#, true),
    (#"{"cmd":null,"downloadUrl":"/x"}"#, true), (#"{"cmd":"x","downloadUrl":[]}"#, false),
    (#"{"cmd":"a\u0000b"}"#, false), (#"{"downloadUrl":"/\u0000"}"#, false),
    (#"{"cmd":"x","downloadUrl":""}"#, true), (#"{"downloadUrl":""}"#, false),
  ])
  func runnable(text: String, expected: Bool) throws {
    #expect((try task(text).problem == nil) == expected)
  }

  @Test(
    arguments: [
      ("1", "1"), ("0", "0"), (#"{"code":2}"#, "2"), ("-1", "-1"), ("1e30", "1e30"), ("null", nil), (#"{"x":1}"#, nil),
      ("\"1\"", nil), (#"{"code":null}"#, nil),
    ] as [(String, String?)])
  func exit(text: String, asked: String?) throws {
    #expect(try TaskSet(parsing: Array(#"{"tasks":[],"exit":\#(text)}"#.utf8)).exit == asked)
  }

  @Test(arguments: ["[]", "{}", #"{"tasks":{}}"#, #"{"tasks":[1]}"#])
  func notATaskSet(text: String) {
    #expect(throws: TaskSet.Problem.self) { try TaskSet(parsing: Array(text.utf8)) }
  }
}
