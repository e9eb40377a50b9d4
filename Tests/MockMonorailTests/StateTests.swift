import Foundation
import MockMonorail
import Testing

/// What the server keeps and gives up, and answers that depend on a header alone.
@Suite struct StateTests {
  @Test("beyond the limit the oldest reports lose their bodies, but not the last report")
  func retainedReportBytes() async throws {
    let state = MonorailState(retainedReportBytes: 60)
    let mock = try await MockMonorail.start(MockConfiguration(), state: state)
    mock.addNode(id: "n1")
    let bodies =
      (1...4).map { "{\"tasks\":[],\"n\":\($0)}" } + [#"{"tasks":[],"n":"\#(String(repeating: "x", count: 99))"}"#]
    for body in bodies.prefix(4) {
      #expect(try await mock.request("POST", "/api/current/tasks/n1", body: body).status == 201)
    }
    // Each of these has 18 bytes.
    #expect(mock.reports().map(\.text) == ["", bodies[1], bodies[2], bodies[3]])
    #expect(try await mock.request("POST", "/api/current/tasks/n1", body: bodies[4]).status == 201)
    #expect(mock.reports().map(\.text) == ["", "", "", "", bodies[4]])
    #expect(mock.reports().map(\.sequence) == [1, 2, 3, 4, 5])
    await mock.stop()
  }

  @Test("a node that was removed and comes again is listed once, as the last one")
  func removedNode() {
    let state = MonorailState()
    for id in ["a", "b"] { state.addNode(id: id) }
    state.removeNode("a")
    #expect(state.nodes.map(\.id) == ["b"])
    state.addNode(id: "a")
    #expect(state.nodes.map(\.id) == ["b", "a"])
  }

  @Test("the directory for uploaded files is removed with the state")
  func scratchDirectory() async throws {
    let directory = try await {
      let mock = try await MockMonorail.start(MockConfiguration())
      #expect(try await mock.request("PUT", "/api/current/files/x", body: "x").status == 201)
      #expect(FileManager.default.fileExists(atPath: mock.filesDirectory + "/x"))
      await mock.stop()
      return mock.filesDirectory
    }()
    try await eventually("\(directory) to be removed") {
      FileManager.default.fileExists(atPath: directory) ? nil : ()
    }
  }

  @Test("a report that is declared too long is refused before its body is sent")
  func declaredLength() async throws {
    try await withMock({ $0.maximumReportBytes = 100 }) { mock in
      mock.addNode(id: "n1")
      let client = try Client(port: mock.port)
      client.send(Array("POST /api/current/tasks/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n".utf8))
      #expect(await client.nextAnswer()?.status == 413)
    }
  }

  @Test("If-None-Match: * is answered with 304 for a file that exists (RFC 9110, section 13.1.2)")
  func anyTag() async throws {
    try await withMock { mock in
      #expect(try await mock.request("PUT", "/api/current/files/x", body: "x").status == 201)
      let answer = try await mock.request("GET", "/api/current/files/x", headers: ["If-None-Match": "*"])
      #expect(answer.status == 304)
    }
  }
}
