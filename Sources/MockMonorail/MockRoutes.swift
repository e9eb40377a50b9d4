import Hummingbird
import JSONDocument

/// The mock server's own interface, which no real server has: faults, and lines of syslog.
struct MockRoutes: Sendable {
  let backend: Backend

  func add(to router: Router<MockContext>) {
    let state = backend.state
    router.get("mock/faults") { _, _ in Response.json(.array(state.faults.map(\.json))) }
    router.post("mock/faults") { request, _ in
      let body = try await request.body.collected(upTo: 1 << 20, request.headers)
      let faults: [Fault]
      do {
        let document = try JSON(parsing: body)
        faults = try (document.arrayValue ?? [document]).map { try Fault($0) }
      } catch let error as JSONParseError {
        throw APIError(.badRequest, "not a fault: the body is \(error)")
      } catch {
        throw APIError(.badRequest, "\(error)")
      }
      for fault in faults { state.inject(fault) }
      return Response.json(.array(faults.map(\.json)), status: .created)
    }
    router.get("mock/nodes/:id/syslog") { _, context in
      let id = try context.parameter("id")
      guard state.node(id) != nil else { throw APIError.noNode(id) }
      return Response.text(state.syslog(from: id).map { $0.description + "\n" }.joined())
    }
    router.get("mock/syslog") { _, _ in
      Response.text(state.syslog(from: nil).map { $0.description + "\n" }.joined())
    }
    router.delete("mock/faults") { _, _ in
      state.removeFaults()
      return Response(status: .noContent)
    }
  }
}
