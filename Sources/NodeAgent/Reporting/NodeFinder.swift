import HTTPTransport
import MonorailProtocol

/// Asks the server who this node is.
struct NodeFinder {
  let client: MonorailClient
  /// The server that the configuration names.
  let server: ServerAddress
  /// The identifier that the configuration names. The server is then not asked.
  let nodeID: String?
  /// The address that the server knows this node by; `nil` to ask with the address of each physical NIC.
  let mac: MACAddress?
  /// The longest pause between two questions, in milliseconds.
  let pollInterval: Int
  let stop: StopSignal
  let log: Log

  /// Whether the server may have another answer later: a node that was discovered anew, or a server that moved.
  var canChange: Bool { nodeID == nil }

  /// Asks until the server knows this node; `nil` when the agent is asked to stop.
  func identify() -> NodeIdentity? {
    if let nodeID {
      log.notice("this node is \(nodeID) at \(server)")
      return NodeIdentity(server: server, tasksPath: APIPath.tasks(nodeID))
    }
    var backoff = Backoff(cap: pollInterval)
    var complaints = Complaints(log: log)
    while !stop.isRequested {
      let answer = lookUp(grace: 0)
      if let found = answer.identity {
        complaints.end("\(server) knows this node now")
        log.notice("this node is \(found.identifier) at \(found.server)")
        return found
      }
      if !stop.isRequested { complaints.add(answer.problem) }
      stop.sleep(milliseconds: backoff.next())
    }
    return nil
  }

  /// Asks once, with each MAC address that may be the one the server knows.
  ///
  /// - Parameter grace: how long this goes on when the agent is asked to stop, in milliseconds; `nil`: to its end.
  func lookUp(grace: Int?) -> (identity: NodeIdentity?, problem: String) {
    let addresses = mac.map { [$0] } ?? NetworkInterfaces.physicalAddresses()
    var problem =
      "this node has no physical network interface (yet), so it cannot say who it is; give --mac or --node-id"
    for address in addresses where !stop.isInterrupted(after: grace ?? .max) {
      do throws(HTTPError) {
        if let identity = try client.bootstrap(address, at: server, grace: grace) {
          log.identify(node: identity.identifier, mac: address)
          return (identity, "")
        }
        problem = "\(server) does not know a node with \(addresses.map(\.description).joined(separator: ", ")) (yet)"
      } catch {
        problem = error.message
      }
    }
    return (nil, problem)
  }
}
