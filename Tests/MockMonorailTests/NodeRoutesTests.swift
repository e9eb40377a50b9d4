import Foundation
import JSONDocument
import MockMonorail
import Testing

private let mac = "00:1e:67:98:bc:7e"

@Suite struct NodeRoutesTests {
  @Test func nodesAndLookups() async throws {
    try await withMock { mock in
      mock.addNode(mac: mac, id: "n1")
      mock.addNode(id: "n2")
      _ = try await mock.request("GET", "/api/current/tasks/n1")
      let nodes = try JSON(parsing: try await mock.request("GET", "/api/current/nodes").body)
      #expect(nodes.arrayValue?.map { $0["id"] } == ["n1", "n2"])
      let node = try JSON(parsing: try await mock.request("GET", "/api/2.0/nodes/n1").body)
      #expect(node["identifiers"] == [.string(mac)])
      #expect(try await mock.request("GET", "/api/current/nodes/n3").status == 404)
      for query in ["00:1E:67:98:BC:7E", "n1", "127.0.0.1"] {
        let found = try JSON(parsing: try await mock.request("GET", "/api/current/lookups?q=\(query)").body)
        #expect(found.arrayValue?.map { $0["node"] } == ["n1"])
        #expect(found[0]?["macAddress"] == .string(mac) && found[0]?["ipAddress"] == "127.0.0.1")
        #expect(found[0]?["id"]?.stringValue?.count == 24 && found[0]?["createdAt"]?.stringValue != nil)
      }
      #expect(try await mock.request("GET", "/api/current/lookups?q=n4").text == "[]\n")
    }
  }

  @Test func aNodeThatIsAddedOrChangedIsAnsweredAsItIsStored() async throws {
    try await withMock { mock in
      let added = try await mock.request(
        "POST", "/api/2.0/nodes", body: #"{"name": "n", "type": "compute", "identifiers": ["\#(mac)"]}"#)
      #expect(added.status == 201)
      let node = try JSON(parsing: added.body)
      #expect(node["tags"] == [] && node["catalogs"] == nil)
      let id = try #require(node["id"]?.stringValue)
      let changed = try await mock.request("PATCH", "/api/2.0/nodes/\(id)", body: #"{"name": "m"}"#)
      #expect(changed.status == 200)
      #expect(try JSON(parsing: changed.body)["tags"] == [] && JSON(parsing: changed.body)["name"] == "m")
    }
  }

  @Test func aPageMayBeLargerThanAnyList() async throws {
    try await withMock { mock in
      for name in ["a", "b", "c"] { mock.addNode(id: name) }
      let answer = try await mock.request("GET", "/api/2.0/nodes?$skip=1&$top=9223372036854775807")
      #expect(try JSON(parsing: answer.body).arrayValue?.map { $0["id"] } == ["b", "c"])
    }
  }

  @Test func aPushedTaskSetIsQueued() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let body = #"{"identifier":"n1","tasks":[{"cmd":"a","x":1e400}]}"#
      let answer = try await mock.request("POST", "/api/current/nodes/n1/workflows", body: body)
      #expect(answer.status == 201)
      #expect(try JSON(parsing: answer.body)["id"] == "1")
      // Who reads this list expects runs in it.
      #expect(try await mock.request("GET", "/api/current/nodes/n1/workflows").text == "[]\n")
      #expect(try JSON(parsing: try await mock.request("GET", "/api/current/nodes/n1").body)["queued"] == 1)
      #expect(try await mock.request("GET", "/api/current/tasks/n1").text == body)
    }
  }

  @Test func whatIsNotThereIsNamedWithWhatIs() async throws {
    try await withDirectory { directory in
      for name in ["flash.json", "discovery.json", ".hidden.json", "notes.txt"] {
        try #"{"tasks":[]}"#.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
      }
      try #"{"injectableName":"Graph.x"}"#.write(
        toFile: directory + "/graph.json", atomically: true, encoding: .utf8)
      try await withMock({ $0.workflowsDirectory = directory }) { mock in
        mock.addNode(id: "n1")
        let answer = try await mock.request("POST", "/api/current/nodes/n1/workflows", body: #"{"name":"discover"}"#)
        #expect(answer.status == 400)
        #expect(
          try JSON(parsing: answer.body)["message"]
            == "Graph definition not found for discover, and it is no task set either; there are: discovery, flash")
        let node = try await mock.request("POST", "/api/current/nodes/n2/workflows", body: #"{"name":"flash"}"#)
        #expect(node.text.contains("Could not find node with identifier n2"))
      }
      try await withMock { mock in
        mock.addNode(id: "n1")
        let answer = try await mock.request("POST", "/api/current/nodes/n1/workflows", body: #"{"name":"x"}"#)
        #expect(answer.text.contains("start monorail-mock serve with --workflows DIR"))
      }
    }
  }

  @Test(arguments: [
    (#"{"name":"none"}"#, 400), ("{}", 400), ("[", 400), (#"{"tasks":1}"#, 400), (#"{"name":"../x"}"#, 400),
    (#"{"name":"broken"}"#, 400), (#"{"name":"undefined"}"#, 500),
  ])
  func workflowsThatAreNotTaken(body: String, status: Int) async throws {
    try await withDirectory { directory in
      try "{}".write(toFile: directory + "/broken.json", atomically: true, encoding: .utf8)
      try #"{"tasks":[{"cmd":"<%=nothing%>"}]}"#
        .write(toFile: directory + "/undefined.json", atomically: true, encoding: .utf8)
      try await withMock({ $0.workflowsDirectory = directory }) { mock in
        mock.addNode(id: "n1")
        let answer = try await mock.request("POST", "/api/current/nodes/n1/workflows", body: body)
        #expect(answer.status == status)
        #expect(mock.state.queueLength(of: "n1") == 0)
      }
    }
  }

  @Test func aWorkflowOfThatNameIsRenderedAndItsOptionsReachTheTemplates() async throws {
    try await withDirectory { directory in
      let flow =
        #"[{"tasks":[{"cmd":"sh f.sh","downloadUrl":"<%= api.templates %>/f.sh?nodeId=<%=identifier%>"}]},{"tasks":[]}]"#
      try flow.write(toFile: directory + "/flash.json", atomically: true, encoding: .utf8)
      try await withMock({ $0.workflowsDirectory = directory }) { mock in
        mock.addNode(mac: mac, id: "n1")
        let script = "flash <%=image%> <%= port %> <%=macaddress%>"
        let upload = try await mock.request("PUT", "/api/current/templates/library/f.sh", body: script)
        #expect(upload.status == 201)
        let push = #"{"name":"flash","options":{"defaults":{"image":"a.bin"}}}"#
        #expect(try await mock.request("POST", "/api/current/nodes/n1/workflows", body: push).status == 201)
        #expect(mock.state.queueLength(of: "n1") == 2)
        let taskSet = try JSON(parsing: try await mock.request("GET", "/api/current/tasks/n1").body)
        let url = "http://mock.example:9080/api/current/templates/f.sh?nodeId=n1"
        #expect(taskSet["tasks"]?[0]?["downloadUrl"] == .string(url))
        let rendered = try await mock.request("GET", "/api/current/templates/f.sh?nodeId=n1")
        #expect(rendered.text == "flash a.bin 9080 \(mac)")
        #expect(try await mock.request("GET", "/api/current/templates/library/f.sh").text == script)
        #expect(try await mock.request("GET", "/api/current/templates/library").text.contains("f.sh"))
      }
    }
  }

  @Test(arguments: [
    ("x <%=api.files%>", 200, "x http://mock.example:9080/api/current/files"),
    ("<%-server%>:<%= port %>", 200, "mock.example:9080"), ("plain", 200, "plain"), ("a<%%>b", 500, "<%%>"),
    ("<%=nothing%>", 500, "nothing, which is not defined"), ("<%=api.nothing%>", 500, "api.nothing"),
    ("<%= open", 500, "without its %>"), ("<% if (x) { %>", 500, "<%=name%> only"),
  ])
  func templates(text: String, status: Int, expected: String) async throws {
    try await withMock { mock in
      try text.write(toFile: mock.templatesDirectory + "/t", atomically: true, encoding: .utf8)
      mock.addNode(mac: mac, id: "n1")
      for query in ["nodeId=n1", "macs=52:54:00:00:00:01,\(mac.uppercased())"] {
        #expect(try await mock.request("GET", "/api/current/templates/t?\(query)").status == status)
      }
      let answer = try await mock.request("GET", "/api/current/templates/t?nodeId=n1")
      #expect(answer.status == status)
      #expect(answer.text.contains(expected))
    }
  }

  @Test func templatesThatAreNotThere() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      try "x".write(toFile: mock.templatesDirectory + "/t", atomically: true, encoding: .utf8)
      let cases = [
        ("none?nodeId=n1", 404), ("t?nodeId=n9", 404), ("t?macs=\(mac)", 404), ("t", 400), ("library/none", 400),
        ("metadata/none", 400),
      ]
      for (target, status) in cases {
        #expect(try await mock.request("GET", "/api/current/templates/\(target)").status == status, "\(target)")
      }
    }
  }

  @Test func thePageShowsNodesAndEscapesThem() async throws {
    try await withMock { mock in
      #expect(try await mock.request("GET", "/").text.contains("No node has come yet"))
      let report = #"{"tasks":[{"cmd":"<b>","error":{"code":3}}]}"#
      _ = try await mock.request("POST", "/api/current/tasks/n1", body: report)
      let page = try await mock.request("GET", "/")
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      #expect(page.text.contains("1 task, 1 failed"))
      #expect(page.text.contains("&lt;b&gt;: code 3"))
    }
  }

  @Test(arguments: ["/api/current/nothing", "/api/9.9/nodes", "/nothing"])
  func unknownRoutes(target: String) async throws {
    try await withMock { mock in
      let answer = try await mock.request("GET", target)
      #expect(answer.status == 404)
      #expect(try JSON(parsing: answer.body)["message"] == "Not Found")
    }
  }
}
