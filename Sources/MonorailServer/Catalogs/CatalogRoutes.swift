import Hummingbird
import JSONDocument
import MonorailStore
import NIOPosix

/// Catalogs, of a node and of all.
struct CatalogRoutes: Sendable {
  let state: ServerState

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes/:id/catalogs") { request, context in
      let id = try node(context)
      return try await Self.offEventLoop { try list(state.catalogs(of: id), request) }
    }
    group.get("nodes/:id/catalogs/:source") { _, context in
      let (id, source) = (try node(context), try context.parameter("source"))
      return try await Self.offEventLoop {
        guard let record = try state.store.newestCatalog(of: id, source: source) else {
          throw APIError(
            .notFound,
            "No Catalogs Found for Source (\(source)). GET /api/current/nodes/\(id)/catalogs lists those that there are."
          )
        }
        return Response.json(try record.raw())
      }
    }
    group.get("catalogs") { request, _ in
      try await Self.offEventLoop { try list(state.catalogs(), request) }
    }
    group.get("catalogs/:id") { _, context in
      let id = try context.parameter("id")
      return try await Self.offEventLoop {
        guard let record = try state.store.catalog(id: id) else {
          throw APIError(.notFound, "there is no catalog \(id)")
        }
        return Response.json(try record.view())
      }
    }
  }

  /// Catalogs have up to megabytes. Reading and printing these on the thread of a connection would hold up all other
  /// connections of that thread.
  private static func offEventLoop(_ answer: @escaping @Sendable () throws -> Response) async throws -> Response {
    try await NIOThreadPool.singleton.runIfActive(answer)
  }

  private func node(_ context: ServerContext) throws -> String {
    let id = try context.parameter("id")
    guard let node = try state.node(named: id) else { throw APIError.noNode(id) }
    return node.id
  }

  /// Those that have each value that the query names: `source=dmi`, `node=<id>`, `data.System Information.Family=x`.
  private func list(_ records: [CatalogRecord], _ request: Request) throws -> Response {
    let query = request.uri.queryParameters.map { (path: String($0.key), value: String($0.value)) }
    func value(_ path: String) -> String? { query.first { $0.path == path }?.value }
    let (source, node) = (value("source"), value("node"))
    let views = try records.lazy
      .filter { (source == nil || $0.source == source) && (node == nil || $0.node == node) }
      .map { try $0.view() }
    let others = query.filter { $0.path != "source" && $0.path != "node" }
    let found = views.filter { view in others.allSatisfy { Self.text(at: $0.path, view) == $0.value } }
    return Response.json(.array(found))
  }

  private static func text(at path: String, _ document: JSON) -> String? {
    var value: JSON? = document
    for key in path.split(separator: ".", omittingEmptySubsequences: false) { value = value?[String(key)] }
    return value.map { $0.stringValue ?? $0.text }
  }
}
