import Foundation
import Hummingbird
import JSONDocument
import MonorailProtocol

/// What people read and post: nodes and their workflows.
struct NodeRoutes: Sendable {
  let backend: Backend

  func add(to group: RouterGroup<ServerContext>) {
    group.get("nodes") { _, _ in Response.json(.array(backend.state.nodes.map(json))) }
    group.get("nodes/:id") { _, context in Response.json(json(try node(context))) }
    group.get("nodes/:id/workflows") { _, context in
      Response.json(
        .array(
          try node(context).queue.map {
            ["id": .string($0.id), "name": $0.workflow.map { .string($0) } ?? .null, "status": "pending"]
          }))
    }
    group.post("nodes/:id/workflows", use: pushWorkflow)
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
    let obms = backend.state.serviceSettings(of: node.id).map { settings -> JSON in
      ["service": .string(settings.service), "ref": .string("/api/2.0/obms/" + settings.id)]
    }
    return [
      "id": .string(node.id), "type": "compute", "name": .string(node.macAddress?.description ?? node.id),
      "identifiers": .array(node.macAddresses.map { .string($0.description) }),
      "ipAddress": .init(node.ipAddress), "queued": .integer(node.queue.count),
      "handedOut": .integer(node.handedOut), "reports": .integer(node.reports),
      "boots": .integer(node.boots), "obms": .array(obms),
      "lastFailures": .array(last?.failures.map { .string($0) } ?? []),
    ]
  }
}
