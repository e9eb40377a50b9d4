import JSONDocument
import MonorailProtocol

/// A task set as it goes out: byte for byte as given, but that a missing `identifier` is put in.
struct TaskSetBody: Sendable {
  private let text: String
  private let document: JSONObject

  /// - Throws: `JSONParseError` or `TaskSet.Problem` when the text is no task set.
  init(_ text: String) throws {
    (self.text, document) = (text, try TaskSet(parsing: Array(text.utf8)).document)
  }

  func bytes(for nodeID: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    if document["identifier"] == nil, let brace = bytes.firstIndex(of: UInt8(ascii: "{")) {
      let comma = document.members.isEmpty ? "" : ","
      bytes.insert(contentsOf: Array("\"identifier\":\(JSON.string(nodeID).text)\(comma)".utf8), at: brace + 1)
    }
    return bytes
  }
}

extension ServerState {
  /// Queues a task set. It goes out byte for byte as given; only a missing `identifier` is put in.
  ///
  /// - Throws: `JSONParseError` or `TaskSet.Problem` when the text is no task set; `UnknownNode`.
  /// - Returns: an identifier of the queued set.
  @discardableResult
  public func push(
    taskSetText text: String, to nodeID: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) throws -> String {
    try push(body: TaskSetBody(text).bytes(for: nodeID), to: nodeID, workflow: workflow, options: options)
  }

  /// Queues any bytes, unchecked: half a document, deep nesting.
  ///
  /// - Throws: `UnknownNode`.
  @discardableResult
  public func push(
    body: [UInt8], to nodeID: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) throws -> String {
    try storage.update { try $0.push(body, to: nodeID, workflow: workflow, options: options) }
  }

  /// Queues the task sets of a workflow, all or none.
  ///
  /// - Throws: `JSONParseError` or `TaskSet.Problem` when a text is no task set; `UnknownNode`.
  /// - Returns: an identifier for each.
  func push(workflow: String, taskSetTexts texts: [String], options: JSONObject, to nodeID: String) throws -> [String] {
    let bodies = try texts.map { try TaskSetBody($0).bytes(for: nodeID) }
    return try storage.update { storage in
      try bodies.map { try storage.push($0, to: nodeID, workflow: workflow, options: options) }
    }
  }

  /// How many task sets wait for that node.
  public func queueLength(of nodeID: String) -> Int { node(nodeID)?.queue.count ?? 0 }

  /// Takes the first task set off the node's queue, to be handed out; waits for one.
  ///
  /// - Parameters:
  ///   - hold: how long to wait.
  ///   - isWanted: whether somebody is there to get it; asked again at each change, and after `clientLeft`.
  /// - Returns: `nil` when there was none in time, or it was not wanted any more.
  func takeTaskSet(
    for nodeID: String, hold: Duration, isWanted: @escaping @Sendable () -> Bool
  ) async -> QueuedTaskSet? {
    await storage.change(within: hold) { storage -> QueuedTaskSet?? in
      guard isWanted() else { return .some(nil) }
      guard let first = storage.nodes[nodeID]?.queue.first else { return nil }
      storage.nodes[nodeID]?.queue.removeFirst()
      storage.nodes[nodeID]?.handedOut += 1
      storage.nodes[nodeID]?.options = first.options
      return first
    } ?? nil
  }

  /// There is no such node.
  public struct UnknownNode: Error, CustomStringConvertible {
    public let id: String
    public var description: String { "the server knows no node \(id); add it first" }
  }
}

extension ServerState.Storage {
  @discardableResult
  mutating func push(_ body: [UInt8], to nodeID: String, workflow: String?, options: JSONObject) throws -> String {
    guard nodes[nodeID] != nil else { throw ServerState.UnknownNode(id: nodeID) }
    taskSets += 1
    let id = String(taskSets)
    nodes[nodeID]?.queue.append(QueuedTaskSet(id: id, workflow: workflow, body: body, options: options))
    return id
  }
}
