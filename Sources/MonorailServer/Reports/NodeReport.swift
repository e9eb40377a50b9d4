import JSONDocument
import MonorailProtocol

/// A report that the server accepted.
public struct NodeReport: Sendable {
  public let nodeID: String
  /// The node's first report is 1.
  public let sequence: Int
  /// The bytes that the node sent; empty when `ServerState.retainedReportBytes` has pushed them out.
  public let body: [UInt8]
  /// When the whole of it had arrived.
  public let received: ContinuousClock.Instant
  /// The connection that it came over, as in `RecordedRequest.connection`.
  public let connection: Int
  public let taskCount: Int
  /// The tasks that failed, each as its command and how (`ipmitool sel list: code 1`).
  public let failures: [String]

  public var text: String { String(decoding: body, as: UTF8.self) }

  /// - Throws: `JSONParseError` or `TaskSet.Problem` when the report is JSON, but no task set.
  public func taskSet() throws -> TaskSet { try TaskSet(parsing: body) }

  func withoutBody() -> NodeReport {
    NodeReport(
      nodeID: nodeID, sequence: sequence, body: [], received: received, connection: connection, taskCount: taskCount,
      failures: failures)
  }
}
