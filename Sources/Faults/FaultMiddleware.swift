import Hummingbird

/// Lets faults happen to requests.
public struct FaultMiddleware<Context: FaultContext>: RouterMiddleware {
  private let faults: FaultList
  private let exemptPrefix: String

  /// - Parameter exemptPrefix: no fault happens to paths that begin with this, so that faults can be removed.
  public init(_ faults: FaultList, exemptPrefix: String) { (self.faults, self.exemptPrefix) = (faults, exemptPrefix) }

  public func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let path = String((request.head.path ?? "/").prefix { $0 != "?" })
    guard !path.hasPrefix(exemptPrefix), let fault = faults.take(method: request.method.rawValue, path: path) else {
      return try await next(request, context)
    }
    context.note(fault)
    return try await FaultPlayer<Context>(fault: fault).response(request, context, next)
  }
}
