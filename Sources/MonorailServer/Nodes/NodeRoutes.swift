import Foundation
import Hummingbird
import JSONDocument
import MonorailProtocol

/// Nodes: what people read of them, and nodes that they add, change and delete.
struct NodeRoutes: Sendable {
  let backend: Backend

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes") { _, _ in Response.json(.array(backend.state.nodes.map(json))) }
    group.get("nodes/:id") { _, context in Response.json(json(try node(context))) }
    group.post("nodes", use: add)
    group.patch("nodes/:id") { request, context in
      let node = try node(context)
      let document = node.document.setting(try await document(request))
      try await backend.state.store.perform(.describe(node.id, document, addresses: addresses(of: document)))
      return Response.json(json(try self.node(context)))
    }
    group.delete("nodes/:id") { _, context in
      try await backend.state.store.perform(.removeNode(node(context).id))
      return Response(status: .noContent)
    }
  }

  @Sendable private func add(_ request: Request, _ context: ServerContext) async throws -> Response {
    var document = try await document(request)
    for field in ["name", "type"] where document[field]?.stringValue == nil {
      throw APIError(.badRequest, "\(field) (string) is required")
    }
    document["obms"] = nil
    let addresses = addresses(of: document)
    let id = addresses.first.flatMap { MACAddress($0) }.map { KnownNode.identifier(for: $0) }
    guard id.flatMap({ backend.state.node($0) }) == nil else {
      throw APIError(.conflict, "there is a node with the address \(addresses.first ?? "") already")
    }
    let added = try await backend.state.store.perform(.addNode(id, addresses: addresses, document: document))
    guard let node = backend.state.node(added) else { throw APIError.noNode(added) }
    return Response.json(json(node), status: .created)
  }

  /// The MAC addresses among the node's `identifiers`.
  private func addresses(of document: JSONObject) -> [String] {
    (document["identifiers"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { MACAddress($0)?.description } }
  }

  private func document(_ request: Request) async throws -> JSONObject {
    let body = try await request.body.collected(upTo: 1 << 20, request.headers)
    do {
      guard let object = try JSON(parsing: body, maximumValues: 20_000).objectValue else {
        throw APIError(.badRequest, "a node is an object")
      }
      return object
    } catch let error as JSONParseError {
      throw APIError(.badRequest, "the node is \(error)")
    }
  }

  private func node(_ context: ServerContext) throws -> KnownNode {
    let id = try context.parameter("id")
    guard let node = backend.state.node(id) else { throw APIError.noNode(id) }
    return node
  }

  @Sendable private func json(_ node: KnownNode) -> JSON {
    let last = try? backend.state.store.lastReport(of: node.id)
    let obms = (try? backend.state.serviceSettings(of: node.id)) ?? []
    var fields = node.document
    fields["id"] = .string(node.id)
    if fields["type"] == nil { fields["type"] = "compute" }
    if fields["name"] == nil { fields["name"] = .string(node.macAddress?.description ?? node.id) }
    let known = node.macAddresses.map(\.description)
    let others = (node.document["identifiers"]?.arrayValue ?? []).filter { identifier in
      identifier.stringValue.flatMap { MACAddress($0) } == nil
    }
    fields["identifiers"] = .array(known.map { .string($0) } + others)
    fields["ipAddress"] = .init(node.ipAddress)
    fields["queued"] = .integer(node.queued)
    fields["handedOut"] = .integer(node.handedOut)
    fields["reports"] = .integer(node.reports)
    fields["boots"] = .integer(node.boots)
    fields["obms"] = .array(
      obms.map { ["service": .string($0.service), "ref": .string("/api/2.0/obms/" + $0.id)] })
    if let sku = node.document["sku"] {
      fields["sku"] = sku.stringValue.map { .string("/api/2.0/skus/" + $0) } ?? .null
    }
    for name in ["catalogs", "tags", "workflows"] { fields[name] = .string("/api/2.0/nodes/\(node.id)/\(name)") }
    fields["lastFailures"] = .array(last?.failures.map { .string($0) } ?? [])
    return .object(fields)
  }
}
