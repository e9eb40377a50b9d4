import Hummingbird
import NIOCore

/// What a request's handlers know besides the request.
public struct ServerContext: RequestContext {
  public var coreContext: CoreRequestContextStorage
  /// The connection that it came over; `nil` when it is closed already.
  public internal(set) var connection: Connection?
  /// Where the journal has the request.
  public internal(set) var entry: RequestJournal.Entry?
  let channel: any Channel

  public init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// A path parameter, its percent escapes decoded.
  func parameter(_ name: String) throws -> String {
    guard let value = try parameters.require(name).removingPercentEncoding else {
      throw APIError(.badRequest, "the path is not percent-encoded text")
    }
    return value
  }
}
