import Foundation
import Hummingbird
import JSONDocument
import MonorailProtocol

/// Nodes: what people read of them, and nodes that they add, change and delete.
struct NodeRoutes: Sendable {
  let backend: Backend
  private var documents: NodeDocuments { NodeDocuments(state: backend.state) }

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes") { request, _ in
      let list = try NodeList(request)
      return list.response(backend.state.nodes.map(documents.view), path: request.uri.path)
    }
    group.get("nodes/:id") { _, context in Response.json(documents.view(try node(context))) }
    group.post("nodes", use: add)
    group.patch("nodes/:id") { request, context in
      let node = try node(context)
      let document = node.document.setting(try await request.object("the node"))
      try await backend.state.store.perform(.describe(node.id, document, addresses: addresses(of: document)))
      return Response.json(documents.raw(try self.node(context)))
    }
    group.delete("nodes/:id") { _, context in
      try await backend.state.store.perform(.removeNode(node(context).id))
      return Response(status: .noContent)
    }
  }

  @Sendable private func add(_ request: Request, _ context: ServerContext) async throws -> Response {
    var document = try await request.object("the node")
    for field in ["name", "type"] where document[field]?.stringValue == nil {
      throw APIError(.badRequest, "\(field) (string) is required")
    }
    let settings = try settings(document)
    document["obms"] = nil
    let addresses = addresses(of: document)
    let id = addresses.first.flatMap { MACAddress($0) }.map { KnownNode.identifier(for: $0) }
    guard id.flatMap({ backend.state.node($0) }) == nil else {
      throw APIError(.conflict, "there is a node with the address \(addresses.first ?? "") already")
    }
    let added = try await backend.state.store.perform(
      .addNode(id, addresses: addresses, document: document, settings: settings))
    guard let node = backend.state.node(added) else { throw APIError.noNode(added) }
    return Response.json(documents.raw(node), status: .created)
  }

  /// The MAC addresses among the node's `identifiers`.
  private func addresses(of document: JSONObject) -> [String] {
    (document["identifiers"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { MACAddress($0)?.description } }
  }

  /// The `obms` of a posted node: how its power and its BMC are reached.
  private func settings(_ document: JSONObject) throws -> [(service: String, config: JSONObject)] {
    switch document["obms"] {
    case nil, .null: return []
    case .array(let list)?:
      return try list.map { entry in
        guard let service = entry["service"]?.stringValue, let config = entry["config"]?.objectValue else {
          throw APIError(.badRequest, "each of obms needs service (a text) and config (an object)")
        }
        do { try backend.manager.check(service, config) } catch { throw APIError(.badRequest, "\(error)") }
        return (service, config)
      }
    default: throw APIError(.badRequest, "obms (array) is a list of services with their config")
    }
  }

  private func node(_ context: ServerContext) throws -> KnownNode {
    let id = try context.parameter("id")
    guard let node = backend.state.node(id) else { throw APIError.noNode(id) }
    return node
  }
}
