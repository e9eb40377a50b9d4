import Foundation
import JSONDocument
import MockMonorail
import Testing
import Workflows

/// Definitions and runs over HTTP, with the answers of the stock server.
@Suite struct WorkflowRoutesTests {
  private static let task = """
    { "friendlyName": "mine", "injectableName": "Task.mine", "implementsTask": "Task.Base.Linux.Commands",
      "options": { "commands": ["echo {{ options.word }}"], "word": "x" }, "properties": {}, "x-own": 1 }
    """
  private static let graph = """
    { "friendlyName": "Mine", "injectableName": "Graph.mine", "options": {},
      "tasks": [ { "label": "only", "taskName": "Task.mine" } ] }
    """

  private func answer(
    _ mock: MockMonorail, _ method: String, _ path: String, _ body: String = ""
  ) async throws -> (status: Int, json: JSON?, text: String) {
    let answer = try await mock.request(method, "/api/current/" + path, body: body)
    return (answer.status, try? JSON(parsing: answer.body), answer.text)
  }

  @Test
  func `Task definitions are put, shown and deleted`() async throws {
    try await withMock { mock in
      let put = try await answer(mock, "PUT", "workflows/tasks", Self.task)
      #expect(put.status == 201)
      #expect(put.json?["x-own"] == 1)
      #expect(try await answer(mock, "GET", "workflows/tasks/Task.mine").json?["friendlyName"] == "mine")
      let names = try await answer(mock, "GET", "workflows/tasks").json?.arrayValue?.map { $0["injectableName"] }
      #expect(names?.contains("Task.mine") == true && names?.contains("Task.noop") == true)
      let unknown = try await answer(mock, "GET", "workflows/tasks/Task.none")
      #expect(unknown.status == 200 && unknown.text.isEmpty)
      #expect(try await answer(mock, "DELETE", "workflows/tasks/Task.mine").status == 204)
      #expect(try await answer(mock, "DELETE", "workflows/tasks/Task.mine").status == 400)
      let bad = try await answer(mock, "PUT", "workflows/tasks", #"{"injectableName": "Task.bad"}"#)
      #expect(bad.status == 400)
      #expect(bad.json?["message"]?.stringValue?.contains("is required") == true)
      #expect(try await answer(mock, "PUT", "workflows/tasks", "{").status == 400)
      #expect(try await answer(mock, "PUT", "workflows/tasks", "[]").status == 400)
    }
  }

  @Test
  func `Graph definitions are put, shown and deleted; a wrong one is refused with a sentence`() async throws {
    try await withMock { mock in
      let early = try await answer(mock, "PUT", "workflows/graphs", Self.graph)
      #expect(early.status == 400)
      #expect(
        early.json?["message"]
          == "Could not find task definition with injectableName Task.mine (in Graph.mine, task only)")
      #expect(try await answer(mock, "GET", "workflows/graphs/Graph.mine").json == [])
      _ = try await answer(mock, "PUT", "workflows/tasks", Self.task)
      let put = try await answer(mock, "PUT", "workflows/graphs", Self.graph)
      #expect(put.status == 201 && put.text == "Graph.mine")
      let shown = try await answer(mock, "GET", "workflows/graphs/Graph.mine").json
      #expect(shown?[0]?["tasks"]?[0]?["taskName"] == "/api/2.0/workflows/tasks/Task.mine")
      // What GET shows can be put.
      #expect(try await answer(mock, "PUT", "workflows/graphs", shown?[0]?.text ?? "").status == 201)
      #expect(try await answer(mock, "DELETE", "workflows/graphs/Graph.mine").status == 204)
      #expect(try await answer(mock, "DELETE", "workflows/graphs/Graph.mine").status == 204)
      let extra = Self.graph.replacingOccurrences(of: #""options": {}"#, with: #""options": {}, "x": 1"#)
      #expect(try await answer(mock, "PUT", "workflows/graphs", extra).status == 400)
    }
  }

  @Test
  func `A graph runs on a node: started by its name, seen, and ended by the node's report`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      _ = try await answer(mock, "PUT", "workflows/tasks", Self.task)
      _ = try await answer(mock, "PUT", "workflows/graphs", Self.graph)
      let started = try await answer(
        mock, "POST", "nodes/n1/workflows", #"{"name": "Graph.mine", "options": {"only": {"word": "hello"}}}"#)
      #expect(started.status == 201)
      #expect(started.json?["_status"] == "running")
      let run = try #require(started.json?["instanceId"]?.stringValue)
      let second = try await answer(mock, "POST", "nodes/n1/workflows?name=Graph.mine")
      #expect(second.status == 400)
      #expect(second.json?["message"] == "Unable to run multiple task graphs against a single target.")
      let set = try await answer(mock, "GET", "tasks/n1")
      #expect(set.json?["tasks"] == [["cmd": "echo hello"]])
      #expect(try await answer(mock, "GET", "workflows/\(run)").json?["status"] == "running")
      #expect(try await answer(mock, "DELETE", "workflows/\(run)").status == 400)
      #expect(try await answer(mock, "POST", "tasks/n1", set.text).status == 201)
      #expect(try await answer(mock, "GET", "workflows/\(run)").json?["status"] == "succeeded")
      #expect(try await answer(mock, "GET", "workflows?active=true").json == [])
      let runs = try await answer(mock, "GET", "nodes/n1/workflows?active=false").json?.arrayValue
      #expect(runs?.map { $0["_status"] } == ["succeeded"])
      for (name, count) in [("Graph.mine", 1), ("Graph.other", 0)] {
        let named = try await answer(mock, "GET", "nodes/n1/workflows?injectableName=\(name)").json?.arrayValue
        #expect(named?.count == count)
      }
      #expect(try await answer(mock, "DELETE", "workflows/\(run)").status == 204)
      #expect(try await answer(mock, "GET", "workflows/\(run)").status == 404)
    }
  }

  @Test
  func `A workflow is cancelled by itself, or through its node`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let cancel = #"{"command": "cancel"}"#
      #expect(try await answer(mock, "PUT", "nodes/n1/workflows/action", cancel).status == 404)
      func start() async throws -> String {
        let body = #"{"name": "Graph.noop-example", "options": {"noop-1": {"delay": 100000}}}"#
        return try #require(
          try await answer(mock, "POST", "nodes/n1/workflows", body).json?["instanceId"]?.stringValue)
      }
      let first = try await start()
      let byNode = try await answer(mock, "PUT", "nodes/n1/workflows/action", cancel)
      #expect(byNode.status == 202 && byNode.json?["_status"] == "running")
      #expect(try await answer(mock, "GET", "workflows/\(first)").json?["status"] == "cancelled")
      let again = try await start()
      #expect(try await answer(mock, "PUT", "workflows/\(again)/action", #"{"command": "x"}"#).status == 400)
      let byItself = try await answer(mock, "PUT", "workflows/\(again)/action", cancel)
      #expect(byItself.status == 202 && byItself.text == again)
      let ended = try await answer(mock, "PUT", "workflows/\(again)/action", cancel)
      #expect(ended.status == 400 && ended.json?["message"] == .string("\(again) is not an active workflow"))
    }
  }

  @Test
  func `What cannot be run is refused with 400 and a sentence, and nothing is made`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let cases = [
        ("nodes/n1/workflows", "{}", "Graph name is missing"), ("workflows", "{}", "Graph name is missing"),
        ("workflows", #"{"name": "Graph.none"}"#, "Graph definition not found for Graph.none"),
        ("nodes/n1/workflows", #"{"name": "Graph.none"}"#, "Graph definition not found for Graph.none"),
        ("nodes/n1/workflows", #"{"name": "Graph.ShellCommands", "options": 1}"#, "options (object) is required"),
        (
          "nodes/n1/workflows", #"{"name": "Graph.ShellCommands", "options": {"shell-commands": {"commands": 1}}}"#,
          "JSON schema validation failed"
        ),
      ]
      let nobody = try await answer(mock, "POST", "nodes/nope/workflows", #"{"name": "Graph.noop-example"}"#)
      #expect(nobody.status == 400)
      #expect(nobody.json?["message"] == "Could not find node with identifier nope")
      for (path, body, sentence) in cases {
        let refused = try await answer(mock, "POST", path, body)
        #expect(refused.status == 400)
        #expect(refused.json?["message"]?.stringValue?.contains(sentence) == true, "\(refused.text)")
        #expect(refused.json?["status"] == "400")
      }
      #expect(try await answer(mock, "GET", "workflows").json == [])
    }
  }

  @Test
  func `A task that waits for time goes on by itself`() async throws {
    try await withMock { mock in
      let body = #"{"name": "Graph.noop-example", "options": {"defaults": {"delay": 20}}}"#
      let run = try #require(try await answer(mock, "POST", "workflows", body).json?["instanceId"]?.stringValue)
      let store = mock.state.server.store
      let ended = try await store.wait(on: .any, timeout: .seconds(30)) {
        try store.run(run)?.isActive == false ? true : nil
      }
      #expect(ended == true)
    }
  }

  @Test
  func `A node that appears runs the discovery graph`() async throws {
    try await withMock({ $0.discoveryGraph = "Graph.ShellCommands" }) { mock in
      let store = mock.state.server.store
      let (script, id) = ("tasks/bootstrap.js?macAddress=00:1e:67:00:00:01", "000000000000001e67000001")
      for _ in 1...2 {
        #expect(try await answer(mock, "GET", script).status == 200)
        #expect(try store.runs(of: id).map(\.graph) == ["Graph.ShellCommands"])
      }
      // An identifier can be anything that somebody typed.
      #expect(try await answer(mock, "GET", "tasks/typo").status == 404)
      #expect(try await answer(mock, "POST", "tasks/ghost", "{}").status == 201)
      #expect(try store.runs().count == 1)
      // A node that was added before it asks is known to be there.
      mock.addNode(id: "added")
      _ = try await answer(mock, "GET", "tasks/added")
      #expect(try store.runs(of: "added").map(\.graph) == ["Graph.ShellCommands"])
    }
    try await withMock({ $0.discoveryGraph = "Graph.none" }) { mock in
      mock.addNode(id: "n1")
      let nothing = try await answer(mock, "GET", "tasks/n1")
      #expect(nothing.status == 404)
      #expect(mock.state.nodes.map(\.id) == ["n1"])
    }
  }

  @Test
  func `A refusal names the task and the option`() async throws {
    try await withMock { mock in
      let graph = """
        {"friendlyName": "z", "injectableName": "z.e", "tasks": [{"label": "bad", "taskDefinition": {
          "friendlyName": "b", "injectableName": "Task.b", "implementsTask": "Task.Base.noop", "properties": {},
          "options": {"x": "{{ options.missing }}"}}}]}
        """
      #expect(try await answer(mock, "PUT", "workflows/graphs", graph).status == 201)
      let refused = try await answer(mock, "POST", "workflows", #"{"name": "z.e"}"#)
      #expect(refused.json?["message"] == "Value does not exist for options.missing (in z.e, task bad, option x)")
    }
  }

  @Test
  func `A definition that is too large, or whose name cannot be shown, is refused with a sentence`() async throws {
    try await withMock { mock in
      let list = "[" + Array(repeating: "{}", count: 30_000).joined(separator: ",") + "]"
      let large = try await answer(mock, "PUT", "workflows/graphs", #"{"tasks": \#(list)}"#)
      #expect(large.status == 400)
      #expect(large.json?["message"]?.stringValue?.contains("this is too large: more than 20000 values") == true)
      let control = "control character"
      for (name, sentence) in [("", "injectableName is empty"), (#"a\nb"#, control), (#"a\u0000"#, control)] {
        let task = Self.task.replacingOccurrences(of: "Task.mine", with: name)
        let graph = Self.graph.replacingOccurrences(of: "Graph.mine", with: name)
        for (path, body) in [("workflows/tasks", task), ("workflows/graphs", graph)] {
          let refused = try await answer(mock, "PUT", path, body)
          #expect(refused.status == 400)
          #expect(refused.text.contains(sentence), "\(refused.text)")
        }
      }
    }
  }

  @Test
  func `A graph whose job this server does not have is stored, and refused when it is started`() async throws {
    try await withMock { mock in
      for base in ["Os.Install", "Catalog.GenerateEnclosure"] {
        let task = Self.task.replacingOccurrences(of: "Linux.Commands", with: base)
          .replacingOccurrences(of: "{{ options.word }}", with: "")
        #expect(try await answer(mock, "PUT", "workflows/tasks", task).status == 201)
        #expect(try await answer(mock, "PUT", "workflows/graphs", Self.graph).status == 201)
        let refused = try await answer(mock, "POST", "workflows", #"{"name": "Graph.mine"}"#)
        #expect(refused.status == 400)
        #expect(refused.text.contains("runs the job Job.\(base), which this server does not have"), "\(refused.text)")
      }
      let misspelt = Self.task.replacingOccurrences(of: "Linux.Commands", with: "Linux.Comands")
      _ = try await answer(mock, "PUT", "workflows/tasks", misspelt)
      #expect(try await answer(mock, "PUT", "workflows/graphs", Self.graph).status == 400)
    }
  }

  @Test
  func `A task tells which output could not be parsed, and succeeds`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let graph = """
        {"friendlyName": "c", "injectableName": "Graph.c", "tasks": [
          {"label": "boot", "taskName": "Task.Linux.Bootstrap.Ubuntu"},
          {"label": "c", "waitOn": {"boot": "succeeded"}, "taskDefinition": {"friendlyName": "c", "injectableName": "Task.c",
            "implementsTask": "Task.Base.Linux.Catalog", "properties": {},
            "options": {"commands": ["sudo lshw -json", "sudo unknown"]}}}]}
        """
      #expect(try await answer(mock, "PUT", "workflows/graphs", graph).text == "Graph.c")
      let started = try await answer(mock, "POST", "nodes/n1/workflows", #"{"name": "Graph.c"}"#)
      let run = try #require(started.json?["instanceId"]?.stringValue)
      _ = try await answer(mock, "POST", "tasks/n1", answer(mock, "GET", "tasks/n1").text)
      var set = try #require(try await answer(mock, "GET", "tasks/n1").json?.objectValue)
      set["tasks"] = [["cmd": "sudo lshw -json", "stdout": "{"], ["cmd": "sudo unknown", "stdout": ""]]
      #expect(try await answer(mock, "POST", "tasks/n1", JSON.object(set).text).status == 201)
      let task = try await answer(mock, "GET", "workflows/\(run)").json?["tasks"]?.arrayValue?.last
      #expect(task?["state"] == "succeeded" && task?["error"] == nil)
      let remark = try #require(task?["remark"]?.stringValue)
      #expect(remark.hasPrefix("lshw: ") && remark.hasSuffix("sudo unknown: no parser is known for this command"))
    }
  }

  @Test
  func `A report that was refused is not followed by the same commands`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      _ = try await answer(mock, "PUT", "workflows/tasks", Self.task)
      _ = try await answer(mock, "PUT", "workflows/graphs", Self.graph)
      let started = try await answer(mock, "POST", "nodes/n1/workflows", #"{"name": "Graph.mine"}"#)
      let run = try #require(started.json?["instanceId"]?.stringValue)
      let first = try await answer(mock, "GET", "tasks/n1")
      // Nothing shows that the node got it.
      #expect(try await answer(mock, "GET", "tasks/n1").text == first.text)
      #expect(try await answer(mock, "POST", "tasks/n1", "{").status == 400)
      #expect(try await answer(mock, "GET", "tasks/n1").status == 404)
      let ended = try await answer(mock, "GET", "workflows/\(run)")
      #expect(ended.json?["status"] == "failed")
      #expect(ended.json?["tasks"]?[0]?["error"]?.stringValue?.contains("not given again") == true)
    }
  }

  @Test
  func `A report that a fault refuses counts as refused, too`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      _ = try await answer(mock, "PUT", "workflows/tasks", Self.task)
      _ = try await answer(mock, "PUT", "workflows/graphs", Self.graph)
      _ = try await answer(mock, "POST", "nodes/n1/workflows", #"{"name": "Graph.mine"}"#)
      let set = try await answer(mock, "GET", "tasks/n1")
      mock.inject(.status(403), "POST", "/api/*/tasks/*", times: 1)
      #expect(try await answer(mock, "POST", "tasks/n1", set.text).status == 403)
      #expect(try await answer(mock, "GET", "tasks/n1").status == 404)
    }
  }
  @Test
  func `The server acts on the node's power for a graph, through its OBM service`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      let body = #"{"name": "Graph.Reboot.Node"}"#
      let store = mock.state.server.store
      func end() async throws -> GraphStatus? {
        let started = try await answer(mock, "POST", "nodes/n1/workflows", body)
        let run = try #require(started.json?["instanceId"]?.stringValue)
        return try await store.wait(on: .any, timeout: .seconds(30)) {
          try store.run(run).flatMap { $0.isActive ? nil : $0.status }
        }
      }
      let without = try await end()
      #expect(without == .failed)
      let settings = #"{"nodeId": "n1", "service": "noop-obm-service", "config": {}}"#
      #expect(try await answer(mock, "PUT", "nodes/n1/obm", settings).status == 201)
      #expect(try await end() == .succeeded)
    }
  }

  @Test
  func `A task waits for a request of its node, or for a notification`() async throws {
    let tasks = """
      [ { "label": "request", "taskDefinition": { "friendlyName": "w", "injectableName": "Task.w", "properties": {},
            "implementsTask": "Task.Base.Wait.Completion.Uri", "options": { "completionUri": "templates/done" } } },
        { "label": "told", "waitOn": { "request": "succeeded" },
          "taskDefinition": { "friendlyName": "n", "injectableName": "Task.n", "properties": {},
            "implementsTask": "Task.Base.Wait.Notification", "options": {} } } ]
      """
    try await withMock { mock in
      _ = try await answer(mock, "GET", "tasks/n1")
      let graph = #"{"friendlyName": "w", "injectableName": "Graph.w", "options": {}, "tasks": \#(tasks)}"#
      #expect(try await answer(mock, "PUT", "workflows/graphs", graph).status == 201)
      let started = try await answer(mock, "POST", "nodes/n1/workflows", #"{"name": "Graph.w"}"#)
      let run = try #require(started.json?["instanceId"]?.stringValue)
      func states() async throws -> [JSON?]? {
        try await answer(mock, "GET", "workflows/\(run)").json?["tasks"]?.arrayValue?.map { $0["state"] }
      }
      #expect(try await answer(mock, "GET", "templates/done.sh?nodeId=n1").status == 404)
      #expect(try await states() == ["pending", "pending"])
      #expect(try await answer(mock, "PUT", "templates/library/done.sh", "x").status == 201)
      #expect(try await answer(mock, "GET", "templates/done.sh?nodeId=n1").status == 200)
      #expect(try await states() == ["succeeded", "pending"])
      #expect(try await answer(mock, "POST", "notification").status == 400)
      #expect(try await answer(mock, "POST", "notification?nodeId=n1", "{}").status == 201)
      #expect(try await states() == ["succeeded", "succeeded"])
    }
  }

  @Test
  func `Nodes are added, changed and deleted, and keep unknown fields`() async throws {
    try await withMock { mock in
      let node = #"{"name": "one", "type": "compute", "identifiers": ["00:1E:67:00:00:01", "other"], "x": {"y": 1}}"#
      let added = try await answer(mock, "POST", "nodes", node)
      #expect(added.status == 201)
      let id = try #require(added.json?["id"]?.stringValue)
      #expect(added.json?["identifiers"] == ["00:1e:67:00:00:01", "other"])
      #expect(added.json?["x"] == ["y": 1])
      #expect(try await answer(mock, "POST", "nodes", node).status == 409)
      #expect(try await answer(mock, "POST", "nodes", #"{"name": "two"}"#).status == 400)
      let changed = try await answer(mock, "PATCH", "nodes/\(id)", #"{"name": "uno"}"#)
      #expect(changed.json?["name"] == "uno" && changed.json?["x"] == ["y": 1])
      let found = try await answer(mock, "GET", "lookups?q=00:1e:67:00:00:01")
      #expect(found.json?[0]?["node"] == .string(id))
      let started = try await answer(
        mock, "POST", "nodes/\(id)/workflows",
        #"{"name": "Graph.noop-example", "options": {"noop-1": {"delay": 9999}}}"#)
      let run = try #require(started.json?["instanceId"]?.stringValue)
      #expect(try await answer(mock, "DELETE", "nodes/\(id)").status == 400)
      _ = try await answer(mock, "PUT", "workflows/\(run)/action", #"{"command": "cancel"}"#)
      #expect(try await answer(mock, "DELETE", "nodes/\(id)").status == 204)
      #expect(try await answer(mock, "GET", "nodes/\(id)").status == 404)
    }
  }
}
