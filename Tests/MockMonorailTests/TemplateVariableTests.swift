import Foundation
import JSONDocument
import MockMonorail
import Testing

/// What templates can name: those of a graph's options, and those that a node fetches.
@Suite struct TemplateVariableTests {
  private static let api = "/api/current/"
  private static let graph = """
    {"friendlyName": "Variables", "injectableName": "Graph.variables", "options": {},
     "tasks": [{"label": "only", "taskDefinition": {
       "friendlyName": "Variables", "injectableName": "Task.variables", "implementsTask": "Task.Base.Linux.Commands",
       "options": {"commands": ["x"], "word": "w", "port": "mine", "nodeId": "mine", "file": "mine",
                   "netmask": "255.0.0.0", "defaults": {"low": "l", "server": "mine"}},
       "properties": {}}}]}
    """

  private func rendered(_ mock: MockMonorail, _ text: String) async throws -> Answer {
    try text.write(toFile: mock.templatesDirectory + "/t", atomically: true, encoding: .utf8)
    return try await mock.request("GET", Self.api + "templates/t?nodeId=n1")
  }

  @Test func `A running task's template has the names of the stock server, which go before options`() async throws {
    try await withMock { mock in
      mock.addNode(mac: "52:54:00:12:34:56", id: "n1")
      let put = try await mock.request("PUT", Self.api + "workflows/graphs", body: Self.graph)
      try #require(put.status == 201, "\(put.text)")
      let started = try await mock.request(
        "POST", Self.api + "nodes/n1/workflows", body: #"{"name": "Graph.variables", "context": {"q": "shared"}}"#)
      let tasks = try JSON(parsing: started.body)["tasks"]?.objectValue?.members
      let task = try #require(tasks?.first?.key)
      _ = try await mock.request("GET", Self.api + "tasks/n1")
      let cases = [
        ("word", "w"), ("low", "l"), ("netmask", "255.0.0.0"), ("server", "mock.example"), ("port", "9080"),
        ("nodeId", "n1"), ("identifier", "n1"), ("macaddress", "52:54:00:12:34:56"), ("ipaddress", "127.0.0.1"),
        ("file.server", "http://mock.example:9080"), ("api.base", "http://mock.example:9080/api/current"),
        ("context.q", "shared"), ("context.target", "n1"), ("context.graphName", "Graph.variables"), ("env", "{}"),
        ("taskId", task),
      ]
      for (name, value) in cases {
        let answer = try await rendered(mock, "<%=\(name)%>")
        #expect(answer.status == 200 && answer.text == value, "\(name): \(answer.text)")
      }
      for name in ["gateway", "sku", "context.none"] {
        #expect(try await rendered(mock, "<%=\(name)%>").status == 500, "\(name)")
      }
    }
  }

  @Test func `Options of a task set go before all other names`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let options = try JSON(parsing: #"{"file": "bios.bin", "port": 1, "defaults": {"env": "lab"}}"#).objectValue
      try mock.push(taskSetText: #"{"tasks":[]}"#, to: "n1", options: try #require(options))
      _ = try await mock.request("GET", Self.api + "tasks/n1")
      let answer = try await rendered(mock, "<%=file%> <%=port%> <%=env%> <%=nodeId%> <%=ipaddress%>")
      #expect(answer.text == "bios.bin 1 lab n1 127.0.0.1")
    }
  }

  @Test func `With HTTPS, options name the server with https`() async throws {
    try await withHTTPSMock { https in
      https.mock.addNode(id: "n1")
      let body = """
        {"name": "Graph.ShellCommands",
         "options": {"shell-commands": {"commands": ["{{ file.server }} {{ api.files }}"]}}}
        """
      let started = await https.request(Self.api + "nodes/n1/workflows", body: body)
      let server = "https://127.0.0.1:\(https.mock.port)"
      let tasks = try JSON(parsing: Array(started.output.utf8))["tasks"]?.objectValue?.members ?? []
      let task = try #require(tasks.first { $0.value["label"] == "shell-commands" }, "\(started)")
      #expect(task.value["options"]?["commands"] == [.string("\(server) \(server)/api/current/files")])
    }
  }
}
