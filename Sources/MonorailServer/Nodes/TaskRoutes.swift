import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailProtocol
import MonorailStore
import NIOCore
import NIOPosix

/// The task API: `tasks/bootstrap.js`, and a node's `tasks/<id>`.
struct TaskRoutes: Sendable {
  let backend: Backend

  func add(to group: RouterGroup<ServerContext>) {
    group.get("tasks/bootstrap.js", use: bootstrap)
    group.get("tasks/:id", use: nextTaskSet)
    group.post("tasks/:id", use: report)
  }

  @Sendable private func bootstrap(_ request: Request, _ context: ServerContext) async throws -> Response {
    let text = request.uri.queryParameters.get("macAddress") ?? ""
    guard let address = MACAddress(text) else {
      throw APIError(
        .badRequest, "macAddress=\(text) is not six octets; ask for bootstrap.js?macAddress=00:1e:67:98:bc:7e")
    }
    let node = try await backend.nodeAppeared(at: [address], request, context)
    try await backend.state.noteAgentStart(of: node.id)
    if let template = backend.configuration.bootstrapTemplate {
      return .text(
        try TemplateText.render(template, backend.variables(for: node, request)), type: "application/javascript")
    }
    let server = AdvertisedServer(request, backend.configuration)
    let script = BootstrapScript(server: server.host, port: server.port, tasksPath: APIPath.tasks(node.id))
    return .text(script.text, type: "application/javascript")
  }

  @Sendable private func nextTaskSet(_ request: Request, _ context: ServerContext) async throws -> Response {
    let node = try await backend.nodeAppeared(context.parameter("id"), request, context)
    let taken = try await backend.state.takeTaskSet(
      for: node.id, hold: backend.configuration.idleHold, context.connection)
    let taskSet: TaskSetRecord
    switch taken {
    case .nothing: throw APIError(.notFound, "Not Found")
    case .empty: return Response(status: .ok)
    case .taskSet(let set): taskSet = set
    }
    backend.tell(.taskSet(node: node.id, id: String(taskSet.number), workflow: taskSet.workflow))
    return Response(
      status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(bytes: taskSet.body)))
  }

  @Sendable private func report(_ request: Request, _ context: ServerContext) async throws -> Response {
    let node = try await backend.nodeAppeared(context.parameter("id"), request, context)
    let body = try await request.body.collected(upTo: backend.configuration.maximumReportBytes, request.headers)
    let (state, results) = (backend.state, backend.results)
    let connection = context.connection?.number ?? 0
    // Parsing and writing megabytes would hold up the other requests.
    let (contents, arrived) = try await NIOThreadPool.singleton.runIfActive {
      try JSONValueCount.check(body, "the report")
      let contents = try ReportContents(parsing: body, wholly: state.store.hasTaskSetOfRun(node.id))
      return (contents, state.prepare(body, contents, from: node.id, connection: connection))
    }
    let accepted = try await state.accept(arrived)
    let report = NodeReport(accepted.record)
    if !accepted.isRepeated {
      let file = await Self.write(body, of: node.id, to: results, tell: backend.tell)
      backend.tell(.report(report, bytes: body.count, file: file))
      for catalog in accepted.isOfRun ? [] : contents.catalogs {
        guard let reason = catalog.reason else { continue }
        backend.tell(.notParsed(node: node.id, source: catalog.source, isStored: catalog.data != nil, reason: reason))
      }
    }
    return .json(["report": .integer(report.sequence)], status: .created)
  }
  /// Writes an accepted report for people. It is kept without that, so a file that cannot be written is only told.
  ///
  /// - Returns: the file.
  private static func write(
    _ body: [UInt8], of node: String, to results: ResultStore?, tell: @Sendable (ServerEvent) -> Void
  ) async -> String? {
    guard let results else { return nil }
    do {
      return try await NIOThreadPool.singleton.runIfActive { try results.write(JSON(parsing: body), of: node) }
    } catch {
      tell(.problem("the report of node \(node) cannot be written to a file: \(error)"))
      return nil
    }
  }
}
