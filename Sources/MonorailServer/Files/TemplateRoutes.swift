import Digests
import Foundation
import Hummingbird
import JSONDocument
import MonorailProtocol
import Workflows

/// Scripts that are rendered for a node, and the library that they come from. An uploaded one goes before the program's own
/// of that name.
struct TemplateRoutes: Sendable {
  let backend: Backend
  private var templates: FileStore { backend.templates }

  func add(to group: RouterGroup<ServerContext>) {
    group.get("templates/library") { _, _ in
      Response.json(.array(try names().map { ["name": .string($0)] }))
    }
    group.get("templates/library/:name") { _, context in Response.text(try libraryText(context)) }
    group.put("templates/library/:name") { request, context in
      let name = try context.parameter("name")
      try await templates.save(name, request) { try $0.place() }
      return Response.json(["name": .string(name)], status: .created)
    }
    group.delete("templates/library/:name") { _, context in
      let name = try context.parameter("name")
      guard try isUploaded(name) else {
        throw APIError(.badRequest, "no template \(name) was uploaded")
      }
      try templates.remove(name)
      return Response(status: .ok)
    }
    group.get("templates/metadata") { _, _ in
      Response.json(.array(try names().compactMap { name in try text(name).map { Self.metadata(name, $0) } }))
    }
    group.get("templates/metadata/:name") { _, context in
      Response.json(.array([Self.metadata(try context.parameter("name"), try libraryText(context))]))
    }
    group.get("templates/:name", use: render)
  }

  @Sendable private func render(_ request: Request, _ context: ServerContext) async throws -> Response {
    let name = try context.parameter("name")
    let node = try node(request)
    guard let text = try text(name) else { throw APIError(.notFound, "there is no template \(name)") }
    let runs = backend.state.store.liveRuns(of: node.id)
    let answer = runs.lazy.compactMap { backend.variables(for: node, request, of: $0) }.first
    return Response.text(try TemplateText.render(text, answer ?? backend.variables(for: node, request)))
  }

  /// The node that `nodeId=` or one of `macs=` names.
  ///
  /// - Throws: `APIError` 400 when the query names none; 404 when there is no such node.
  private func node(_ request: Request) throws -> KnownNode {
    let query = request.uri.queryParameters
    if let id = query.get("nodeId") {
      guard let node = try backend.state.node(named: id) else { throw APIError.noNode(id) }
      return node
    }
    let macs = query.getAll("macs").flatMap { $0.split(separator: ",") }.map { $0.replacing("-", with: ":") }
    guard !macs.isEmpty else {
      throw APIError(.badRequest, "a template is rendered for a node: the query names it, as nodeId=… or macs=…")
    }
    let known = macs.compactMap { MACAddress(String($0)) }.lazy.compactMap { backend.state.node(withAddress: $0) }
    guard let node = known.first else {
      throw APIError(.notFound, "no node has the address \(macs.joined(separator: ", "))")
    }
    return node
  }

  private func names() throws -> [String] { Set(try templates.names() + StockTemplates.names).sorted() }

  private func isUploaded(_ name: String) throws -> Bool {
    try FileManager.default.fileExists(atPath: templates.path(name))
  }

  private func text(_ name: String) throws -> String? {
    try isUploaded(name) ? templates.text(name) : StockTemplates.text(named: name)
  }

  /// - Throws: `APIError` 400 for a template that is not there, as the stock server has it.
  private func libraryText(_ context: ServerContext) throws -> String {
    let name = try context.parameter("name")
    guard let text = try text(name) else {
      throw APIError(
        .badRequest, "there is no template \(name); GET /api/current/templates/library lists those that there are")
    }
    return text
  }

  private static func metadata(_ name: String, _ text: String) -> JSON {
    [
      "id": .string(String(digest(name).prefix(24))), "hash": .string(base64(digest(text))), "name": .string(name),
      "scope": "global",
    ]
  }

  /// The MD5 of a text in hexadecimal.
  private static func digest(_ text: String) -> String {
    var digest = Digest(.md5)
    Array(text.utf8).withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  private static func base64(_ hexadecimal: String) -> String {
    let digits = Array(hexadecimal)
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    return Data(bytes).base64EncodedString()
  }
}
