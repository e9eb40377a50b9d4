import Faults
import Hummingbird
import JSONDocument
import MonorailServer

/// The interface for faults, which no real server has.
struct FaultRoutes: Sendable {
  let faults: FaultList

  func add(to router: Router<ServerContext>) {
    router.get("mock/faults") { _, _ in Response.json(.array(faults.all.map(\.json))) }
    router.post("mock/faults") { request, _ in
      let body = try await request.body.collected(upTo: 1 << 20, request.headers)
      let added: [Fault]
      do {
        let document = try JSON(parsing: body)
        added = try (document.arrayValue ?? [document]).map { try Fault($0) }
      } catch let error as JSONParseError {
        throw APIError(.badRequest, "not a fault: the body is \(error)")
      } catch {
        throw APIError(.badRequest, "\(error)")
      }
      for fault in added { faults.add(fault) }
      return Response.json(.array(added.map(\.json)), status: .created)
    }
    router.delete("mock/faults") { _, _ in
      faults.removeAll()
      return Response(status: .noContent)
    }
  }
}
