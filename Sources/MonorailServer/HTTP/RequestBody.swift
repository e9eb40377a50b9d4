import HTTPTypes
import Hummingbird
import JSONDocument

extension RequestBody {
  /// The whole body.
  ///
  /// - Throws: `APIError` 413 when it is longer than `limit` bytes, before reading any of it where its length is declared.
  public func collected(upTo limit: Int, _ headers: HTTPFields) async throws -> [UInt8] {
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

extension Request {
  /// The body as a JSON object, of at most 1 MiB and 20,000 values.
  ///
  /// - Parameter name: what the body is, for messages.
  /// - Throws: `APIError` 400 when it is none; 413.
  func object(_ name: String) async throws -> JSONObject {
    let bytes = try await body.collected(upTo: 1 << 20, headers)
    do {
      guard let object = try JSON(parsing: bytes, maximumValues: 20_000).objectValue else {
        throw APIError(.badRequest, "\(name) is no object")
      }
      return object
    } catch let error as JSONParseError {
      throw APIError(.badRequest, "\(name) is \(error)")
    }
  }
}
