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
    let entry = backend.state.begin(
      method: method, path: path, query: query, headers: headers, connection: connection?.number ?? 0,
      remotePort: connection?.remotePort, nodeID: node, fault: fault)
    let inProgress = connection.map { Connection.Request(on: $0) }
    do {
      // curl waits a second for this before it sends a large body.
      if request.headers[.expect]?.lowercased() == "100-continue" {
        try await connection?.writeRaw(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
      }
      var response =
        if let fault, let connection {
          try await FaultPlayer(fault: fault, connection: connection, state: backend.state)
            .response(request, context, next)
        } else {
          try await next(request, context)
        }
      backend.tell(.request(backend.state.end(entry, status: response.status.code)))
      // Until it is sent, which may take minutes.
      let body = response.body
      response.body = ResponseBody(contentLength: body.contentLength) { writer in
        try await body.write(writer)
        withExtendedLifetime(inProgress) {}
      }
      return response
    } catch {
      backend.tell(.request(backend.state.end(entry, status: nil)))
      throw error
    }
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
  ) -> RecordedRequest {
    update { storage in
      storage.requestCount += 1
      let inFlight = nodeID.map { storage.inFlight[$0, default: 0] } ?? 0
      if let nodeID { storage.inFlight[nodeID] = inFlight + 1 }
      let entry = RecordedRequest(
        number: storage.requestCount, method: method, path: path, query: query, headers: headers, time: .now,
        connection: connection, remotePort: remotePort, nodeID: nodeID, overlapsAnother: inFlight > 0, fault: fault)
      storage.requests.append(entry)
      storage.requestBytes += entry.size
      storage.forgetRequests(beyond: retainedRequests, bytes: retainedRequestBytes)
      return entry
    }
  }

  /// - Returns: the entry with its end; the journal may have forgotten it.
  fileprivate func end(_ entry: RecordedRequest, status: Int?) -> RecordedRequest {
    var entry = entry
    (entry.status, entry.finished) = (status, .now)
    return update { [entry] storage in
      if let id = entry.nodeID {
        let inFlight = storage.inFlight[id, default: 1] - 1
        storage.inFlight[id] = inFlight > 0 ? inFlight : nil
      }
      if let first = storage.requests.first?.number, entry.number >= first {
        storage.requests[entry.number - first] = entry
      }
      return entry
    }
  }
}

extension MonorailState.Storage {
  /// Forgets the oldest requests beyond a limit, and a fifth of what the limit allows with them: to remove one from the
  /// front moves all the others.
  fileprivate mutating func forgetRequests(beyond count: Int, bytes: Int) {
    guard requests.count > count || requestBytes > bytes else { return }
    var keptBytes = requestBytes
    let first = requests.indices.first { index in
      if requests.count - index <= count - count / 5, keptBytes <= bytes - bytes / 5 { return true }
      keptBytes -= requests[index].size
      return false
    }
    requests.removeFirst(first ?? requests.count)
    requestBytes = keptBytes
  }
}
