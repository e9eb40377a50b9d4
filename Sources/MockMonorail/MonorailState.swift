import Foundation
import JSONDocument
import MonorailProtocol
import Synchronization

/// What a server knows: nodes, queues, reports, boots, lines of syslog, faults, and the journal of requests.
///
/// It may outlive its server: `MockMonorail.start` with the state of a stopped server is that server after a restart.
public final class MonorailState: Sendable {
  struct Storage: Sendable {
    var nodes: [String: MockNode] = [:]
    /// Identifiers in the order of their coming.
    var order: [String] = []
    var reports: [NodeReport] = []
    /// How many of a node's reports `nextReport` has returned.
    var taken: [String: Int] = [:]
    var boots: [NodeBoot] = []
    /// The last boot of a node that `nextBoot` has returned.
    var takenBoots: [String: Int] = [:]
    var syslog = SyslogStorage()
    var faults: [Fault] = []
    var requests: [RecordedRequest] = []
    /// About how much memory `requests` takes, in bytes.
    var requestBytes = 0
    var requestCount = 0
    var inFlight: [String: Int] = [:]
    var connections = 0
    var workflows = 0
    var version = 0
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter = 0
    var scratch: ScratchDirectory?
  }

  let storage = Mutex(Storage())

  /// How many bytes of reports are kept; beyond that the oldest lose their body.
  public let retainedReportBytes: Int
  /// How many requests the journal keeps at most. Beyond it, the oldest fifth goes.
  public let retainedRequests: Int
  /// About how much memory the journal may take, in bytes.
  public let retainedRequestBytes: Int
  /// How many lines of syslog are kept of each node.
  public let retainedSyslogLines: Int

  public init(
    retainedReportBytes: Int = 512 << 20, retainedRequests: Int = 100_000, retainedRequestBytes: Int = 64 << 20,
    retainedSyslogLines: Int = 2000
  ) {
    (self.retainedReportBytes, self.retainedRequests) = (retainedReportBytes, retainedRequests)
    self.retainedRequestBytes = retainedRequestBytes
    self.retainedSyslogLines = retainedSyslogLines
  }

  /// Every node, in the order of their coming.
  public var nodes: [MockNode] { read { storage in storage.order.compactMap { storage.nodes[$0] } } }

  public func node(_ id: String) -> MockNode? { read { $0.nodes[id] } }

  public func node(withAddress address: MACAddress) -> MockNode? {
    read { $0.node(withAddress: address) }
  }

  /// Makes a node known.
  ///
  /// - Parameter id: its identifier; `nil` derives one from the address.
  /// - Returns: the identifier.
  @discardableResult
  public func addNode(address: MACAddress, id: String? = nil) -> String {
    let id = id ?? MockNode.identifier(for: address)
    update { storage in
      storage.add(MockNode(id: id))
      storage.link(address, to: id)
    }
    return id
  }

  /// Adds addresses of more NICs to a node; an address of another node stays with that node.
  func link(_ addresses: [MACAddress], to id: String) {
    update { storage in
      for address in addresses where storage.node(withAddress: address) == nil { storage.link(address, to: id) }
    }
  }

  /// Makes a node known that has no address yet.
  public func addNode(id: String) { update { $0.add(MockNode(id: id)) } }

  /// Forgets a node and its queue: it gets 404 again (or appears anew, if the server lets it). Its reports stay.
  public func removeNode(_ id: String) {
    update { storage in
      storage.nodes[id] = nil
      storage.order.removeAll { $0 == id }
    }
  }

  /// Queues a task set. It goes out byte for byte as given; only a missing `identifier` is put in.
  ///
  /// - Throws: `JSONParseError` or `TaskSet.Problem` when the text is no task set; `UnknownNode`.
  /// - Returns: an identifier of the queued set.
  @discardableResult
  public func push(
    taskSetText text: String, to nodeID: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) throws -> String {
    let taskSet = try TaskSet(parsing: Array(text.utf8))
    var body = Array(text.utf8)
    if taskSet.document["identifier"] == nil, let brace = body.firstIndex(of: UInt8(ascii: "{")) {
      let comma = taskSet.document.members.isEmpty ? "" : ","
      body.insert(contentsOf: Array("\"identifier\":\(JSON.string(nodeID).text)\(comma)".utf8), at: brace + 1)
    }
    return try push(body: body, to: nodeID, workflow: workflow, options: options)
  }

  /// Queues any bytes, unchecked: half a document, deep nesting.
  ///
  /// - Throws: `UnknownNode`.
  @discardableResult
  public func push(
    body: [UInt8], to nodeID: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) throws -> String {
    try update { storage in
      guard storage.nodes[nodeID] != nil else { throw UnknownNode(id: nodeID) }
      storage.workflows += 1
      let id = String(storage.workflows)
      storage.nodes[nodeID]?.queue.append(QueuedTaskSet(id: id, workflow: workflow, body: body, options: options))
      return id
    }
  }

  /// How many task sets wait for that node.
  public func queueLength(of nodeID: String) -> Int { node(nodeID)?.queue.count ?? 0 }

  /// Every accepted report in the order of their coming, or those of one node.
  public func reports(from nodeID: String? = nil) -> [NodeReport] {
    read { storage in storage.reports.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  /// The journal, oldest first.
  public var requests: [RecordedRequest] { read { $0.requests } }

  /// Adds a fault, behind those that are there.
  public func inject(_ fault: Fault) { update { $0.faults.append(fault) } }

  /// The faults that are not used up.
  public var faults: [Fault] { read { $0.faults } }

  public func removeFaults() { update { $0.faults = [] } }

  /// There is no such node.
  public struct UnknownNode: Error, CustomStringConvertible {
    public let id: String
    public var description: String { "the mock server knows no node \(id); add it first" }
  }

  /// A directory that goes away with the state.
  func scratchDirectory(_ name: String) throws -> String {
    try update { storage in
      let scratch = try storage.scratch ?? ScratchDirectory()
      storage.scratch = scratch
      let path = scratch.path + "/" + name
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return path
    }
  }
}

extension MonorailState.Storage {
  func node(withAddress address: MACAddress) -> MockNode? {
    nodes.values.first { $0.macAddresses.contains(address) }
  }

  fileprivate mutating func link(_ address: MACAddress, to id: String) {
    guard nodes[id]?.macAddresses.contains(address) == false else { return }
    nodes[id]?.macAddresses.append(address)
  }

  mutating func add(_ node: MockNode) {
    guard nodes[node.id] == nil else { return }
    nodes[node.id] = node
    order.append(node.id)
  }
}
