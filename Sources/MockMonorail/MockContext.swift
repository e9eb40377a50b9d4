import Hummingbird
import NIOCore

/// What a request's handlers know besides the request.
struct MockContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
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
