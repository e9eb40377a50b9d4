import Foundation
import Hummingbird
import JSONDocument
import MonorailProtocol

/// What people read and post: nodes, their catalogs, their workflows; and the lookups of addresses.
struct NodeRoutes: Sendable {
  let backend: Backend

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes") { _, _ in Response.json(.array(backend.state.nodes.map(json))) }
    group.get("nodes/:id") { _, context in Response.json(json(try node(context))) }
    group.get("nodes/:id/catalogs") { _, context in
      Response.json(.array(Catalog.all(of: try node(context).id, in: backend.state).map(\.json)))
    }
    group.get("nodes/:id/catalogs/:source") { _, context in
      let (id, source) = (try node(context).id, try context.parameter("source"))
      guard let catalog = Catalog.all(of: id, in: backend.state).last(where: { $0.source == source }) else {
        throw APIError(
          .notFound,
          "node \(id) has no catalog \(source); GET /api/current/nodes/\(id)/catalogs lists those that it has")
      }
      return Response.json(catalog.json)
    }
    group.get("nodes/:id/workflows") { _, context in
      Response.json(
        .array(
          try node(context).queue.map {
            ["id": .string($0.id), "name": $0.workflow.map { .string($0) } ?? .null, "status": "pending"]
          }))
    }
    group.post("nodes/:id/workflows", use: pushWorkflow)
    group.get("lookups") { request, _ in
      let query = request.uri.queryParameters.get("q").map { MACAddress($0)?.description ?? String($0) }
      let found = backend.state.nodes.flatMap { node -> [JSON] in
        // One for each NIC.
        let addresses = node.macAddresses.isEmpty ? [nil] : node.macAddresses.map { Optional($0.description) }
        return addresses.filter { query == nil || [node.id, $0, node.ipAddress].contains(query) }
          .map { ["node": .string(node.id), "macAddress": .init($0), "ipAddress": .init(node.ipAddress)] }
      }
      return Response.json(.array(found))
    }
  }

  /// Takes a task set, or `{"name": …, "options": …}`, which names a file of the workflows directory.
  @Sendable private func pushWorkflow(_ request: Request, _ context: ServerContext) async throws -> Response {
    let node = try node(context)
    let body = try await request.body.collected(upTo: backend.configuration.maximumReportBytes, request.headers)
    try JSONValueCount.check(body, "the workflow")
    let document: JSON
    do { document = try JSON(parsing: body) } catch { throw APIError(.badRequest, "the workflow is \(error)") }
    let name = document["name"]?.stringValue
    let options = document["options"]?.objectValue ?? JSONObject()
    var ids: [String] = []
    do {
      if document["tasks"] != nil {
        ids = [
          try backend.state.push(taskSetText: String(decoding: body, as: UTF8.self), to: node.id, options: options)
        ]
      } else if let name {
        let variables = backend.variables(for: node, request, options: options)
        ids = try backend.state.push(
          workflow: name, taskSetTexts: taskSets(ofWorkflow: name, variables), options: options, to: node.id)
      } else {
        throw APIError(.badRequest, #"expected a task set ({"tasks": …}) or the name of a workflow ({"name": …})"#)
      }
    } catch let error as TaskSet.Problem {
      throw APIError(.badRequest, error.description)
    }
    backend.tell(.queued(node: node.id, workflow: name))
    return .json(
      ["id": .string(ids.joined(separator: ",")), "name": .init(name), "status": "pending"], status: .created)
  }

  private func taskSets(ofWorkflow name: String, _ variables: JSON) throws -> [String] {
    guard let directory = backend.configuration.workflowsDirectory else {
      throw APIError(
        .notFound,
        "there is no workflow \(name): start monorail-mock serve with --workflows DIR, where \(name).json is, "
          + "or push the task set itself")
    }
    let store = FileStore(directory: directory, maximumBytes: 0)
    guard FileManager.default.fileExists(atPath: try store.path(name + ".json")) else {
      let names = try store.names().filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
      let there = names.isEmpty ? "\(directory) has none" : "there are: " + names.joined(separator: ", ")
      throw APIError(.notFound, "there is no workflow \(name); \(there)")
    }
    let text = try TemplateText.render(store.text(name + ".json"), variables)
    let document: JSON
    do { document = try JSON(parsing: text) } catch {
      throw APIError(.badRequest, "\(name).json in \(directory) is \(error)")
    }
    guard case .array(let list) = document else { return [text] }
    return list.map(\.text)
  }

  private func node(_ context: ServerContext) throws -> KnownNode {
    let id = try context.parameter("id")
    guard let node = backend.state.node(id) else { throw APIError.noNode(id) }
    return node
  }

  @Sendable private func json(_ node: KnownNode) -> JSON {
    let last = backend.state.reports(from: node.id).last
    return [
      "id": .string(node.id), "type": "compute", "name": .string(node.macAddress?.description ?? node.id),
      "identifiers": .array(node.macAddresses.map { .string($0.description) }),
      "ipAddress": .init(node.ipAddress), "queued": .integer(node.queue.count),
      "handedOut": .integer(node.handedOut), "reports": .integer(node.reports),
      "boots": .integer(node.boots),
      "lastFailures": .array(last?.failures.map { .string($0) } ?? []),
    ]
  }
}

/// What a task of a report told about its node: the output of a command that succeeded, under the name that the task
/// gives it (`source`) or the command's program.
struct Catalog {
  let source: String
  let json: JSON

  static func all(of nodeID: String, in state: ServerState) -> [Catalog] {
    let tasks = state.reports(from: nodeID).flatMap { (try? $0.taskSet().tasks) ?? [] }
    return tasks.compactMap { Catalog($0, of: nodeID) }
  }

  private init?(_ task: NodeTask, of nodeID: String) {
    guard task.fields["catalog"] != false, !TaskOutcome(task).isFailure,
      let output = task.fields["stdout"]?.stringValue, !output.isEmpty
    else { return nil }
    let words = (task.command ?? "").split(separator: " ")
    let program = words.first { $0 != "sudo" }?.split(separator: "/").last.map(String.init)
    guard let source = task.fields["source"]?.stringValue ?? program else { return nil }
    self.source = source
    json = [
      "node": .string(nodeID), "source": .string(source),
      "data": (try? JSON(parsing: output)) ?? ["text": .string(output)],
    ]
  }
}
