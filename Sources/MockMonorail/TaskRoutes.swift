import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailProtocol
import NIOCore
import NIOPosix

/// The task API: `tasks/bootstrap.js`, and a node's `tasks/<id>`.
struct TaskRoutes: Sendable {
  let backend: Backend

  private enum HandOut: Sendable {
    case taskSet(QueuedTaskSet)
    case clientLeft
  }

  func add(to group: RouterGroup<MockContext>) {
    group.get("tasks/bootstrap.js", use: bootstrap)
    group.get("tasks/:id", use: nextTaskSet)
    group.post("tasks/:id", use: report)
  }

  @Sendable private func bootstrap(_ request: Request, _ context: MockContext) async throws -> Response {
    let text = request.uri.queryParameters.get("macAddress") ?? ""
    guard let address = MACAddress(text) else {
      throw APIError(
        .badRequest, "macAddress=\(text) is not six octets; ask for bootstrap.js?macAddress=00:1e:67:98:bc:7e")
    }
    let node = try backend.node(at: [address], request, context)
    if let template = backend.configuration.bootstrapTemplate {
      return .text(
        try TemplateText.render(template, backend.variables(for: node, request)), type: "application/javascript")
    }
    let server = AdvertisedServer(request, backend.configuration)
    let script = BootstrapScript(server: server.host, port: server.port, tasksPath: APIPath.tasks(node.id))
    return .text(script.text, type: "application/javascript")
  }

  @Sendable private func nextTaskSet(_ request: Request, _ context: MockContext) async throws -> Response {
    let node = try backend.node(context.parameter("id"), request, context)
    let connection = backend.connections[context.channel]
    // A client that has gone must not take a set with it.
    let taken = await backend.state.wait(backend.configuration.idleHold) { storage -> HandOut? in
      guard connection?.isOpen.load(ordering: .relaxed) == true else { return .clientLeft }
      guard let first = storage.nodes[node.id]?.queue.first else { return nil }
      storage.nodes[node.id]?.queue.removeFirst()
      storage.nodes[node.id]?.handedOut += 1
      storage.nodes[node.id]?.options = first.options
      return .taskSet(first)
    }
    guard case .taskSet(let taskSet) = taken else { throw APIError(.notFound, "Not Found") }
    backend.state.update { _ in }
    backend.tell(.taskSet(node: node.id, id: taskSet.id, workflow: taskSet.workflow))
    return Response(
      status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(bytes: taskSet.body)))
  }

  @Sendable private func report(_ request: Request, _ context: MockContext) async throws -> Response {
    let node = try backend.node(context.parameter("id"), request, context)
    let body = try await request.body.collected(upTo: backend.configuration.maximumReportBytes, request.headers)
    let connection = backend.connections[context.channel]?.number ?? 0
    let results = backend.results
    // Parsing and writing megabytes would hold up the other requests.
    let (taskCount, failures, file) = try await NIOThreadPool.singleton.runIfActive {
      try JSONValueCount.check(body, "the report")
      let outline = try ReportOutline(parsing: body)
      let file = try results?.write(JSON(parsing: body), of: node.id)
      return (outline.tasks.count, outline.failures, file)
    }
    let report = backend.state.accept(
      body, from: node.id, connection: connection, taskCount: taskCount, failures: failures)
    backend.tell(.report(report, bytes: body.count, file: file))
    return .json(["report": .integer(report.sequence)], status: .created)
  }
}

extension MonorailState {
  fileprivate func accept(
    _ body: [UInt8], from id: String, connection: Int, taskCount: Int, failures: [String]
  ) -> NodeReport {
    update { storage in
      storage.nodes[id]?.reports += 1
      let sequence = storage.reports.count { $0.nodeID == id } + 1
      let report = NodeReport(
        nodeID: id, sequence: sequence, body: body, received: .now, connection: connection, taskCount: taskCount,
        failures: failures)
      storage.reports.append(report)
      var retained = storage.reports.reduce(0) { $0 + $1.body.count }
      for index in storage.reports.indices.dropLast() where retained > retainedReportBytes {
        retained -= storage.reports[index].body.count
        storage.reports[index] = storage.reports[index].withoutBody()
      }
      return report
    }
  }
}

extension RequestBody {
  /// The whole body.
  ///
  /// - Throws: `APIError` 413 when it is longer than `limit` bytes, before reading any of it where its length is declared.
  func collected(upTo limit: Int, _ headers: HTTPFields) async throws -> [UInt8] {
    let declared = headers[.contentLength].flatMap { Int($0) }
    let tooLong = APIError(.contentTooLarge, "the body is longer than \(limit) bytes")
    if let declared, declared > limit { throw tooLong }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(declared ?? 0)
    for try await buffer in self {
      if bytes.count + buffer.readableBytes > limit { throw tooLong }
      bytes += buffer.readableBytesView
    }
    return bytes
  }
}
