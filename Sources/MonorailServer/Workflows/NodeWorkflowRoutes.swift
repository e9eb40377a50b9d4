import Foundation
import Hummingbird
import JSONDocument
import MonorailProtocol
import MonorailStore
import NIOPosix

/// Work for a node: graphs, task sets of the workflows directory, and task sets that are pushed.
struct NodeWorkflowRoutes: Sendable {
  let backend: Backend
  private var store: Store { backend.state.store }

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes/:id/workflows", use: list)
    group.post("nodes/:id/workflows", use: add)
    group.put("nodes/:id/workflows/action") { request, context in
      let node = try node(context)
      try await WorkflowRoutes.checkCancel(request)
      guard let run = store.activeRun(of: node.id)?.plan.instanceId, let before = try store.documents(of: run) else {
        throw APIError(.notFound, "node \(node.id) has no active workflow")
      }
      try await store.perform(.cancel(run))
      var response = Response.json(before.raw, status: .accepted)
      response.headers[.location] = "/api/2.0/workflows/\(run)"
      return response
    }
  }

  /// Runs in the stock server's raw form; of those, what the query's `active` and `injectableName` leave.
  @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
    let node = try node(context)
    let query = request.uri.queryParameters
    let isActive = query.get("active").map { $0 == "true" }
    let graph = query.get("injectableName").map { String($0) }
    return try await NIOThreadPool.singleton.runIfActive { [store] in
      let runs = try store.runs(of: node.id, isActive: isActive).filter { graph == nil || $0.graph == graph }
      return Response.json(.array(try runs.compactMap { try store.documents(of: $0.id)?.raw }))
    }
  }

  /// Takes a task set, or `{"name": …, "options": …}`, which names a graph, else a file of the workflows directory.
  @Sendable private func add(_ request: Request, _ context: ServerContext) async throws -> Response {
    let start = try await GraphStart(request, limit: backend.configuration.maximumReportBytes)
    let isTaskSet = start.document["tasks"] != nil
    guard let name = start.name ?? (isTaskSet ? "" : nil) else {
      throw APIError(
        .badRequest, #"Graph name is missing or in wrong format: expected a task set ({"tasks": …}) or {"name": …}"#)
    }
    let id = try context.parameter("id")
    guard let node = try backend.state.node(named: id) else {
      throw APIError(.badRequest, "Could not find node with identifier \(id)")
    }
    if isTaskSet { return try await push([start.text], workflow: nil, start, to: node) }
    if store.library.graphs[name] != nil { return try await run(start, node: node.id, request, backend) }
    let variables = backend.variables(for: node, request, options: start.options)
    return try await push(taskSets(ofWorkflow: name, variables), workflow: name, start, to: node)
  }

  private func push(
    _ texts: [String], workflow: String?, _ start: GraphStart, to node: KnownNode
  ) async throws -> Response {
    let ids: [String]
    do {
      ids = try await backend.state.push(
        workflow: workflow, taskSetTexts: texts, options: start.options, to: node.id)
    } catch let error as TaskSet.Problem {
      throw APIError(.badRequest, error.description)
    }
    backend.tell(.queued(node: node.id, workflow: workflow))
    return .json(
      ["id": .string(ids.joined(separator: ",")), "name": .init(workflow), "status": "pending"], status: .created)
  }

  private func taskSets(ofWorkflow name: String, _ variables: JSON) throws -> [String] {
    guard let directory = backend.configuration.workflowsDirectory else {
      throw APIError(
        .badRequest,
        "Graph definition not found for \(name): GET /api/current/workflows/graphs lists the graphs; for a task set, start "
          + "monorail-mock serve with --workflows DIR, where \(name).json is, or push the task set itself")
    }
    let files = FileStore(directory: directory, maximumBytes: 0)
    guard isTaskSet(try files.path(name + ".json")) else {
      let names = try files.names().filter { $0.hasSuffix(".json") && isTaskSet(directory + "/" + $0) }
      let there = names.map { String($0.dropLast(5)) }.joined(separator: ", ")
      throw APIError(
        .badRequest,
        "Graph definition not found for \(name), and it is no task set either; "
          + (names.isEmpty ? "\(directory) has none" : "there are: \(there)"))
    }
    let text = try TemplateText.render(files.text(name + ".json"), variables)
    let document: JSON
    do { document = try JSON(parsing: text) } catch {
      throw APIError(.badRequest, "\(name).json in \(directory) is \(error)")
    }
    guard case .array(let list) = document else { return [text] }
    return list.map(\.text)
  }

  private func isTaskSet(_ path: String) -> Bool {
    FileManager.default.contents(atPath: path).map { !WorkflowFiles.namesDefinition($0) } ?? false
  }

  private func node(_ context: ServerContext) throws -> KnownNode {
    let id = try context.parameter("id")
    guard let node = try backend.state.node(named: id) else { throw APIError.noNode(id) }
    return node
  }
}
