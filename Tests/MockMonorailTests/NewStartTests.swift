import JSONDocument
import MockMonorail
import Testing

/// A node that got a task set, and has started anew since: its commands may have run.
@Suite struct NewStartTests {
  private static let graph = """
    {"injectableName": "Graph.once", "friendlyName": "Once", "tasks": [{"label": "once", "taskDefinition": {
      "injectableName": "Task.once", "friendlyName": "Once", "implementsTask": "Task.Base.Linux.Commands",
      "options": {"commands": ["flash"]}, "properties": {}}}]}
    """

  @Test(arguments: ["profiles?macs=00:1e:67:00:00:01", "tasks/bootstrap.js?macAddress=00:1e:67:00:00:01"])
  func `A node without its journal does not get the commands of a graph a second time`(start: String) async throws {
    try await withMock { mock in
      func get(_ path: String) async throws -> (status: Int, body: JSON?) {
        let answer = try await mock.request("GET", "/api/current/" + path)
        return (answer.status, try? JSON(parsing: answer.body))
      }
      mock.addNode(mac: "00:1e:67:00:00:01", id: "n1")
      #expect(try await mock.request("PUT", "/api/current/workflows/graphs", body: Self.graph).status == 201)
      let started = try await mock.request("POST", "/api/current/nodes/n1/workflows", body: #"{"name": "Graph.once"}"#)
      #expect(started.status == 201)
      let set = try await get("tasks/n1")
      #expect(set.body?["tasks"]?[0]?["cmd"] == "flash")
      // The answer may have been lost: nothing says that the node has it.
      #expect(try await get("tasks/n1").body == set.body)
      _ = try await get(start)
      #expect(try await get("tasks/n1").status == 404)
      let run = try #require(try await get("nodes/n1/workflows").body?[0])
      #expect(run["_status"] == "failed")
    }
  }

  @Test
  func `A node that boots without a catalog and without work is discovered again`() async throws {
    try await withMock({ $0.discoveryGraph = "Graph.once" }) { mock in
      #expect(try await mock.request("PUT", "/api/current/workflows/graphs", body: Self.graph).status == 201)
      let (store, id) = (mock.state.server.store, "000000000000001e67000001")
      func boot() async throws { _ = try await mock.request("GET", "/api/2.0/profiles?macs=00:1e:67:00:00:01") }
      try await boot()
      try await boot()
      #expect(try store.runs(of: id).map(\.isActive) == [true])
      #expect(
        try await mock.request("PUT", "/api/2.0/nodes/\(id)/workflows/action", body: #"{"command": "cancel"}"#).status
          == 202)
      // An agent that looks itself up is no boot.
      _ = try await mock.request("GET", "/api/2.0/tasks/bootstrap.js?macAddress=00:1e:67:00:00:01")
      #expect(try store.runs(of: id).count == 1)
      try await boot()
      #expect(try store.runs(of: id).count == 2)
    }
  }
}
