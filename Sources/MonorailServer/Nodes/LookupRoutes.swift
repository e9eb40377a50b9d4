import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailProtocol
import MonorailStore
import Workflows

/// Lookups: which IP address and which node a MAC address has.
struct LookupRoutes: Sendable {
  let store: Store

  func add(to group: RouterGroup<ServerContext>) {
    group.get("lookups") { request, _ in
      let given = request.uri.queryParameters.get("q")
      let mac = given.flatMap { MACAddress($0.replacing("-", with: ":"))?.description }
      let found = try views().filter {
        given == nil || [mac ?? given, given].contains($0.macAddress)
          || $0.node == given || $0.ipAddress == given?.lowercased()
      }
      return Response.json(.array(found.map(\.json)))
    }
    group.get("lookups/:id") { _, context in Response.json(try find(context).json) }
    group.post("lookups") { request, _ in
      let document = try await document(request)
      guard let text = document["macAddress"]?.stringValue, let mac = MACAddress(text) else {
        throw APIError(.badRequest, "macAddress (string) is required: six octets, as in 00:1e:67:98:bc:7e")
      }
      guard try !store.lookups().contains(where: { $0.macAddress == mac.description }) else {
        throw APIError(.badRequest, "there is a lookup of the MAC address \(mac) already")
      }
      return try await save(mac.description, document, status: .created)
    }
    group.patch("lookups/:id") { request, context in
      let mac = try find(context).macAddress
      let document = try await document(request)
      if let given = document["macAddress"], given.stringValue.flatMap({ MACAddress($0)?.description }) != mac {
        throw APIError(.badRequest, "the macAddress of a lookup cannot be changed; delete it, and post another one")
      }
      return try await save(mac, document, status: .ok)
    }
    group.delete("lookups/:id") { _, context in
      try await store.perform(.deleteLookup(find(context).macAddress))
      return Response(status: .noContent)
    }
  }

  private func save(_ mac: String, _ document: JSONObject, status: HTTPResponse.Status) async throws -> Response {
    for field in ["ipAddress", "node"] {
      switch document[field] {
      case nil, .string: break
      default: throw APIError(.badRequest, "\(field) is a text")
      }
    }
    if let node = document["node"]?.stringValue, store.node(node) == nil { throw APIError.noNode(node) }
    try await store.perform(
      .saveLookup(mac, ipAddress: document["ipAddress"]?.stringValue, node: document["node"]?.stringValue))
    guard let saved = try views().first(where: { $0.macAddress == mac }) else {
      throw APIError(.notFound, "the lookup of \(mac) was deleted at the same time")
    }
    return Response.json(saved.json, status: status)
  }

  /// A lookup as the API shows it: the IP address of a node's NIC, where no catalog tells it, is that of the node's last
  /// request.
  private struct View {
    let id: String
    let macAddress: String
    let ipAddress: String?
    let node: String?
    let record: LookupRecord

    var json: JSON {
      [
        "id": .string(id), "macAddress": .string(macAddress), "ipAddress": .init(ipAddress), "node": .init(node),
        "createdAt": .string(UTCTime.text(record.createdAt)), "updatedAt": .string(UTCTime.text(record.updatedAt)),
      ]
    }
  }

  private func views() throws -> [View] {
    try store.lookups().map { record in
      View(
        id: record.id, macAddress: record.macAddress,
        ipAddress: record.ipAddress ?? record.node.flatMap { store.node($0)?.ipAddress }, node: record.node,
        record: record)
    }
  }

  private func find(_ context: ServerContext) throws -> View {
    let id = try context.parameter("id")
    guard let found = try views().first(where: { $0.id == id }) else {
      throw APIError(.notFound, "there is no lookup \(id); GET /api/current/lookups lists those that there are")
    }
    return found
  }

  private func document(_ request: Request) async throws -> JSONObject {
    try await request.object("the lookup")
  }
}
