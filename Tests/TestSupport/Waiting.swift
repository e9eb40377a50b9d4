import Foundation

/// Why a test could not go on. What a test found out is an expectation, not a failure of this type.
public struct Failure: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Calls `look` every 10 ms until it gives a value.
///
/// This is for events that nobody announces: a file that appears, a process that ends, a line in a log. The limit only keeps
/// a test that fails from waiting for ever, so it is far above what the event takes.
///
/// - Parameters:
///   - what: the event, for the error.
///   - explanation: more for the error, asked for only when the time is over.
/// - Throws: `Failure` after `limit`; what `look` throws, at once.
public func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(60), explanation: () -> String = { "" },
  _ look: () throws -> Value?
) async throws -> Value {
  let end = ContinuousClock.now + limit
  while true {
    if let value = try look() { return value }
    guard ContinuousClock.now < end else { throw Failure("waited \(limit) for \(what); \(explanation())") }
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// Runs something that blocks on a thread of its own, since the threads that tests share are as few as the processors.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: body()) }
  }
}
