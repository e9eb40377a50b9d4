import Hummingbird
import JSONDocument
import MonorailStore
import Workflows

/// Task and graph definitions: `workflows/tasks` and `workflows/graphs`, with the answers of the stock server.
struct DefinitionRoutes: Sendable {
  private static let maximumBytes = 8 << 20

  let state: ServerState

  func add(to group: RouterGroup<ServerContext>) {
    addTasks(to: group)
    addGraphs(to: group)
  }

  private func addTasks(to group: RouterGroup<ServerContext>) {
    group.get("workflows/tasks") { _, _ in
      let tasks = state.store.library.tasks.sorted { $0.key < $1.key }
      return Response.json(.array(tasks.map { TaskDefinition.view(of: $0.value) }))
    }
    group.get("workflows/tasks/:name") { _, context in
      guard let task = state.store.library.tasks[try context.parameter("name")] else { return Response(status: .ok) }
      return Response.json(TaskDefinition.view(of: task))
    }
    group.put("workflows/tasks") { request, _ in
      guard case .object(let document) = try await Self.document(request, "a task definition") else {
        throw APIError(.badRequest, "a task definition is an object")
      }
      try await state.store.perform(.put(task: document))
      return Response.json(.object(document), status: .created)
    }
    group.delete("workflows/tasks/:name") { _, context in
      let name = try context.parameter("name")
      guard try await state.store.perform(.deleteTask(name)) else {
        throw APIError(.badRequest, "Task definition not found for \(name)")
      }
      return Response(status: .noContent)
    }
  }

  private func addGraphs(to group: RouterGroup<ServerContext>) {
    group.get("workflows/graphs") { _, _ in
      let graphs = state.store.library.graphs.sorted { $0.key < $1.key }
      return Response.json(.array(graphs.map(\.value.view)))
    }
    group.get("workflows/graphs/:name") { _, context in
      let graph = state.store.library.graphs[try context.parameter("name")]
      return Response.json(.array(graph.map { [$0.view] } ?? []))
    }
    group.put("workflows/graphs") { request, _ in
      let document = try await Self.document(request, "a graph definition")
      let definition = try GraphDefinition(document, strictness: .http)
      return Response.text(try await state.store.perform(.put(graph: definition)), status: .created)
    }
    group.delete("workflows/graphs/:name") { _, context in
      _ = try await state.store.perform(.deleteGraph(context.parameter("name")))
      return Response(status: .noContent)
    }
  }

  private static func document(_ request: Request, _ what: String) async throws -> JSON {
    let body = try await request.body.collected(upTo: maximumBytes, request.headers)
    do {
      return try JSON(parsing: body, maximumValues: GraphDefinition.mostValues)
    } catch {
      throw APIError(.badRequest, "\(what) is a JSON document; this is \(error)")
    }
  }
}
