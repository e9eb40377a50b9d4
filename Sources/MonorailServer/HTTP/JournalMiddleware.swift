import Foundation
import HTTPTypes
import Hummingbird
import MonorailProtocol
import MonorailStore
import Workflows

/// Writes every request into the journal, and tells of it when it is answered.
struct JournalMiddleware: RouterMiddleware {
  let journal: RequestJournal
  let state: ServerState
  let tell: @Sendable (ServerEvent) -> Void

  func handle(
    _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    let target = (request.head.path ?? "/").split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let (path, query) = (String(target[0]), target.count > 1 ? String(target[1]) : nil)
    var headers: [String: String] = [:]
    for field in request.headers {
      let name = field.name.canonicalName
      headers[name] = headers[name].map { "\($0), \(field.value)" } ?? field.value
    }
    if let host = request.head.authority { headers["host"] = host }
    let (node, connection) = (nodeID(path, request), context.connection)
    let entry = journal.begin(nodeID: node) { [headers] number, overlaps in
      RecordedRequest(
        number: number, method: request.method.rawValue, path: path, query: query, headers: headers, time: .now,
        connection: connection?.number ?? 0, remotePort: connection?.remotePort, nodeID: node,
        overlapsAnother: overlaps)
    }
    var context = context
    context.entry = RequestJournal.Entry(journal: journal, number: entry.number)
    do {
      let response = try await next(request, context)
      if let node, request.method == .post, isReport(path), (400..<500).contains(response.status.code) {
        try await state.noteReportRefused(of: node)
      }
      try await tellRuns(of: context.channel.remoteAddress?.ipAddress, request, response.status.code)
      tell(.request(journal.end(entry, status: response.status.code)))
      return response
    } catch {
      tell(.request(journal.end(entry, status: nil)))
      throw error
    }
  }

  /// Tells tasks that wait for a request of their node: it is known by its address.
  private func tellRuns(of address: String?, _ request: Request, _ status: Int) async throws {
    for id in state.store.listeningNodes where state.store.node(id)?.ipAddress == address {
      let url = request.head.path ?? "/"
      try await state.store.perform(.tellRuns(of: id, .requestAnswered(url: url, status: status)))
    }
  }

  /// Whether a node that gets 4xx drops its task set. (The agent sends the report again after 408, 413 and 429; for it the
  /// set is not lost before it asks for work.)
  private func isReport(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    return parts.count == 4 && parts[0] == "api" && parts[2] == "tasks"
  }

  private func nodeID(_ path: String, _ request: Request) -> String? {
    if let text = request.uri.queryParameters.get("macAddress") {
      return MACAddress(text).flatMap { state.node(withAddress: $0)?.id }
    }
    if path.hasSuffix("/profiles") {
      return ProfileQuery(request).interfaces.lazy.compactMap { state.node(withAddress: $0.address)?.id }.first
    }
    let parts = path.split(separator: "/")
    guard parts.count >= 4, parts[0] == "api", parts[2] == "tasks" || parts[2] == "nodes" else { return nil }
    return parts[3].removingPercentEncoding
  }
}
