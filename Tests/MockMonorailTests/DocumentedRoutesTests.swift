import Foundation
import JSONDocument
import MockMonorail
import Testing

/// The table of routes in docs/mock.md.
@Suite struct DocumentedRoutesTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let paths: [String]
    let methods: [String]
    var testDescription: String { paths.joined(separator: ", ") }
  }

  static let rows: [Row] = {
    let page = (try? String(contentsOfFile: Repository.path("docs/mock.md"), encoding: .utf8)) ?? ""
    let section = page.components(separatedBy: "\n## Routes\n").last?.components(separatedBy: "\n## ").first ?? ""
    return section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      return Row(
        paths: cells[0].matches(of: /`([^`]+)`/).map { String($0.1) },
        methods: cells[1].components(separatedBy: ", "))
    }
  }()

  @Test func `the table is there`() { #expect(Self.rows.count > 15) }

  /// What no route has is answered with nothing but "Not Found".
  @Test(arguments: rows) func `each path has a route, and so has each method`(row: Row) async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      var served: [(path: String, method: String)] = []
      for path in row.paths {
        let target = path.replacing("nodes/<id>", with: "nodes/n1").replacing(/<[a-z]+>/, with: "x")
        for method in row.methods {
          let answer = try await mock.request(method, "/api/current/" + target, body: method == "GET" ? nil : "{}")
          let message = (try? JSON(parsing: answer.body))?["message"]
          if message != "Not Found" { served.append((path, method)) }
        }
      }
      for path in row.paths { #expect(served.contains { $0.path == path }, "\(path)") }
      for method in row.methods { #expect(served.contains { $0.method == method }, "\(method)") }
    }
  }
}
