import Hummingbird
import JSONDocument
import MonorailStore
import NIOPosix
import Workflows

/// Runs of graphs: `workflows`, with the answers of the stock server.
struct WorkflowRoutes: Sendable {
  let backend: Backend
  private var store: Store { backend.state.store }

  func add(to group: RouterGroup<ServerContext>) {
    group.get("workflows") { request, _ in
      let isActive = request.uri.queryParameters.get("active").map { $0 == "true" }
      // Reading thousands of them takes seconds, in which other requests are answered.
      return try await NIOThreadPool.singleton.runIfActive { [store] in
        let runs = try store.runs(isActive: isActive)
        return Response.json(.array(try runs.compactMap { try store.documents(of: $0.id)?.view }))
      }
    }
    group.get("workflows/:id") { _, context in
      let id = try context.parameter("id")
      guard let documents = try store.documents(of: id) else {
        throw APIError(.notFound, "Graph instance not found for \(id)")
      }
      return Response.json(documents.view.withoutSecrets)
    }
    group.post("workflows") { request, _ in
      let start = try await GraphStart(request, limit: backend.configuration.maximumReportBytes)
      return try await run(start, node: nil, request, backend)
    }
    group.put("workflows/:id/action") { request, context in
      let id = try context.parameter("id")
      try await Self.checkCancel(request)
      do {
        try await store.perform(.cancel(id))
      } catch let error as StoreError where error.kind == .notFound {
        throw APIError(.badRequest, error.message)
      }
      return Response.text(id, status: .accepted)
    }
    group.post("notification") { request, _ in
      let body = try await request.body.collected(upTo: 1 << 20, request.headers)
      guard let id = request.uri.queryParameters.get("nodeId"), store.node(String(id)) != nil else {
        throw APIError(.badRequest, "the query names the node: nodeId=…")
      }
      let notification = (try? JSON(parsing: body)) ?? .object(JSONObject())
      try await store.perform(.tellRuns(of: String(id), .notified(notification)))
      return Response.json(notification, status: .created)
    }
    group.delete("workflows/:id") { _, context in
      do {
        try await store.perform(.deleteRun(context.parameter("id")))
      } catch let error as StoreError where error.kind == .notFound {
        throw APIError(.badRequest, error.message)
      }
      return Response(status: .noContent)
    }
  }

  /// - Throws: `APIError` 400 unless the body is `{"command": "cancel"}`.
  static func checkCancel(_ request: Request) async throws {
    let body = try await request.body.collected(upTo: 1 << 16, request.headers)
    guard let command = try? JSON(parsing: body)["command"]?.stringValue, command == "cancel" else {
      throw APIError(.badRequest, #"the body names the action: {"command": "cancel"}"#)
    }
  }
}

/// Starts a run, and answers with it in the raw form.
func run(_ start: GraphStart, node: String?, _ request: Request, _ backend: Backend) async throws -> Response {
  guard let name = start.name else { throw APIError(.badRequest, "Graph name is missing or in wrong format") }
  let store = backend.state.store
  let id: String
  do {
    id = try await store.start(
      StartRequest(
        graph: name, node: node, options: start.options, context: start.context, scope: backend.scope(request)))
  } catch let error as StoreError where error.kind == .notFound {
    // The stock server gives each refused run this status.
    throw APIError(.badRequest, error.message)
  }
  return Response.json(try store.documents(of: id)?.raw ?? .null, status: .created)
}

/// The request to run a graph: `name`, `options` and `context` of the body; a `name` of the query wins.
struct GraphStart: Sendable {
  let name: String?
  let options: JSONObject
  let context: JSONObject
  /// The whole body.
  let document: JSON
  let text: String

  /// - Throws: `APIError` 400 when the body is no JSON document, or a field has another type; 413.
  init(_ request: Request, limit: Int) async throws {
    let body = try await request.body.collected(upTo: limit, request.headers)
    try JSONValueCount.check(body, "the workflow")
    do {
      document = body.isEmpty ? [:] : try JSON(parsing: body)
    } catch { throw APIError(.badRequest, "the workflow is \(error)") }
    text = String(decoding: body, as: UTF8.self)
    name = request.uri.queryParameters.get("name").map { String($0) } ?? document["name"]?.stringValue
    options = try Self.object("options", document)
    context = try Self.object("context", document)
  }

  private static func object(_ field: String, _ document: JSON) throws -> JSONObject {
    switch document[field] {
    case nil, .null: return JSONObject()
    case .object(let object)?: return object
    default: throw APIError(.badRequest, "\(field) (object) is required")
    }
  }
}
