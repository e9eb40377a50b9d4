import HTTPTypes
import Hummingbird
import JSONDocument

/// OBM settings (out-of-band management): how the power and the BMC of each node are reached.
struct ManagementRoutes: Sendable {
  let backend: Backend

  private var store: any ServiceSettingsStore { backend.state }

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes/:id/obm") { _, context in try list(of: node(context.parameter("id"))) }
    group.put("nodes/:id/obm") { request, context in
      try await save(request, for: node(context.parameter("id")))
    }
    group.get("obms") { _, _ in try list(of: nil) }
    group.put("obms") { request, _ in try await save(request, for: nil) }
    group.get("obms/definitions") { _, _ in Response.json(.array(ServiceKind.all.map(\.definition))) }
    group.get("obms/definitions/:name") { _, context in
      Response.json(try refusing(.notFound) { try ServiceKind.named(context.parameter("name")).definition })
    }
    group.post("obms/led", use: light)
    group.get("obms/:id") { _, context in Response.json(try settings(context).view) }
    group.patch("obms/:id", use: change)
    group.delete("obms/:id") { _, context in
      _ = try await store.deleteServiceSettings(id: settings(context).id)
      return Response(status: .noContent)
    }
  }

  private func list(of nodeID: String?) throws -> Response {
    Response.json(.array(try store.serviceSettings(of: nodeID).map(\.view)))
  }

  /// - Parameter nodeID: the node that the path names; the body must name it, too.
  private func save(_ request: Request, for nodeID: String?) async throws -> Response {
    let body = try await document(request)
    guard let named = body["nodeId"]?.stringValue, let service = body["service"]?.stringValue,
      let config = body["config"]?.objectValue
    else {
      throw APIError(.badRequest, "nodeId (a text), service (a text) and config (an object) are required")
    }
    guard nodeID == nil || nodeID == named else {
      throw APIError(.badRequest, "the body is about the node \(named), but the path about \(nodeID ?? "")")
    }
    return try await save(config, service, of: node(named), status: .created)
  }

  @Sendable private func change(_ request: Request, _ context: ServerContext) async throws -> Response {
    let old = try settings(context)
    guard let config = try await document(request)["config"]?.objectValue else {
      throw APIError(.badRequest, "config (an object) is what can be changed")
    }
    return try await save(config, old.service, of: old.nodeID, status: .ok)
  }

  private func save(
    _ config: JSONObject, _ service: String, of nodeID: String, status: HTTPResponse.Status
  ) async throws -> Response {
    try refusing(.badRequest) { try backend.manager.check(service, config) }
    return Response.json(
      try await store.saveServiceSettings(of: nodeID, service: service, config: config).view, status: status)
  }

  /// The light that shows people where in the rack a node is.
  @Sendable private func light(_ request: Request, _ context: ServerContext) async throws -> Response {
    let body = try await document(request)
    guard let id = body["nodeId"]?.stringValue, let isOn = body["value"]?.boolValue else {
      throw APIError(.badRequest, "nodeId (a text) and value (true or false) are required")
    }
    let nodeID = try node(id)
    do throws(ManagementFailure) {
      _ = try await backend.manager.perform(isOn ? .identifyOn : .identifyOff, on: nodeID, by: nil)
    } catch {
      throw APIError(error.isFinal ? .badRequest : .internalServerError, "\(error)")
    }
    return Response.json(.object(body), status: .created)
  }

  private func settings(_ context: ServerContext) throws -> ServiceSettings {
    let id = try context.parameter("id")
    guard let found = try store.serviceSettings(of: nil).first(where: { $0.id == id }) else {
      throw APIError(.notFound, "there are no OBM settings \(id); GET /api/current/obms lists those that there are")
    }
    return found
  }

  private func node(_ id: String) throws -> String {
    guard backend.state.node(id) != nil else { throw APIError.noNode(id) }
    return id
  }

  private func document(_ request: Request) async throws -> JSONObject {
    let body = try await request.body.collected(upTo: 1 << 20, request.headers)
    do {
      guard let object = try JSON(parsing: body).objectValue else { throw APIError(.badRequest, "expected an object") }
      return object
    } catch let error as JSONParseError {
      throw APIError(.badRequest, "the body is \(error)")
    }
  }

  @discardableResult
  private func refusing<Value>(_ status: HTTPResponse.Status, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as ManagementFailure { throw APIError(status, "\(error)") }
  }
}
