import Faults
import MonorailServer
import NIOCore

extension ServerContext: FaultContext {
  public func writeRaw(_ bytes: ByteBuffer) async throws { try await connection?.writeRaw(bytes) }

  public func closeConnection() async { await connection?.close() }

  public func waitUntilClientLeft() async { await connection?.waitUntilClientLeft() }

  public func note(_ fault: Fault) { entry?.note(fault) }
}

extension Fault: RequestRemark {}

extension RecordedRequest {
  /// The fault that it ran into.
  public var fault: Fault? { remark as? Fault }
}
