import Foundation
import HTTPTypes
import Hummingbird
import MonorailProtocol

/// Writes every request into the journal and a line into the log, and lets faults happen on the way.
struct JournalMiddleware: RouterMiddleware {
  let backend: Backend

  func handle(
    _ request: Request, context: MockContext, next: (Request, MockContext) async throws -> Response
  ) async throws -> Response {
    let target = (request.head.path ?? "/").split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let (path, query) = (String(target[0]), target.count > 1 ? String(target[1]) : nil)
    let method = request.method.rawValue
    // The control interface must stay reachable, whatever the faults.
    let fault = path.hasPrefix("/mock/") ? nil : backend.state.takeFault(method: method, path: path)
    let node = nodeID(path, request)
    let connection = backend.connections[context.channel]
    var headers: [String: String] = [:]
    for field in request.headers {
      let name = field.name.canonicalName
      headers[name] = headers[name].map { "\($0), \(field.value)" } ?? field.value
    }
    if let host = request.head.authority { headers["host"] = host }
    let number = backend.state.begin(
      method: method, path: path, query: query, headers: headers, connection: connection?.number ?? 0,
      remotePort: connection?.remotePort, nodeID: node, fault: fault)
    do {
      // curl waits a second for this before it sends a large body.
      if request.headers[.expect]?.lowercased() == "100-continue" {
        try await connection?.writeRaw(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
      }
      let response =
        if let fault, let connection {
          try await FaultPlayer(fault: fault, connection: connection, state: backend.state)
            .response(request, context, next)
        } else {
          try await next(request, context)
        }
      finish(number, status: response.status.code)
      return response
    } catch {
      finish(number, status: nil)
      throw error
    }
  }

  private func finish(_ number: Int, status: Int?) {
    guard let entry = backend.state.end(number, status: status) else { return }
    let duration = ((entry.finished ?? entry.time) - entry.time) / .milliseconds(1)
    backend.logger.info("\(entry) in \(Int(duration)) ms")
  }

  private func nodeID(_ path: String, _ request: Request) -> String? {
    if let text = request.uri.queryParameters.get("macAddress") {
      return MACAddress(text).flatMap { backend.state.node(withAddress: $0)?.id }
    }
    if path.hasSuffix("/profiles") {
      return ProfileQuery(request).interfaces.lazy.compactMap { backend.state.node(withAddress: $0.address)?.id }.first
    }
    let parts = path.split(separator: "/")
    guard parts.count >= 4, parts[0] == "api", parts[2] == "tasks" || parts[2] == "nodes" else { return nil }
    return parts[3].removingPercentEncoding
  }
}

extension MonorailState {
  fileprivate func begin(
    method: String, path: String, query: String?, headers: [String: String], connection: Int, remotePort: Int?,
    nodeID: String?, fault: Fault?
  ) -> Int {
    update { storage in
      storage.requestCount += 1
      let inFlight = nodeID.map { storage.inFlight[$0, default: 0] } ?? 0
      if let nodeID { storage.inFlight[nodeID] = inFlight + 1 }
      storage.requests.append(
        RecordedRequest(
          number: storage.requestCount, method: method, path: path, query: query, headers: headers, time: .now,
          connection: connection, remotePort: remotePort, nodeID: nodeID, overlapsAnother: inFlight > 0, fault: fault))
      // Not one by one: removing from the front moves all the others.
      if storage.requests.count > retainedRequests + retainedRequests / 4 {
        storage.requests.removeFirst(storage.requests.count - retainedRequests)
      }
      return storage.requestCount
    }
  }

  fileprivate func end(_ number: Int, status: Int?) -> RecordedRequest? {
    update { storage in
      guard let first = storage.requests.first?.number, number >= first else { return nil }
      storage.requests[number - first].status = status
      storage.requests[number - first].finished = .now
      let entry = storage.requests[number - first]
      if let id = entry.nodeID { storage.inFlight[id, default: 1] -= 1 }
      return entry
    }
  }
}
