import Hummingbird
import JSONDocument

/// The mock server's own interface, which no real server has: faults.
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
      } catch {
        throw APIError(.badRequest, "\(error)")
      }
      for fault in faults { state.inject(fault) }
      return Response.json(.array(faults.map(\.json)), status: .created)
    }
    router.delete("mock/faults") { _, _ in
      state.removeFaults()
      return Response(status: .noContent)
    }
  }
}
