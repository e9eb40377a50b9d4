import Foundation
import JSONDocument
import MockMonorail
import MonorailProtocol
import Testing

private let mac = "00:1e:67:98:bc:7e"
private let taskSet = #"{"tasks":[{"cmd":"true","n":12345678901234567890,"x": 1e400, "f":1.0}]}"#

@Suite struct TaskRoutesTests {
  @Test(arguments: APIPath.versions)
  func bootstrapTellsTheNodeWhoItIs(version: String) async throws {
    try await withMock { mock in
      mock.addNode(mac: mac, id: "n1")
      let answer = try await mock.request("GET", "/api/\(version)/tasks/bootstrap.js?macAddress=\(mac)")
      #expect(answer.status == 200)
      let script = try BootstrapScript(parsing: answer.text)
      #expect(script == BootstrapScript(server: "mock.example", port: 9080, tasksPath: "/api/current/tasks/n1"))
    }
  }

  @Test func bootstrapRendersATemplate() async throws {
    let template = "server='<%=server%>' port=\"<%= port %>\" tasksPath='/api/current/tasks/<%=identifier%>'"
    try await withMock({
      $0.bootstrapTemplate = template
      $0.advertisedServer = "10.1.1.1"
      $0.advertisedPort = 8080
    }) { mock in
      mock.addNode(mac: mac, id: "n1")
      let answer = try await mock.request("GET", "/api/current/tasks/bootstrap.js?macAddress=\(mac)")
      #expect(answer.text == "server='10.1.1.1' port=\"8080\" tasksPath='/api/current/tasks/n1'")
    }
  }

  @Test func unknownAtFirstKnownLater() async throws {
    try await withMock({ $0.registersUnknownNodes = false }) { mock in
      let target = "/api/current/tasks/bootstrap.js?macAddress=\(mac)"
      let first = try await mock.request("GET", target)
      #expect(first.status == 404)
      #expect(try JSON(parsing: first.body)["status"] == "404")
      #expect(try JSON(parsing: first.body)["message"]?.stringValue?.contains(mac) == true)
      mock.addNode(mac: mac)
      #expect(try await mock.request("GET", target).status == 200)
      #expect(try await mock.request("GET", "/api/current/tasks/other").status == 404)
      #expect(try await mock.request("POST", "/api/current/tasks/other", body: "{}").status == 404)
    }
  }

  @Test func nodesAppearWithTheirTaskSets() async throws {
    let text = #"{"tasks":[{"cmd":"x","downloadUrl":"<%=api.files%>/y"}]}"#
    try await withMock({ $0.taskSetsForNewNodes = [text, taskSet] }) { mock in
      _ = try await mock.request("GET", "/api/current/tasks/bootstrap.js?macAddress=\(mac)")
      let id = try #require(mock.state.nodes.first?.id)
      #expect(id == "000000000000001e6798bc7e")
      #expect(mock.state.queueLength(of: id) == 2)
      let answer = try await mock.request("GET", "/api/2.0/tasks/\(id)")
      #expect(answer.text.contains("http://mock.example:9080/api/current/files/y"))
      #expect(try TaskSet(parsing: answer.body).identifier == id)
    }
  }

  @Test func noMACAddress() async throws {
    try await withMock { mock in
      let answer = try await mock.request("GET", "/api/current/tasks/bootstrap.js?macAddress=x")
      #expect(answer.status == 400)
    }
  }

  @Test(arguments: [
    (#" {"identifier" : "n1", "tasks":[], "z":-0, "y":1e400,  "x":12345678901234567890}"#, ""),
    (taskSet, #""identifier":"n1","#),
  ])
  func taskSetsGoOutByteForByte(text: String, inserted: String) async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      try mock.push(taskSetText: text, to: "n1")
      let answer = try await mock.request("GET", "/api/current/tasks/n1")
      #expect(answer.status == 200)
      #expect(answer.text == text.replacing("{", with: "{" + inserted, maxReplacements: 1))
      #expect(answer.headers["content-type"] == "application/json; charset=utf-8")
    }
  }

  @Test func eachSetIsHandedOutOnceInOrder() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      for number in 0..<20 { try mock.push(taskSetText: #"{"tasks":[],"n":\#(number)}"#, to: "n1") }
      let numbers = try await withThrowingTaskGroup(of: (Int, Int?).self) { group in
        for index in 0..<30 {
          group.addTask {
            let answer = try await mock.request("GET", "/api/current/tasks/n1")
            return (index, answer.status == 200 ? try JSON(parsing: answer.body)["n"]?.intValue : nil)
          }
        }
        return try await group.reduce(into: []) { $0.append($1.1) }
      }
      #expect(numbers.compactMap(\.self).sorted() == Array(0..<20))
    }
  }

  @Test func anIdleGetIsHeldUntilSomethingIsQueued() async throws {
    try await withMock({ $0.idleHold = .seconds(30) }) { mock in
      mock.addNode(id: "n1")
      async let answer = mock.request("GET", "/api/current/tasks/n1")
      try await mock.waitForRequests { $0.nodeID == "n1" }
      try mock.push(taskSetText: taskSet, to: "n1")
      #expect(try await answer.status == 200)
      let entry = try #require(mock.requests.first)
      #expect(try #require(entry.finished) - entry.time < .seconds(28))
    }
  }

  @Test func requestsOfANodeAtTheSameTimeAreTold() async throws {
    try await withMock({ $0.idleHold = .seconds(30) }) { mock in
      async let held = mock.request("GET", "/api/current/tasks/n1")
      try await mock.waitForRequests { $0.nodeID == "n1" }
      _ = try await mock.request("GET", "/api/current/nodes/n2")
      _ = try await mock.request("GET", "/api/current/nodes/n1")
      try mock.push(taskSetText: taskSet, to: "n1")
      _ = try await held
      _ = try await mock.request("GET", "/api/current/nodes/n1")
      #expect(mock.requests.map(\.overlapsAnother) == [false, false, true, false])
    }
  }

  @Test func aClientThatHasGoneTakesNoSetWithIt() async throws {
    try await withMock({ $0.idleHold = .seconds(30) }) { mock in
      mock.addNode(id: "n1")
      let client = try Client(port: mock.port)
      client.send(Array("GET /api/current/tasks/n1 HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
      try await mock.waitForRequests { $0.nodeID == "n1" }
      client.finishSending()
      try await mock.waitForRequests(timeout: .seconds(20)) { $0.finished != nil }
      try mock.push(taskSetText: taskSet, to: "n1")
      #expect(mock.state.queueLength(of: "n1") == 1)
    }
  }

  @Test func reportsAreKeptAsSent() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let body =
        #"{"identifier":"n1","tasks":[{"cmd":"a","stdout":"x","error":null},{"cmd":"b","error":{"code":3}}],"z":1e400}"#
      let answer = try await mock.request("POST", "/api/current/tasks/n1", body: body)
      #expect(answer.status == 201)
      let report = try await mock.nextReport(from: "n1")
      #expect(report.text == body)
      #expect(report.sequence == 1)
      #expect(report.taskCount == 2)
      #expect(report.failures == ["b: code 3"])
      #expect(try report.taskSet().tasks.count == 2)
    }
  }

  @Test func nextReportWaitsAndCounts() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      async let first = mock.nextReport(from: "n1")
      _ = try await mock.request("POST", "/api/current/tasks/n1", body: "{\"n\":1}")
      _ = try await mock.request("POST", "/api/current/tasks/n1", body: "{\"n\":2}")
      #expect(try await first.text == "{\"n\":1}")
      #expect(try await mock.nextReport(from: "n1").text == "{\"n\":2}")
      let error = await #expect(throws: WaitTimeout.self) {
        try await mock.nextReport(from: "n1", timeout: .milliseconds(1))
      }
      #expect(error?.description.contains("POST /api/current/tasks/n1 201") == true)
    }
  }

  @Test(arguments: ["1", "-0", "null", "[]", #"{"tasks":1}"#, #"{"tasks":[1,{"stdout":1}]}"#, "1e400"])
  func anyJSONIsTaken(body: String) async throws {
    try await withMock { mock in
      let answer = try await mock.request("POST", "/api/current/tasks/n1", body: body)
      #expect(answer.status == 201)
      #expect(mock.reports().first?.text == body)
    }
  }

  @Test(arguments: [
    ("{\"tasks\":", 400), ("", 400), ("not JSON", 400), ("{}\0", 400), ("{} x", 400), ("[NaN]", 400),
    (#"{"tasks":[{"stdout":NaN}]}"#, 400), ("{a:1}", 400),
    (String(repeating: " ", count: 101), 413),
  ])
  func reportsThatAreNotTaken(body: String, status: Int) async throws {
    try await withMock({ $0.maximumReportBytes = 100 }) { mock in
      mock.addNode(id: "n1")
      let answer = try await mock.request("POST", "/api/current/tasks/n1", body: body)
      #expect(answer.status == status)
      #expect(try JSON(parsing: answer.body)["status"] == .string(String(status)))
      #expect(mock.reports().isEmpty)
    }
  }

  @Test func aReportOfUndeclaredLengthIsBoundedToo() async throws {
    try await withMock({ $0.maximumReportBytes = 100 }) { mock in
      mock.addNode(id: "n1")
      let client = try Client(port: mock.port)
      let chunk = "41\r\n" + String(repeating: " ", count: 65) + "\r\n"
      let head = "POST /api/current/tasks/n1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      client.send(Array((head + chunk + chunk + "0\r\n\r\n").utf8))
      #expect(await client.nextAnswer()?.status == 413)
    }
  }

  @Test func resultsAreWrittenAsReadableFiles() async throws {
    try await withDirectory { directory in
      for body in [#"{"tasks":[{"cmd":"a"}],"x":1e400}"#, "[]"] {
        try await withMock({ $0.resultsDirectory = directory }) { mock in
          let answer = try await mock.request("POST", "/api/current/tasks/n1", body: body)
          #expect(answer.status == 201)
        }
      }
      let first = try String(contentsOfFile: directory + "/n1/0001.json", encoding: .utf8)
      #expect(first == "{\n  \"tasks\": [\n    {\n      \"cmd\": \"a\"\n    }\n  ],\n  \"x\": 1e400\n}\n")
      #expect(try String(contentsOfFile: directory + "/n1/0002.json", encoding: .utf8) == "[]\n")
    }
  }

  @Test func oneConnectionServesManyRequests() async throws {
    try await withMock { mock in
      let client = try Client(port: mock.port)
      for _ in 0..<3 { #expect(await client.exchange("GET", "/api/current/tasks/n1")?.status == 404) }
      _ = try await mock.request("GET", "/api/current/tasks/n1")
      #expect(mock.requests.map(\.connection) == [1, 1, 1, 2])
      #expect(
        mock.requests.allSatisfy {
          $0.status == 404 && !$0.overlapsAnother && $0.headers["host"] == "mock.example:9080"
        })
    }
  }

  @Test func aServerThatDiedComesBackOnItsPortAndKnowsItsNodes() async throws {
    let first = try await MockMonorail.start()
    first.addNode(id: "n1")
    let client = try Client(port: first.port)
    client.send(Array("POST /api/current/tasks/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{".utf8))
    try await first.waitForRequests { $0.method == "POST" }
    let idle = try Client(port: first.port)
    _ = await idle.exchange("GET", "/api/current/nodes/n1")
    await first.stop()
    #expect(await client.everything().isEmpty)
    #expect(await idle.everything().isEmpty)
    #expect(throws: Client.Failure(code: ECONNREFUSED)) { () throws -> Void in _ = try Client(port: first.port) }

    var configuration = MockConfiguration()
    configuration.port = first.port
    let second = try await MockMonorail.start(configuration, state: first.state)
    #expect(second.port == first.port)
    #expect(try await second.request("POST", "/api/current/tasks/n1", body: "{}").status == 201)
    #expect(second.requests.map(\.number) == [1, 2, 3])
    await second.stop()
  }

  @Test func aPortInUseIsSaidSo() async throws {
    try await withMock { mock in
      var configuration = MockConfiguration()
      configuration.port = mock.port
      let error = await #expect(throws: MockMonorail.StartError.self) { try await MockMonorail.start(configuration) }
      #expect(error?.description.contains("something listens there already") == true)
    }
  }
}
