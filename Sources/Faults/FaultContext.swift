import Hummingbird
import NIOCore

/// What faults do to the connection of a request.
public protocol FaultContext: RequestContext {
  /// Sends bytes as they are, past the HTTP encoder, and waits until they have been handed over.
  func writeRaw(_ bytes: ByteBuffer) async throws

  /// Closes the connection at once.
  func closeConnection() async

  /// Waits until the client has closed its side, or the task is cancelled.
  func waitUntilClientLeft() async

  /// Is told of the fault before it happens.
  func note(_ fault: Fault)
}

/// The connection was closed instead of answering.
struct NoAnswer: Error {}
