import GRDB
import JSONDocument

/// A task set that waits for its node, or was handed out.
public struct TaskSetRecord: Sendable {
  public enum State: String, Sendable {
    /// It waits for its node.
    case queued
    /// The node was given it, and has not reported it.
    case out
    case reported
    /// The node may have begun it, and will not report it. It is not given again.
    case lost
  }

  public let number: Int
  public let node: String
  public let state: State
  /// The run and the task (its `instanceId`) that it is of; `nil` for one pushed by hand.
  public let run: String?
  public let task: String?
  /// The name of the workflow that a push came from, if any.
  public let workflow: String?
  /// What goes out, byte for byte.
  public let body: [UInt8]
  /// What templates see while the node has it.
  public let options: JSONObject
  /// How often it was handed out: more than once only when nothing shows that the node got it.
  public internal(set) var times: Int

  let server: Int
  let isReceived: Bool

  init(_ row: Row) throws {
    number = row["number"]
    node = row["node"]
    state = State(rawValue: row["state"]) ?? .lost
    (run, task, workflow) = (row["run"], row["task"], row["workflow"])
    body = try (row["body"] as StoredBytes).bytes()
    options = try (row["options"] as StoredBytes?)?.object() ?? JSONObject()
    times = row["times"]
    server = row["server"] ?? 0
    isReceived = row["isReceived"]
  }
}

extension HeldTaskSet {
  init(_ set: TaskSetRecord) {
    (number, run, task, server, isReceived) = (set.number, set.run, set.task, set.server, set.isReceived)
  }
}

/// What a node's request for work is answered with.
public enum TakenWork: Sendable {
  /// There is nothing.
  case nothing
  /// 200 and an empty body: a task of a run has given its task set already.
  case empty
  case taskSet(TaskSetRecord)
}
