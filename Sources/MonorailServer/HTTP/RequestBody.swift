import HTTPTypes
import Hummingbird

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
