import JSONDocument
import MonorailProtocol
import MonorailStore

/// A report that the server accepted.
public struct NodeReport: Sendable {
  private let record: ReportRecord

  init(_ record: ReportRecord) { self.record = record }

  public var nodeID: String { record.node }
  /// The node's first report is 1.
  public var sequence: Int { record.sequence }
  /// The bytes that the node sent; empty when newer reports have pushed them out.
  public var body: [UInt8] { record.body }
  /// When the whole of it had arrived, in milliseconds since 1970.
  public var receivedAt: Int { record.receivedAt }
  /// The connection that it came over, as in `RecordedRequest.connection`.
  public var connection: Int { record.connection }
  public var taskCount: Int { record.taskCount }
  /// The tasks that failed, each as its command and how (`ipmitool sel list: code 1`).
  public var failures: [String] { record.failures }

  public var text: String { String(decoding: body, as: UTF8.self) }

  /// - Throws: `JSONParseError` or `TaskSet.Problem` when the report is JSON, but no task set.
  public func taskSet() throws -> TaskSet { try TaskSet(parsing: body) }
}
