import Hummingbird
import Mustache

/// The page at `/`: nodes, how often they booted, what they logged, and how their last report went.
struct StatusPage: Sendable {
  private struct Row {
    let id: String
    let address: String
    let queued: Int
    let reports: Int
    let boots: Int
    let lines: Int
    let last: String
    let failures: [String]
  }

  private let template: MustacheTemplate
  private let state: ServerState

  init(_ state: ServerState) throws {
    self.state = state
    template = try MustacheTemplate(string: Self.text)
  }

  var response: Response {
    let rows = state.nodes.map { node in
      let last = try? state.store.lastReport(of: node.id)
      return Row(
        id: node.id, address: node.macAddress?.description ?? "", queued: node.queued, reports: node.reports,
        boots: node.boots, lines: state.syslog(from: node.id).count,
        last: last.map { "\(ReadableText.tasks($0.taskCount)), \($0.failures.count) failed" } ?? "",
        failures: last?.failures ?? [])
    }
    return .text(template.render(["rows": rows]), type: "text/html; charset=utf-8")
  }

  private static let text = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <title>monorail-mock</title>
    <style>
      body { font: 16px/1.5 sans-serif; margin: 2em }
      td, th { text-align: left; vertical-align: top; padding: .3em 1.5em .3em 0 }
      .failed { color: #a00 }
    </style>
    <h1>Nodes</h1>
    {{^rows}}<p>No node has come yet.</p>{{/rows}}
    <table>
    <tr><th>node<th>address<th>boots<th>syslog<th>waiting<th>reports<th>last report
    {{#rows}}
    <tr><td><a href="/api/current/nodes/{{id}}">{{id}}</a><td>{{address}}<td>{{boots}}
      <td><a href="/mock/nodes/{{id}}/syslog">{{lines}}</a><td>{{queued}}
      <td><a href="/api/current/nodes/{{id}}/catalogs">{{reports}}</a>
      <td>{{last}}{{#failures}}<div class="failed">{{.}}</div>{{/failures}}
    {{/rows}}
    </table>
    </html>

    """
}
