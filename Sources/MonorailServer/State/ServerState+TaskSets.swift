import JSONDocument
import MonorailProtocol
import MonorailStore

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
  /// - Throws: `JSONParseError` or `TaskSet.Problem` when the text is no task set; `StoreError` for an unknown node.
  /// - Returns: an identifier of the queued set.
  @discardableResult
  public func push(
    taskSetText text: String, to nodeID: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) throws -> String {
    try push(body: TaskSetBody(text).bytes(for: nodeID), to: nodeID, workflow: workflow, options: options)
  }

  /// Queues any bytes, unchecked: half a document, deep nesting.
  ///
  /// - Throws: `StoreError` for an unknown node.
  @discardableResult
  public func push(
    body: [UInt8], to nodeID: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) throws -> String {
    String(try store.perform(.push(body, to: nodeID, workflow: workflow, options: options)))
  }

  /// Queues the task sets of a workflow, all or none.
  ///
  /// - Throws: `JSONParseError` or `TaskSet.Problem` when a text is no task set; `StoreError` for an unknown node.
  /// - Returns: an identifier for each.
  func push(
    workflow: String?, taskSetTexts texts: [String], options: JSONObject, to nodeID: String
  ) async throws -> [String] {
    let bodies = try texts.map { try TaskSetBody($0).bytes(for: nodeID) }
    return try await store.perform(.push(bodies, to: nodeID, workflow: workflow, options: options)).map { String($0) }
  }

  /// How many task sets wait for that node.
  public func queueLength(of nodeID: String) -> Int { store.node(nodeID)?.queued ?? 0 }

  /// Takes what the node is to do next; waits for it.
  ///
  /// - Parameters:
  ///   - hold: how long to wait.
  ///   - connection: of the client. Nothing is taken for one that has left, and then nobody waits.
  func takeTaskSet(for nodeID: String, hold: Duration, _ connection: Connection?) async throws -> TakenWork {
    let store = store
    // Who waits looks again when the client leaves.
    let farewell = connection?.onClientLeft { store.wake(.node(nodeID)) }
    defer { if let farewell { connection?.forgetFarewell(farewell) } }
    return try await store.wait(on: .node(nodeID), timeout: hold) {
      guard connection?.isOpen == true else { return .nothing }
      guard store.mayHaveWork(nodeID) else { return nil }
      let taken = try await store.perform(.takeTaskSet(nodeID) { connection?.isOpen == true })
      if case .nothing = taken { return nil }
      return taken
    } ?? .nothing
  }
}
