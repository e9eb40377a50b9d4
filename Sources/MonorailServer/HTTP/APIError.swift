import Foundation
import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailStore
import Workflows

/// An error as the server's API answers it: `{"message": …, "status": "404", "UUID": …}`.
public struct APIError: Error {
  let status: HTTPResponse.Status
  let message: String

  public init(_ status: HTTPResponse.Status, _ message: String? = nil) {
    (self.status, self.message) = (status, message ?? status.reasonPhrase)
  }

  /// The answer to a command that the store did not carry out.
  init(_ error: StoreError) {
    let status: HTTPResponse.Status =
      switch error.kind {
      case .notFound: .notFound
      case .refused, .conflict: .badRequest
      case .diskFull: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
      case .inUse, .unusable: .internalServerError
      }
    self.init(status, error.message)
  }

  /// The stock server's sentence, and behind it the place, which that server does not tell.
  init(_ error: WorkflowError) {
    self.init(.badRequest, error.message + (error.place.map { " (in \($0))" } ?? ""))
  }

  static func noNode(_ id: String) -> APIError {
    APIError(.notFound, "there is no node \(id); GET /api/current/nodes lists those that there are")
  }

  var response: Response {
    let document: JSON = [
      "message": .string(message), "status": .string(String(status.code)), "UUID": .string(UUID().uuidString),
    ]
    return .json(document, status: status)
  }
}

/// Turns what handlers throw into API errors.
struct ErrorMiddleware: RouterMiddleware {
  func handle(
    _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as APIError {
      return error.response
    } catch let error as StoreError {
      return APIError(error).response
    } catch let error as WorkflowError {
      return APIError(error).response
    } catch let error as any HTTPResponseError {
      return APIError(error.status).response
    } catch {
      return APIError(.internalServerError, "\(error)").response
    }
  }
}

extension Response {
  public static func json(_ document: JSON, status: HTTPResponse.Status = .ok) -> Response {
    text(document.prettyText, type: "application/json; charset=utf-8", status: status)
  }

  public static func text(
    _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
  ) -> Response {
    Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
