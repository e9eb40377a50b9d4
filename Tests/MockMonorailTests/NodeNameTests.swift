import Foundation
import JSONDocument
import MockMonorail
import Testing

/// How nodes are named, listed and added over HTTP, and lookups that people change.
@Suite struct NodeNameTests {
  private func answer(
    _ mock: MockMonorail, _ method: String, _ path: String, _ body: String = ""
  ) async throws -> (status: Int, json: JSON?, headers: [String: String]) {
    let answer = try await mock.request(method, "/api/current/" + path, body: body)
    return (answer.status, try? JSON(parsing: answer.body), answer.headers)
  }

  @Test(arguments: ["00:1e:67:00:00:01", "00-1E-67-00-00-01", "10.1.1.20", "serial-7", "SERIAL-7"])
  func `a node's workflows and catalogs are found by its addresses and identifiers`(name: String) async throws {
    try await withMock { mock in
      let node = #"{"name": "one", "type": "compute", "identifiers": ["00:1e:67:00:00:01", "serial-7", "shared"]}"#
      let id = try #require(try await answer(mock, "POST", "nodes", node).json?["id"]?.stringValue)
      let other = #"{"name": "two", "type": "compute", "identifiers": ["00:1e:67:00:00:02", "shared"]}"#
      #expect(try await answer(mock, "POST", "nodes", other).status == 201)
      let lookup = #"{"macAddress": "00:1e:67:00:00:11", "ipAddress": "10.1.1.20", "node": "\#(id)"}"#
      #expect(try await answer(mock, "POST", "lookups", lookup).status == 201)
      let started = try await answer(mock, "POST", "nodes/\(name)/workflows", #"{"name": "Graph.noop-example"}"#)
      #expect(started.status == 201 && started.json?["node"] == .string(id))
      #expect(try await answer(mock, "GET", "nodes/\(name)/workflows").json?.arrayValue?.count == 1)
      #expect(try await answer(mock, "GET", "nodes/\(name)/catalogs").status == 200)
      // These take the identifier alone.
      for path in ["", "/obm", "/tags"] { #expect(try await answer(mock, "GET", "nodes/\(name)\(path)").status == 404) }
      // Several nodes have it, so none of them is meant.
      #expect(try await answer(mock, "GET", "nodes/shared/catalogs").status == 404)
    }
  }

  @Test func `the list of nodes is filtered, paged and sorted`() async throws {
    try await withMock { mock in
      for name in ["b", "c", "a"] {
        let node = #"{"name": "\#(name)", "type": "\#(name == "c" ? "switch" : "compute")"}"#
        #expect(try await answer(mock, "POST", "nodes", node).status == 201)
      }
      func names(_ query: String) async throws -> [String] {
        let list = try await answer(mock, "GET", "nodes?" + query).json?.arrayValue ?? []
        return list.compactMap { $0["name"]?.stringValue }
      }
      #expect(try await names("name=c") == ["c"])
      #expect(try await names("name=z") == [])
      #expect(try await names("type=compute") == ["b", "a"])
      #expect(try await names("sort=name") == ["a", "b", "c"])
      #expect(try await names("sort=-name") == ["c", "b", "a"])
      #expect(try await names("$skip=1&$top=1") == ["c"])
      #expect(try await names("%24skip=2") == ["a"])
      // A page is sorted within itself.
      #expect(try await names("$top=2&sort=-name") == ["c", "b"])
      let link = try #require(try await answer(mock, "GET", "nodes?$skip=1&$top=1").headers["link"])
      for (place, skip) in [("first", 0), ("last", 2), ("prev", 0), ("next", 2)] {
        #expect(link.contains("</api/current/nodes?$skip=\(skip)&$top=1>; rel=\"\(place)\""), "\(link)")
      }
      for query in ["$top=x", "$top=0", "$skip=-1"] {
        #expect(try await answer(mock, "GET", "nodes?" + query).status == 400)
      }
    }
  }

  @Test func `a posted node keeps its OBM settings, and a wrong one leaves no node`() async throws {
    try await withMock { mock in
      let wrong = #"{"name": "n", "type": "compute", "obms": [{"service": "ipmi-obm-service", "config": {}}]}"#
      let refused = try await answer(mock, "POST", "nodes", wrong)
      #expect(refused.status == 400)
      #expect(refused.json?["message"]?.stringValue?.contains("config.host must be a text") == true)
      #expect(try await answer(mock, "GET", "nodes").json == [])
      let node = #"{"name": "n", "type": "compute", "obms": [{"service": "noop-obm-service", "config": {}}]}"#
      let added = try await answer(mock, "POST", "nodes", node)
      #expect(added.status == 201)
      #expect(added.json?["obms"]?[0]?["service"] == "noop-obm-service")
      #expect(try await answer(mock, "GET", "obms").json?.arrayValue?.count == 1)
      #expect(added.json?["autoDiscover"] == false && added.json?["ibms"] == [] && added.json?["relations"] == [])
      let id = try #require(added.json?["id"]?.stringValue)
      let shown = try await answer(mock, "GET", "nodes/\(id)").json
      #expect(shown?["pollers"] == .string("/api/2.0/nodes/\(id)/pollers"))
    }
  }

  @Test func `lookups are added, changed and deleted`() async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      mock.addNode(id: "n2")
      let added = try await answer(
        mock, "POST", "lookups", #"{"macAddress": "00:1E:67:00:00:01", "ipAddress": "10.1.1.20"}"#)
      #expect(added.status == 201)
      #expect(added.json?["macAddress"] == "00:1e:67:00:00:01" && added.json?["node"] == .null)
      let id = try #require(added.json?["id"]?.stringValue)
      #expect(try await answer(mock, "GET", "lookups/\(id)").json == added.json)
      for node in ["n1", "n2"] {
        let changed = try await answer(mock, "PATCH", "lookups/\(id)", #"{"node": "\#(node)"}"#)
        #expect(changed.status == 200 && changed.json?["ipAddress"] == "10.1.1.20")
        #expect(changed.json?["node"] == .string(node))
        #expect(try await answer(mock, "GET", "nodes/\(node)").json?["identifiers"] == ["00:1e:67:00:00:01"])
      }
      #expect(try await answer(mock, "GET", "nodes/n1").json?["identifiers"] == [])
      let wrong = [
        "{}", #"{"macAddress": "x"}"#, #"{"macAddress": "00:1e:67:00:00:01"}"#,
        #"{"macAddress": "00:1e:67:00:00:02", "ipAddress": 1}"#, "[",
      ]
      for body in wrong { #expect(try await answer(mock, "POST", "lookups", body).status == 400, "\(body)") }
      #expect(try await answer(mock, "PATCH", "lookups/\(id)", #"{"node": "none"}"#).status == 404)
      #expect(try await answer(mock, "GET", "lookups").json?.arrayValue?.count == 1)
      #expect(try await answer(mock, "DELETE", "lookups/\(id)").status == 204)
      #expect(try await answer(mock, "DELETE", "lookups/\(id)").status == 404)
      #expect(try await answer(mock, "GET", "lookups").json == [])
      #expect(try await answer(mock, "GET", "nodes/n2").json?["identifiers"] == [])
    }
  }

  @Test func `templates of the program are shown, and an uploaded one can be deleted`() async throws {
    try await withMock { mock in
      let path = "/api/current/templates/library/get_smart.sh"
      let own = try await mock.request("GET", path)
      #expect(own.status == 200 && own.text.hasPrefix("#!/bin/bash"))
      let names = try await answer(mock, "GET", "templates/metadata").json?.arrayValue?.map { $0["name"] }
      #expect(names == ["get_driveid.js", "get_smart.sh"])
      #expect(try await mock.request("DELETE", path).status == 400)
      #expect(try await mock.request("PUT", path, body: "mine").status == 201)
      #expect(try await mock.request("GET", path).text == "mine")
      let metadata = try await answer(mock, "GET", "templates/metadata/get_smart.sh").json
      #expect(metadata?[0]?["hash"] == "kYuB216R0DFUi5Y8k4ReWw==")
      #expect(try await mock.request("DELETE", path).status == 200)
      #expect(try await mock.request("GET", path).text == own.text)
    }
  }
}
