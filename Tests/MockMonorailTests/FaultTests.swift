import JSONDocument
import MockMonorail
import Testing

private let path = "/api/current/tasks/n1"
private let taskSet = #"{"identifier":"n1","tasks":[{"cmd":"true"}]}"#

/// Each kind as a client sees it on the wire.
@Suite struct FaultTests {
  /// A server where a task set waits for `n1`, with one fault.
  private func withFault(_ fault: Fault, _ body: (MockMonorail) async throws -> Void) async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      try mock.push(taskSetText: taskSet, to: "n1")
      mock.inject(fault)
      try await body(mock)
    }
  }

  @Test(arguments: [(1, 2), (2, 3), (nil, nil)] as [(Int?, Int?)])
  func aFaultLastsAsLongAsItSays(times: Int?, firstSuccess: Int?) async throws {
    try await withFault(Fault(.status(500), path: "/api/*", times: times)) { mock in
      for attempt in 1...4 {
        let status = try await mock.request("GET", path).status
        if attempt < firstSuccess ?? 5 { #expect(status == 500) }
        if attempt == firstSuccess { #expect(status == 200) }
      }
    }
  }

  @Test(arguments: [500, 503, 408, 429, 413, 404])
  func status(code: Int) async throws {
    try await withFault(Fault(.status(code))) { mock in
      let answer = try await mock.request("POST", path, body: "{}")
      #expect(answer.status == code)
      #expect(try JSON(parsing: answer.body)["status"] == .string(String(code)))
      #expect(mock.reports().isEmpty)
      let entry = try #require(mock.requests.first)
      #expect(entry.fault?.kind == .status(code))
      #expect(entry.status == code)
    }
  }

  @Test func answer() async throws {
    try await withFault(Fault(.answer(status: 200, body: "<html>"))) { mock in
      let answer = try await mock.request("GET", path)
      #expect(answer.text == "<html>")
    }
  }

  @Test func delay() async throws {
    try await withFault(Fault(.delay(.milliseconds(150)))) { mock in
      let start = ContinuousClock.now
      let answer = try await mock.request("GET", path)
      #expect(answer.text == taskSet)
      #expect(.now - start >= .milliseconds(150))
    }
  }

  @Test func drop() async throws {
    try await withFault(Fault(.drop)) { mock in
      let client = try Client(port: mock.port)
      #expect(await client.exchange("POST", path, body: Array("{}".utf8)) == nil)
      #expect(mock.reports().isEmpty)
      #expect(try await mock.waitForRequests { $0.finished != nil }.first?.status == nil)
    }
  }

  @Test func loseAnswer() async throws {
    try await withFault(Fault(.loseAnswer)) { mock in
      let client = try Client(port: mock.port)
      #expect(await client.exchange("POST", path, body: Array("{}".utf8)) == nil)
      #expect(try await mock.nextReport(from: "n1").text == "{}")
    }
  }

  @Test func truncate() async throws {
    try await withFault(Fault(.truncate)) { mock in
      let answer = try await mock.request("GET", path)
      #expect(answer.status == 200)
      #expect(answer.headers["content-length"] == String(taskSet.utf8.count))
      #expect(!answer.isComplete)
      #expect(answer.text == String(taskSet.prefix(taskSet.utf8.count / 2)))
    }
  }

  @Test func garbage() async throws {
    try await withFault(Fault(.garbage)) { mock in
      let client = try Client(port: mock.port)
      client.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
      let bytes = await client.everything()
      #expect(bytes.count == 1024)
      #expect(!bytes.starts(with: Array("HTTP".utf8)))
    }
  }

  @Test func drip() async throws {
    try await withFault(Fault(.drip(.milliseconds(10)))) { mock in
      let start = ContinuousClock.now
      let answer = try await mock.request("GET", path)
      #expect(answer.text == taskSet)
      #expect(.now - start >= .milliseconds(10 * taskSet.utf8.count))
    }
  }

  @Test func redirectLoop() async throws {
    try await withFault(Fault(.redirectLoop)) { mock in
      let answer = try await mock.request("GET", path + "?a=b")
      #expect(answer.status == 302)
      #expect(answer.headers["location"] == path + "?a=b")
    }
  }

  @Test(arguments: [14, 100, 300_000])
  func huge(bytes: Int) async throws {
    try await withFault(Fault(.huge(bytes: bytes))) { mock in
      let answer = try await mock.request("GET", path)
      #expect(answer.isComplete)
      #expect(answer.body.count == bytes)
      #expect(try JSON(parsing: answer.body)["padding"] != nil)
    }
  }

  @Test func deep() async throws {
    try await withFault(Fault(.deep(levels: 1000))) { mock in
      let answer = try await mock.request("GET", path)
      #expect(
        answer.text == #"{"identifier":"deep","tasks":"# + String(repeating: "[", count: 1000)
          + String(repeating: "]", count: 1000) + "}")
    }
  }

  @Test func hangUntilTheClientLeaves() async throws {
    try await withFault(Fault(.hang)) { mock in
      let client = try Client(port: mock.port)
      client.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
      try await mock.waitForRequests { $0.fault?.kind == .hang }
      // The server serves other clients meanwhile.
      #expect(try await mock.request("GET", "/mock/faults").status == 200)
      #expect(mock.requests.first?.finished == nil)
      client.finishSending()
      #expect(await client.everything().isEmpty)
      #expect(mock.state.queueLength(of: "n1") == 1)
    }
  }

  @Test(arguments: [Fault.Kind.hang, .drip(.seconds(30)), .delay(.seconds(30))])
  func stoppingEndsWhatIsInFlight(kind: Fault.Kind) async throws {
    try await withFault(Fault(kind)) { mock in
      let client = try Client(port: mock.port)
      client.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
      // By then the slow answer has begun.
      try await mock.waitForRequests { $0.fault?.kind == kind && (kind != .drip(.seconds(30)) || $0.status == 200) }
      let start = ContinuousClock.now
      await mock.stop()
      #expect(.now - start < .seconds(10))
      let text = String(decoding: await client.everything(), as: UTF8.self)
      #expect(!text.contains("true"))
    }
  }

  @Test(arguments: [
    ("POST", "/api/*/tasks/*", false), ("GET", "/api/*/tasks/*", true), ("GET", path, true),
    ("GET", "/api/current/tasks/", false), ("GET", "*n1", true), ("GET", "*n2", false), ("GET", "*", true),
    ("GET", "*/tasks*", true), ("GET", "/api/*/files/*", false),
  ])
  func matching(method: String, pattern: String, matches: Bool) async throws {
    try await withFault(Fault(.status(500), method: method, path: pattern)) { mock in
      let answer = try await mock.request("GET", path + "?x=y")
      #expect(answer.status == (matches ? 500 : 200))
    }
  }

  @Test func controlInterface() async throws {
    try await withMock { mock in
      let body = #"[{"method":"GET","path":"/api/*","kind":"status","value":503,"times":2},{"kind":"hang"}]"#
      #expect(try await mock.request("POST", "/mock/faults", body: body).status == 201)
      let kinds: [Fault.Kind] = [.status(503), .hang]
      #expect(mock.state.faults.map(\.kind) == kinds)
      let listed = try await mock.request("GET", "/mock/faults")
      #expect(try JSON(parsing: listed.body)[0]?["kind"] == "status")
      #expect(try await mock.request("POST", "/mock/faults", body: #"{"kind":"x"}"#).status == 400)
      #expect(try await mock.request("DELETE", "/mock/faults").status == 204)
      #expect(mock.state.faults.isEmpty)
    }
  }

  @Test(arguments: [
    ("POST /api/*/tasks/* status=503 x2", Fault(.status(503), method: "POST", path: "/api/*/tasks/*", times: 2)),
    ("* drop", Fault(.drop)), ("get /x delay=20", Fault(.delay(.milliseconds(20)), method: "GET", path: "/x")),
    ("/x drip=5", Fault(.drip(.milliseconds(5)), path: "/x")), ("* huge", Fault(.huge(bytes: 100_000_000))),
    ("* deep=7 x1", Fault(.deep(levels: 7), times: 1)), ("* redirect-loop", Fault(.redirectLoop)),
    ("* lose-answer", Fault(.loseAnswer)), ("* truncate", Fault(.truncate)), ("* garbage", Fault(.garbage)),
    ("* hang", Fault(.hang)),
  ])
  func texts(text: String, fault: Fault) throws {
    #expect(try Fault(parsing: text) == fault)
    #expect(try Fault(parsing: fault.description) == fault)
    #expect(try Fault(fault.json) == fault)
  }

  @Test(arguments: [
    "", "GET", "/x", "/x status", "/x status=abc", "/x status=99", "/x nothing", "/x drop 2", "/x drop x0",
    "/x drop x1 y",
    "/x delay=-1",
  ])
  func badTexts(text: String) {
    #expect(throws: Fault.Problem.self) { try Fault(parsing: text) }
  }
}

extension JSON {
  subscript(_ index: Int) -> JSON? { arrayValue.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
}
