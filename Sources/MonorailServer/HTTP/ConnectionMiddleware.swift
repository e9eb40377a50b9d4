import Hummingbird
import NIOCore

/// Finds the connection of each request, and keeps it from being closed as idle until the answer is sent.
struct ConnectionMiddleware: RouterMiddleware {
  let connections: Connections

  func handle(
    _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    guard let connection = connections[context.channel] else { return try await next(request, context) }
    var context = context
    context.connection = connection
    let inProgress = Connection.Request(on: connection)
    // curl waits a second for this before it sends a large body. A client that has gone is noticed when its body is read.
    if request.headers[.expect]?.lowercased() == "100-continue" {
      try? await connection.writeRaw(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
    }
    var response = try await next(request, context)
    // Until it is sent, which may take minutes.
    let body = response.body
    response.body = ResponseBody(contentLength: body.contentLength) { writer in
      try await body.write(writer)
      withExtendedLifetime(inProgress) {}
    }
    return response
  }
}
