import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailStore
import Workflows

/// SKUs and tags: rules about the catalogs of nodes, with the answers of the stock server.
struct RuleSetRoutes: Sendable {
  let backend: Backend
  private var store: Store { backend.state.store }
  private var documents: NodeDocuments { NodeDocuments(state: backend.state) }

  func add(to group: RouterGroup<ServerContext>) {
    addSKUs(to: group)
    addTags(to: group)
    addTagsOfNodes(to: group)
  }

  private func addSKUs(to group: RouterGroup<ServerContext>) {
    group.get("skus") { _, _ in Response.json(.array(try store.ruleSets(.sku).map(\.view))) }
    group.get("skus/:id") { _, context in Response.json(try find(.sku, context.parameter("id")).view) }
    group.get("skus/:id/nodes") { _, context in
      let id = try find(.sku, context.parameter("id")).id
      let nodes = store.nodes.filter { $0.sku == id }
      return Response.json(.array(nodes.map { documents.view(KnownNode($0)) }))
    }
    group.post("skus") { request, _ in
      let saved = try await save(.sku, document(request))
      return try await changedSKUs(Response.json(saved.view, status: .created), request)
    }
    group.put("skus") { request, _ in
      let given = try await document(request)
      let old = try store.ruleSets(.sku).first { $0.name == given["name"]?.stringValue }
      let saved = try await save(.sku, given, id: old?.id)
      return try await changedSKUs(Response.json(saved.view, status: .created), request)
    }
    group.patch("skus/:id") { request, context in
      let old = try find(.sku, context.parameter("id"))
      let saved = try await save(.sku, old.document.setting(document(request)), id: old.id)
      return try await changedSKUs(Response.json(saved.view), request)
    }
    group.delete("skus/:id") { request, context in
      let old = try find(.sku, context.parameter("id"))
      _ = try await store.perform(.delete(.sku, id: old.id))
      return try await changedSKUs(Response(status: .noContent), request)
    }
  }

  private func addTags(to group: RouterGroup<ServerContext>) {
    group.get("tags") { _, _ in Response.json(.array(try store.ruleSets(.tag).map(\.view))) }
    group.get("tags/:name") { _, context in Response.json(try tag(context).view) }
    group.get("tags/:name/nodes") { _, context in
      let name = try context.parameter("name")
      let nodes = store.nodes.filter { $0.tags.contains(name) }
      return Response.json(.array(nodes.map { documents.raw(KnownNode($0)) }))
    }
    group.post("tags") { request, _ in
      let saved = try await save(.tag, document(request))
      let nodes = store.nodes.map { JSON.string($0.id) }
      if !nodes.isEmpty {
        try await start("Graph.GenerateTags", ["generate-tag": ["nodeIds": .array(nodes)]], request)
      }
      return Response.json(saved.view, status: .created)
    }
    group.post("tags/:name/nodes/workflows", use: runOnTagged)
    group.delete("tags/:name") { _, context in
      _ = try await store.perform(.delete(.tag, id: tag(context).id))
      return Response(status: .noContent)
    }
  }

  private func addTagsOfNodes(to group: RouterGroup<ServerContext>) {
    group.get("nodes/:id/tags") { _, context in
      Response.json(.array(try node(context).tags.map { .string($0) }))
    }
    group.patch("nodes/:id/tags") { request, context in
      let given = try await document(request)
      guard let tags = given["tags"]?.arrayValue?.compactMap(\.stringValue) else {
        throw APIError(.badRequest, "tags (array) is required")
      }
      try await store.perform(.addTags(tags, to: node(context).id))
      return Response.json(.object(given))
    }
    group.delete("nodes/:id/tags/:tag") { _, context in
      try await store.perform(.removeTag(context.parameter("tag"), from: [node(context).id]))
      return Response(status: .noContent)
    }
    group.delete("nodes/tags/:tag") { _, context in
      try await store.perform(.removeTag(context.parameter("tag"), from: store.nodes.map(\.id)))
      return Response(status: .noContent)
    }
  }

  /// Runs a graph on each node that has the tag. When a node refuses it, the answer says so, and which runs have started.
  @Sendable private func runOnTagged(_ request: Request, _ context: ServerContext) async throws -> Response {
    let name = try context.parameter("name")
    let start = try await GraphStart(request, limit: backend.configuration.maximumReportBytes)
    guard let graph = start.name else { throw APIError(.badRequest, "Graph name is missing or in wrong format") }
    var runs: [String] = []
    for node in store.nodes where node.tags.contains(name) {
      do {
        runs.append(
          try await store.start(
            StartRequest(
              graph: graph, node: node.id, options: start.options, context: start.context,
              scope: backend.scope(request))))
      } catch  where error is WorkflowError || error is StoreError {
        let started = runs.isEmpty ? "no run has started" : "started before it: " + runs.joined(separator: ", ")
        throw APIError(.badRequest, "\(error) (node \(node.id); \(started))")
      }
    }
    return Response.json(.array(try runs.map { try store.documents(of: $0)?.raw ?? .null }), status: .accepted)
  }

  private func find(_ kind: RuleSetRecord.Kind, _ id: String) throws -> RuleSetRecord {
    guard let found = try store.ruleSets(kind).first(where: { $0.id == id }) else {
      throw APIError(.notFound, "there is no \(kind.rawValue) \(id)")
    }
    return found
  }

  private func tag(_ context: ServerContext) throws -> RuleSetRecord {
    let name = try context.parameter("name")
    guard let found = try store.ruleSets(.tag).first(where: { $0.name == name }) else {
      throw APIError(.notFound, "there is no tag \(name)")
    }
    return found
  }

  private func node(_ context: ServerContext) throws -> NodeRecord {
    let id = try context.parameter("id")
    guard let node = store.node(id) else { throw APIError.noNode(id) }
    return node
  }

  private func document(_ request: Request) async throws -> JSONObject {
    let body = try await request.body.collected(upTo: 1 << 20, request.headers)
    do {
      guard let object = try JSON(parsing: body, maximumValues: 20_000).objectValue else {
        throw APIError(.badRequest, "expected an object")
      }
      return object
    } catch let error as JSONParseError {
      throw APIError(.badRequest, "the body is \(error)")
    }
  }

  private func save(
    _ kind: RuleSetRecord.Kind, _ document: JSONObject, id: String? = nil
  ) async throws -> RuleSetRecord {
    do {
      return try await store.perform(.save(kind, document, id: id))
    } catch let error as StoreError where error.kind == .conflict {
      throw APIError(.conflict, error.message)
    }
  }

  /// Each change of SKUs makes the server look anew for the SKU of every node.
  private func changedSKUs(_ response: Response, _ request: Request) async throws -> Response {
    for node in store.nodes {
      try await start("Graph.GenerateSku", ["generate-sku": ["nodeId": .string(node.id)]], request)
    }
    return response
  }

  /// Starts a graph without a node. That it cannot be started is told, and refuses nothing.
  private func start(_ graph: String, _ options: JSON, _ request: Request) async throws {
    do {
      _ = try await store.start(
        StartRequest(
          graph: graph, options: options.objectValue ?? JSONObject(), scope: backend.scope(request)))
    } catch let error as WorkflowError {
      backend.tell(.problem("\(graph) cannot be started: \(error)"))
    }
  }
}

extension RuleSetRecord {
  /// As the API shows it.
  fileprivate var view: JSON {
    var view = JSONObject()
    view["id"] = .string(id)
    return .object(view.setting(document))
  }
}
