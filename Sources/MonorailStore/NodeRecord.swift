import GRDB
import JSONDocument

/// A node, as the server knows it.
public struct NodeRecord: Sendable {
  public let id: String
  /// Nodes are listed in this order.
  let number: Int
  /// What was posted of it: `name`, `type`, `identifiers`, … Unknown fields are kept.
  public internal(set) var document: JSONObject
  /// MAC addresses of all its NICs that are known, in lower case with colons, in the order of their coming.
  public internal(set) var addresses: [String] = []
  /// The address of its last request.
  public internal(set) var ipAddress: String?
  /// Whether it has asked for anything yet.
  public internal(set) var hasAppeared = false
  /// What templates see: the options of the task set handed out last.
  public internal(set) var options = JSONObject()
  /// How many task sets were handed out to it.
  public internal(set) var handedOut = 0
  public internal(set) var reports = 0
  /// How often it has asked for its boot profile.
  public internal(set) var boots = 0
  /// In milliseconds since 1970.
  public let createdAt: Int
  /// In milliseconds since 1970.
  public internal(set) var updatedAt: Int

  /// Task sets pushed by hand that wait for it, by number, first one first.
  var queue: [Int] = []
  /// The task set that it has, and has not reported.
  var taskSet: HeldTaskSet?
  /// Runs that are for it and still want events, in the order in which they started.
  var runs: [String] = []

  /// How many task sets pushed by hand wait for it.
  public var queued: Int { queue.count }
  /// Whether it has a task set that it has not reported.
  public var hasTaskSet: Bool { taskSet != nil }
}

/// A task set that a node was given, and has not reported.
struct HeldTaskSet: Sendable {
  let number: Int
  /// The run and the task that it is of; `nil` for one pushed by hand.
  let run: String?
  let task: String?
  /// Which start of the server handed it out.
  let server: Int
  /// Something shows that the node got it, or may have begun it: it tried to report, or has started anew.
  var isReceived: Bool
}

extension NodeRecord {
  init(id: String, number: Int, document: JSONObject, now: Int) {
    (self.id, self.number, self.document, createdAt, updatedAt) = (id, number, document, now, now)
  }

  /// Without addresses, queue, task set and runs.
  init(_ row: Row) throws {
    id = row["id"]
    number = row["number"]
    document = try (row["document"] as StoredBytes).object()
    ipAddress = row["ip"]
    hasAppeared = row["hasAppeared"]
    options = try (row["options"] as StoredBytes).object()
    handedOut = row["handedOut"]
    reports = row["reports"]
    boots = row["boots"]
    createdAt = row["createdAt"]
    updatedAt = row["updatedAt"]
  }
}

extension StoredBytes {
  func object() throws -> JSONObject {
    guard case .object(let object) = try json() else {
      throw StoreError(.unusable, "a value in the database is no object")
    }
    return object
  }
}
