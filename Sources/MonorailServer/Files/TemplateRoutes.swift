import Foundation
import Hummingbird
import JSONDocument
import Workflows

/// Scripts that are rendered for a node, and the library that they come from.
struct TemplateRoutes: Sendable {
  let backend: Backend

  func add(to group: RouterGroup<ServerContext>) {
    let templates = backend.templates
    group.get("templates/library") { _, _ in
      Response.json(.array(try templates.names().map { ["name": .string($0)] }))
    }
    group.get("templates/library/:name") { _, context in
      Response.text(try templates.text(context.parameter("name")))
    }
    group.put("templates/library/:name") { request, context in
      let name = try context.parameter("name")
      _ = try await templates.save(name, request)
      return Response.json(["name": .string(name)], status: .created)
    }
    group.get("templates/:name") { request, context in
      let name = try context.parameter("name")
      // One that was uploaded goes before the program's own.
      let isUploaded = try FileManager.default.fileExists(atPath: templates.path(name))
      let own = isUploaded ? nil : StockTemplates.text(named: name)
      let text = try own ?? templates.text(name)
      let id = request.uri.queryParameters.get("nodeId")
      if let id, backend.state.node(id) == nil { throw APIError.noNode(id) }
      let node = id.flatMap { backend.state.node($0) }
      let values = id.flatMap { backend.state.store.liveRuns(of: $0).lazy.compactMap(\.templateValues).first }
      return Response.text(try TemplateText.render(text, backend.variables(for: node, request, options: values)))
    }
  }
}
