import Foundation
import JSONDocument
import MockMonorail
import Testing

/// SKUs and tags over HTTP.
@Suite struct RuleSetRoutesTests {
  private func answer(
    _ mock: MockMonorail, _ method: String, _ path: String, _ body: String = ""
  ) async throws -> (status: Int, json: JSON?) {
    let answer = try await mock.request(method, "/api/current/" + path, body: body)
    return (answer.status, try? JSON(parsing: answer.body))
  }

  /// A node with a catalog `facts`.
  private func addNode(_ id: String, vendor: String, to mock: MockMonorail) async throws {
    mock.addNode(id: id)
    let facts: JSON = ["vendor": .string(vendor)]
    let report: JSON = [
      "tasks": [["cmd": "facts", "catalog": true, "source": "facts", "format": "json", "stdout": .string(facts.text)]]
    ]
    #expect(try await mock.request("POST", "/api/current/tasks/\(id)", body: report.text).status == 201)
  }

  @Test
  func `A SKU finds its nodes by their catalogs, at each change`() async throws {
    try await withMock { mock in
      try await addNode("n1", vendor: "ACME", to: mock)
      try await addNode("n2", vendor: "Other", to: mock)
      let sku = #"{"name": "acme", "rules": [{"path": "facts.vendor", "equals": "ACME"}], "x": 1}"#
      let posted = try await answer(mock, "POST", "skus", sku)
      #expect(posted.status == 201 && posted.json?["x"] == 1)
      let id = try #require(posted.json?["id"]?.stringValue)
      #expect(try await answer(mock, "GET", "skus/\(id)/nodes").json?.arrayValue?.map { $0["id"] } == ["n1"])
      #expect(try await answer(mock, "GET", "nodes/n1").json?["sku"] == .string("/api/2.0/skus/\(id)"))
      #expect(try await answer(mock, "GET", "nodes/n2").json?["sku"] == .null)
      #expect(try await answer(mock, "POST", "skus", sku).status == 409)
      let other = #"{"rules": [{"path": "facts.vendor", "equals": "Other"}]}"#
      #expect(try await answer(mock, "PATCH", "skus/\(id)", other).status == 200)
      #expect(try await answer(mock, "GET", "skus/\(id)/nodes").json?.arrayValue?.map { $0["id"] } == ["n2"])
      #expect(try await answer(mock, "DELETE", "skus/\(id)").status == 204)
      #expect(try await answer(mock, "DELETE", "skus/\(id)").status == 404)
      #expect(try await answer(mock, "GET", "nodes/n2").json?["sku"] == .null)
      let bad = #"{"name": "bad", "rules": [{"path": "facts.vendor", "equal": 1}]}"#
      #expect(try await answer(mock, "POST", "skus", bad).status == 400)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `A regular expression that others take exponential time for holds nothing up`() async throws {
    try await withMock { mock in
      try await addNode("n1", vendor: String(repeating: "a", count: 40), to: mock)
      let rules = #""rules": [{"path": "facts.vendor", "regex": "^(a+)+$b"}]"#
      #expect(try await answer(mock, "POST", "tags", #"{"name": "re", \#(rules)}"#).status == 201)
      #expect(try await answer(mock, "POST", "skus", #"{"name": "re", \#(rules)}"#).status == 201)
      #expect(try await answer(mock, "GET", "nodes/n1/tags").json == [])
      try await addNode("n2", vendor: "x", to: mock)
    }
  }

  @Test
  func `A tag is given to the nodes that match, and taken away by hand`() async throws {
    try await withMock { mock in
      try await addNode("n1", vendor: "ACME", to: mock)
      try await addNode("n2", vendor: "Other", to: mock)
      let tag = #"{"name": "big", "rules": [{"path": "facts.vendor", "equals": "ACME"}]}"#
      #expect(try await answer(mock, "POST", "tags", tag).status == 201)
      #expect(try await answer(mock, "POST", "tags", tag).status == 409)
      #expect(try await answer(mock, "GET", "nodes/n1/tags").json == ["big"])
      #expect(try await answer(mock, "GET", "nodes/n2/tags").json == [])
      #expect(try await answer(mock, "PATCH", "nodes/n2/tags", #"{"tags": ["big", "mine"]}"#).status == 200)
      let tagged = try await answer(mock, "GET", "tags/big/nodes").json
      #expect(tagged?.arrayValue?.map { $0["id"] } == ["n1", "n2"])
      #expect(tagged?[1]?["tags"] == ["big", "mine"])
      let run = #"{"name": "Graph.noop-example", "options": {"noop-1": {"delay": 60000}}}"#
      let started = try await answer(mock, "POST", "tags/big/nodes/workflows", run)
      #expect(started.status == 202)
      #expect(started.json?.arrayValue?.map { $0["node"] } == ["n1", "n2"])
      let refused = try await answer(mock, "POST", "tags/big/nodes/workflows", run)
      #expect(refused.status == 400)
      #expect(refused.json?["message"]?.stringValue?.contains("node n1; no run has started") == true)
      #expect(try await answer(mock, "DELETE", "nodes/n2/tags/mine").status == 204)
      #expect(try await answer(mock, "GET", "nodes/n2/tags").json == ["big"])
      #expect(try await answer(mock, "DELETE", "nodes/tags/big").status == 204)
      #expect(try await answer(mock, "GET", "tags/big/nodes").json == [])
      #expect(try await answer(mock, "DELETE", "tags/big").status == 204)
      #expect(try await answer(mock, "DELETE", "tags/big").status == 404)
    }
  }
}
