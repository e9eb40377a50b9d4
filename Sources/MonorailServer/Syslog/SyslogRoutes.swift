import Hummingbird

/// The lines of syslog of a node, and those of which nothing tells the node. No stock server has these routes.
struct SyslogRoutes: Sendable {
  let state: ServerState

  func add(to router: Router<ServerContext>) {
    router.get("mock/nodes/:id/syslog") { _, context in
      let id = try context.parameter("id")
      guard state.node(id) != nil else { throw APIError.noNode(id) }
      return Response.text(state.syslog(from: id).map { $0.description + "\n" }.joined())
    }
    router.get("mock/syslog") { _, _ in
      Response.text(state.syslog(from: nil).map { $0.description + "\n" }.joined())
    }
  }
}
