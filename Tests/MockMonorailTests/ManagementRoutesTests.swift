import Foundation
import JSONDocument
import MockMonorail
import TestSupport
import Testing

private let api = "/api/current"
private let ipmi =
  #"{"nodeId":"n1","service":"ipmi-obm-service","config":{"host":"10.1.1.30","user":"admin","password":"secret"}}"#

extension MockMonorail {
  fileprivate func send(_ method: String, _ path: String, _ body: String = "") async throws -> (Int, JSON) {
    let answer = try await request(method, api + path, body: body)
    return (answer.status, answer.body.isEmpty ? .null : try JSON(parsing: answer.body))
  }
}

/// The settings of OBM services, as people read and write them.
@Suite struct ManagementRoutesTests {
  @Test(arguments: ["/nodes/n1/obm", "/obms"])
  func `settings are saved, shown without the password, changed and deleted`(path: String) async throws {
    try await withMock { mock in
      for id in ["n1", "n2"] { mock.addNode(id: id) }
      let (status, saved) = try await mock.send("PUT", path, ipmi)
      #expect(status == 201)
      let id = try #require(saved["id"]?.stringValue)
      let config: JSON = ["host": "10.1.1.30", "user": "admin"]
      let view: JSON = [
        "id": .string(id), "node": "/api/2.0/nodes/n1", "service": "ipmi-obm-service", "config": config,
      ]
      #expect(saved == view)
      #expect(try await mock.send("GET", "/nodes/n1/obm") == (200, [view]))
      #expect(try await mock.send("GET", "/nodes/n2/obm") == (200, []))
      #expect(try await mock.send("GET", "/obms") == (200, [view]))
      #expect(try await mock.send("GET", "/obms/\(id)") == (200, view))
      #expect(
        try await mock.send("GET", "/nodes/n1").1["obms"]
          == [["service": "ipmi-obm-service", "ref": .string("/api/2.0/obms/\(id)")]])
      // The same service again replaces it.
      #expect(try await mock.send("PUT", path, ipmi.replacing("10.1.1.30", with: "h")).1["id"] == .string(id))
      let change = #"{"config":{"host":"x","user":"u","password":"p"}}"#
      #expect(try await mock.send("PATCH", "/obms/\(id)", change).1["config"] == ["host": "x", "user": "u"])
      #expect(try await mock.send("DELETE", "/obms/\(id)").0 == 204)
      #expect(try await mock.send("GET", "/obms") == (200, []))
      #expect(try await mock.send("DELETE", "/obms/\(id)").0 == 404)
    }
  }

  @Test(arguments: [
    ("PUT", "/obms", "{}", 400, "nodeId"),
    ("PUT", "/obms", "[", 400, "the body is"),
    ("PUT", "/obms", #"{"nodeId":"n1","service":"x","config":{}}"#, 400, "there is no OBM service x; there are"),
    ("PUT", "/obms", #"{"nodeId":"n1","service":"ipmi-obm-service","config":{}}"#, 400, "config.host must be a text"),
    ("PUT", "/obms", #"{"nodeId":"n3","service":"noop-obm-service","config":{}}"#, 404, "there is no node n3"),
    ("PUT", "/nodes/n3/obm", #"{"nodeId":"n3","service":"noop-obm-service","config":{}}"#, 404, "no node n3"),
    ("PUT", "/nodes/n1/obm", #"{"nodeId":"n2","service":"noop-obm-service","config":{}}"#, 400, "about the node n2"),
    (
      "PUT", "/obms", #"{"nodeId":"n1","service":"command-obm-service","config":{"program":"p","args":[1]}}"#, 400,
      "config.args must be a list of texts"
    ),
    (
      "PUT", "/obms", #"{"nodeId":"n1","service":"command-obm-service","config":{"program":"p"}}"#, 400,
      "start it with --obm-program p=FILE"
    ),
    ("GET", "/obms/x", "", 404, "there are no OBM settings x"),
    ("PATCH", "/obms/x", "{}", 404, "there are no OBM settings x"),
    ("GET", "/nodes/n3/obm", "", 404, "there is no node n3"),
    ("GET", "/obms/definitions/x", "", 404, "there is no OBM service x"),
    ("POST", "/obms/led", #"{"nodeId":"n1"}"#, 400, "value"),
    ("POST", "/obms/led", #"{"nodeId":"n1","value":true}"#, 400, "No OBM service assigned to this node."),
  ])
  func `what cannot be done is refused, and nothing is saved`(
    method: String, path: String, body: String, status: Int, words: String
  ) async throws {
    try await withMock { mock in
      for id in ["n1", "n2"] { mock.addNode(id: id) }
      let answer = try await mock.send(method, path, body)
      #expect(answer.0 == status)
      #expect(answer.1["message"]?.stringValue?.contains(words) == true, "\(answer.1.text)")
      #expect(try await mock.send("GET", "/obms") == (200, []))
    }
  }

  @Test func `the definitions name the services and what they need`() async throws {
    try await withMock { mock in
      let all = try await mock.send("GET", "/obms/definitions").1
      #expect(
        all.arrayValue?.map { $0["name"] } == ["command-obm-service", "ipmi-obm-service", "noop-obm-service"])
      let one = try await mock.send("GET", "/obms/definitions/ipmi-obm-service").1
      #expect(one["config"]?["required"] == ["host", "user", "password"])
    }
  }

  @Test func `a program that goes on running does not keep the server's port`() async throws {
    try await withDirectory { directory in
      let program = directory + "/light"
      try "#!/bin/sh\nsleep 1000 >/dev/null 2>&1 & echo $! >'\(directory)/child'\n"
        .write(toFile: program + ".sh", atomically: true, encoding: .utf8)
      _ = try ChildProcess.program(program, from: program + ".sh")
      var configuration = MockConfiguration()
      configuration.management.programs = ["light": program]
      let first = try await MockMonorail.start(configuration)
      first.addNode(id: "n1")
      let settings = #"{"nodeId":"n1","service":"command-obm-service","config":{"program":"light"}}"#
      _ = try await first.send("PUT", "/obms", settings)
      #expect(try await first.send("POST", "/obms/led", #"{"nodeId":"n1","value":true}"#).0 == 201)
      await first.stop()
      configuration.port = first.port
      let second = try await MockMonorail.start(configuration)
      await second.stop()
      let child = try #require(
        try pid_t(String(contentsOfFile: directory + "/child", encoding: .utf8).prefix { $0 != "\n" }))
      kill(child, SIGKILL)
    }
  }

  @Test func `the light of a node is switched by its service`() async throws {
    try await withDirectory { directory in
      let program = directory + "/light"
      try "#!/bin/sh\necho $1 $MONORAIL_NODE >>'\(directory)/calls'\n"
        .write(toFile: program + ".sh", atomically: true, encoding: .utf8)
      _ = try ChildProcess.program(program, from: program + ".sh")
      try await withMock({ $0.management.programs = ["light": program] }) { mock in
        mock.addNode(id: "n1")
        let settings = #"{"nodeId":"n1","service":"command-obm-service","config":{"program":"light"}}"#
        let (status, _) = try await mock.send("PUT", "/obms", settings)
        #expect(status == 201)
        for value in [true, false] {
          #expect(try await mock.send("POST", "/obms/led", #"{"nodeId":"n1","value":\#(value)}"#).0 == 201)
        }
        #expect(
          try String(contentsOfFile: directory + "/calls", encoding: .utf8) == "identify-on n1\nidentify-off n1\n")
      }
    }
  }
}
