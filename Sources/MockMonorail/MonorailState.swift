import JSONDocument
import MonorailProtocol
import Synchronization

/// What a mock server knows: nodes, queues, reports, boots, lines of syslog, faults, and the journal of requests.
///
/// It may outlive its server: `MockMonorail.start` with the state of a stopped server is that server after a restart.
public final class MonorailState: Sendable {
  public let server: ServerState
  let journal: RequestJournal
  let faultList = FaultList()

  /// How many of a node's reports `nextReport` has returned.
  private let takenReports = Mutex<[String: Int]>([:])
  /// The last boot of a node that `nextBoot` has returned.
  private let takenBoots = Mutex<[String: Int]>([:])

  /// - Parameters:
  ///   - retainedReportBytes: see `ServerState`.
  ///   - retainedRequests: see `RequestJournal`.
  public init(
    retainedReportBytes: Int = 512 << 20, retainedCatalogBytes: Int = 256 << 20, retainedRequests: Int = 100_000,
    retainedRequestBytes: Int = 64 << 20, retainedSyslogLines: Int = 2000
  ) {
    server = ServerState(
      retainedReportBytes: retainedReportBytes, retainedCatalogBytes: retainedCatalogBytes,
      retainedSyslogLines: retainedSyslogLines)
    journal = RequestJournal(retainedRequests: retainedRequests, retainedBytes: retainedRequestBytes)
  }

  /// A mock server that knows what another state knows already, with the default journal.
  public init(_ server: ServerState) {
    self.server = server
    journal = RequestJournal()
  }

  /// Every node, in the order of their coming.
  public var nodes: [KnownNode] { server.nodes }

  public func node(_ id: String) -> KnownNode? { server.node(id) }

  public func node(withAddress address: MACAddress) -> KnownNode? { server.node(withAddress: address) }

  /// Makes a node known.
  ///
  /// - Parameter id: its identifier; `nil` derives one from the address.
  /// - Returns: the identifier.
  @discardableResult
  public func addNode(address: MACAddress, id: String? = nil) -> String {
    Self.sure { try server.addNode(address: address, id: id) }
  }

  /// Makes a node known that has no address yet.
  public func addNode(id: String) { Self.sure { try server.addNode(id: id) } }

  /// Forgets a node and its queue: it gets 404 again (or appears anew, if the server lets it). Its reports stay.
  /// A programmer's error while a run of the node is active.
  public func removeNode(_ id: String) { Self.sure { try server.removeNode(id) } }

  /// Queues a task set: see `ServerState.push(taskSetText:to:workflow:options:)`.
  @discardableResult
  public func push(taskSetText text: String, to nodeID: String, options: JSONObject = JSONObject()) throws -> String {
    try server.push(taskSetText: text, to: nodeID, options: options)
  }

  /// Queues any bytes, unchecked: half a document, deep nesting.
  ///
  /// - Throws: `StoreError` for an unknown node.
  @discardableResult
  public func push(body: [UInt8], to nodeID: String) throws -> String { try server.push(body: body, to: nodeID) }

  /// How many task sets wait for that node.
  public func queueLength(of nodeID: String) -> Int { server.queueLength(of: nodeID) }

  /// Every accepted report in the order of their coming, or those of one node.
  public func reports(from nodeID: String? = nil) -> [NodeReport] {
    Self.sure { try server.reports(from: nodeID) }
  }

  /// Every catalog in the order of their coming, or those of one node.
  public func catalogs(of nodeID: String? = nil) -> [CatalogRecord] {
    Self.sure { try server.catalogs(of: nodeID) }
  }

  /// Every boot in the order of their coming, or those of one node. The oldest beyond some thousands are forgotten.
  public func boots(of nodeID: String? = nil) -> [NodeBoot] { server.boots(of: nodeID) }

  /// The last lines of a node, oldest first. `nil`: the lines of which nothing tells the node.
  public func syslog(from nodeID: String?) -> [SyslogLine] { server.syslog(from: nodeID) }

  /// The journal, oldest first.
  public var requests: [RecordedRequest] { journal.requests }

  /// What cannot fail while the state is in memory.
  private static func sure<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { preconditionFailure("the state of a mock server: \(error)") }
  }

  /// Adds a fault, behind those that are there.
  public func inject(_ fault: Fault) { faultList.add(fault) }

  /// The faults that are not used up.
  public var faults: [Fault] { faultList.all }

  public func removeFaults() { faultList.removeAll() }
}

extension MonorailState {
  /// The node's next report that this has not returned yet; waits for it.
  ///
  /// - Throws: `WaitTimeout` after `timeout`, saying what came instead.
  public func nextReport(from nodeID: String, timeout: Duration = .seconds(30)) async throws -> NodeReport {
    let end = ContinuousClock.now + timeout
    while true {
      let taken = takenReports.withLock { $0[nodeID, default: 0] }
      guard let report = try await server.waitForReport(taken + 1, from: nodeID, timeout: end - .now) else {
        throw WaitTimeout(awaited: "a report from node \(nodeID)", after: timeout, self)
      }
      if Self.take(taken + 1, of: nodeID, after: taken, takenReports) { return report }
    }
  }

  /// Waits until `count` reports have been accepted from all nodes together.
  ///
  /// - Throws: `WaitTimeout`.
  public func waitForReports(_ count: Int, timeout: Duration = .seconds(30)) async throws {
    guard try await server.waitForReports(count, timeout: timeout) else {
      throw WaitTimeout(awaited: "\(count) reports", after: timeout, self)
    }
  }

  /// Waits for the next boot of the machine that has a NIC with that address, and returns each boot once. The machine need
  /// not be known before.
  ///
  /// - Throws: `WaitTimeout` after `timeout`, saying what came instead.
  public func nextBoot(of address: MACAddress, timeout: Duration = .seconds(30)) async throws -> NodeBoot {
    let end = ContinuousClock.now + timeout
    while true {
      let seen = takenBoots.withLock { $0 }
      guard let boot = await server.waitForBoot(of: address, after: seen, timeout: end - .now) else {
        throw WaitTimeout(awaited: "a boot of \(address)", after: timeout, self)
      }
      if Self.take(boot.sequence, of: boot.nodeID, after: seen[boot.nodeID, default: 0], takenBoots) { return boot }
    }
  }

  /// Waits for a line of that node that satisfies the condition, and returns it; it may have come already.
  ///
  /// - Parameter nodeID: `nil`: lines of which nothing told the node.
  /// - Throws: `WaitTimeout`, with the lines that came instead.
  @discardableResult
  public func waitForSyslog(
    from nodeID: String?, timeout: Duration = .seconds(30), where condition: @escaping @Sendable (SyslogLine) -> Bool
  ) async throws -> SyslogLine {
    guard let line = await server.waitForSyslog(from: nodeID, timeout: timeout, where: condition) else {
      let last = syslog(from: nodeID).suffix(10).map { "\n  \($0.description)" }.joined()
      throw WaitTimeout(
        awaited: "a line of syslog from \(nodeID.map { "node \($0)" } ?? "nobody"), after these:\(last)\n",
        after: timeout, self)
    }
    return line
  }

  /// Waits until the journal holds `count` requests of that kind.
  ///
  /// - Parameter predicate: which requests count; `status` and `finished` are `nil` in one not answered yet.
  /// - Throws: `WaitTimeout`.
  /// - Returns: the first `count` of them.
  @discardableResult
  public func waitForRequests(
    _ count: Int = 1, timeout: Duration = .seconds(30),
    matching predicate: @escaping @Sendable (RecordedRequest) -> Bool
  ) async throws -> [RecordedRequest] {
    guard let found = await journal.waitForRequests(count, timeout: timeout, matching: predicate) else {
      throw WaitTimeout(awaited: "\(count) requests of a kind", after: timeout, self)
    }
    return found
  }

  /// Notes what is returned, so that no other caller gets it.
  ///
  /// - Returns: false when another caller has got it meanwhile.
  private static func take(
    _ sequence: Int, of nodeID: String, after seen: Int, _ taken: borrowing Mutex<[String: Int]>
  ) -> Bool {
    taken.withLock { taken in
      guard taken[nodeID, default: 0] == seen else { return false }
      taken[nodeID] = sequence
      return true
    }
  }
}

/// What was awaited did not come.
public struct WaitTimeout: Error, CustomStringConvertible {
  public let description: String

  init(awaited: String, after timeout: Duration, _ state: MonorailState) {
    let requests = state.requests
    let last = requests.suffix(10).map { "\n  \($0)" }.joined()
    description =
      "waited for \(awaited), but not within \(timeout); \(requests.count) requests so far, the last ones:\(last)"
  }
}
