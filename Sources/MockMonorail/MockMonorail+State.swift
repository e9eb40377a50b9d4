import JSONDocument
import MonorailProtocol

// The state's interface on the server itself, so that a test has one thing to talk to.
extension MockMonorail {
  /// Makes a node known.
  ///
  /// - Parameters:
  ///   - mac: its address, with colons or hyphens. A programmer's error when it is not one.
  ///   - id: its identifier; `nil` derives one from the address.
  /// - Returns: the identifier.
  @discardableResult
  public func addNode(mac: String, id: String? = nil) -> String {
    guard let address = MACAddress(mac) else { preconditionFailure("\(mac) is not a MAC address") }
    return state.addNode(address: address, id: id)
  }

  /// Makes a node known that has no address yet.
  public func addNode(id: String) { state.addNode(id: id) }

  /// Queues a task set: see `MonorailState.push(taskSetText:to:options:)`.
  @discardableResult
  public func push(taskSetText text: String, to nodeID: String, options: JSONObject = JSONObject()) throws -> String {
    try state.push(taskSetText: text, to: nodeID, options: options)
  }

  /// Queues any bytes, unchecked: half a document, deep nesting.
  @discardableResult
  public func push(body: [UInt8], to nodeID: String) throws -> String { try state.push(body: body, to: nodeID) }

  /// The node's next report that this has not returned yet; waits for it. `WaitTimeout` says what came instead.
  public func nextReport(from nodeID: String, timeout: Duration = .seconds(30)) async throws -> NodeReport {
    try await state.nextReport(from: nodeID, timeout: timeout)
  }

  /// Every accepted report in the order of their coming, or those of one node.
  public func reports(from nodeID: String? = nil) -> [NodeReport] { state.reports(from: nodeID) }

  /// Waits until the journal holds `count` requests of that kind: see `MonorailState.waitForRequests`.
  @discardableResult
  public func waitForRequests(
    _ count: Int = 1, timeout: Duration = .seconds(30),
    matching predicate: @escaping @Sendable (RecordedRequest) -> Bool
  ) async throws -> [RecordedRequest] {
    try await state.waitForRequests(count, timeout: timeout, matching: predicate)
  }

  /// The next boot of the machine with that NIC that this has not returned yet: see `MonorailState.nextBoot`.
  ///
  /// - Parameter mac: with colons or hyphens. A programmer's error when it is not an address.
  public func nextBoot(mac: String, timeout: Duration = .seconds(30)) async throws -> NodeBoot {
    guard let address = MACAddress(mac) else { preconditionFailure("\(mac) is not a MAC address") }
    return try await state.nextBoot(of: address, timeout: timeout)
  }

  /// Waits for a line of that node that satisfies the condition: see `MonorailState.waitForSyslog`.
  @discardableResult
  public func waitForSyslog(
    from nodeID: String?, timeout: Duration = .seconds(30), where condition: @escaping @Sendable (SyslogLine) -> Bool
  ) async throws -> SyslogLine {
    try await state.waitForSyslog(from: nodeID, timeout: timeout, where: condition)
  }

  /// The journal, oldest first.
  public var requests: [RecordedRequest] { state.requests }

  /// Adds a fault, behind those that are there.
  public func inject(_ fault: Fault) { state.inject(fault) }

  /// Adds `mock.inject(.status(503), "POST", "/api/*/tasks/*", times: 2)`.
  public func inject(_ kind: Fault.Kind, _ method: String? = nil, _ path: String = "*", times: Int? = nil) {
    state.inject(Fault(kind, method: method, path: path, times: times))
  }

  public func removeFaults() { state.removeFaults() }

  /// Where `files/` keeps its files: to put one there, or to see what a node has uploaded.
  public var filesDirectory: String { server.filesDirectory }

  /// Where `templates/` keeps its templates.
  public var templatesDirectory: String { server.templatesDirectory }
}
