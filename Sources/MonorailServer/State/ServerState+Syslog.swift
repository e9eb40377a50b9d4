import Foundation
import MonorailProtocol

/// Syslog lines, by node.
struct SyslogStorage: Sendable {
  /// By node; under `nil` the lines of which nothing tells the node.
  var lines: [String?: [SyslogLine]] = [:]
  /// How many lines have come, with those that are not kept any more.
  var count = 0
}

extension ServerState {
  /// The lines of a node, oldest first: the last `retainedSyslogLines`, and up to a quarter more. `nil`: the lines of which
  /// nothing tells the node.
  public func syslog(from nodeID: String?) -> [SyslogLine] { storage.read { $0.syslog.lines[nodeID] ?? [] } }

  /// Waits for a line of that node that satisfies the condition; it may have come already.
  ///
  /// - Parameter nodeID: `nil`: lines of which nothing told the node.
  /// - Returns: `nil` when there was none in time.
  public func waitForSyslog(
    from nodeID: String?, timeout: Duration, where condition: @escaping @Sendable (SyslogLine) -> Bool
  ) async -> SyslogLine? {
    await storage.wait(timeout) { $0.syslog.lines[nodeID]?.first(where: condition) }
  }

  /// Keeps a line, with the node that it came from. What tells the node, the first of these that does:
  ///
  /// 1. the host name: it is the node's identifier, or has the twelve hexadecimal digits of one of its MAC addresses in it;
  /// 2. the agent, which names its node and its MAC address (`SyslogAgent`);
  /// 3. the source address, when only one node has it.
  ///
  /// All machines of QEMU's user network have one source address, so the third alone would mix them up.
  ///
  /// - Returns: the line, with its node.
  func addSyslog(_ line: SyslogLine) -> SyslogLine {
    storage.update { storage in
      var line = line
      if let id = storage.nodeNamed(byHostOf: line) ?? storage.nodeNamed(byAgentIn: line) {
        line.nodeID = id
      } else {
        let nodes = storage.nodes.values.filter { $0.ipAddress == line.source }
        line.nodeID = nodes.count == 1 ? nodes.first?.id : nil
      }
      storage.syslog.count += 1
      storage.syslog.lines[line.nodeID, default: []].append(line)
      let count = storage.syslog.lines[line.nodeID]?.count ?? 0
      if count > retainedSyslogLines + retainedSyslogLines / 4 {
        storage.syslog.lines[line.nodeID]?.removeFirst(count - retainedSyslogLines)
      }
      return line
    }
  }
}

extension ServerState.Storage {
  fileprivate func nodeNamed(byAgentIn line: SyslogLine) -> String? {
    if let id = line.agent?.node, nodes[id] != nil { return id }
    return line.agent?.mac.flatMap { node(withAddress: $0)?.id }
  }

  fileprivate func nodeNamed(byHostOf line: SyslogLine) -> String? {
    guard let host = line.host else { return nil }
    if nodes[host] != nil { return host }
    let digits = host.lowercased().filter { $0 != "-" && $0 != "_" && $0 != ":" }
    guard digits.utf8.count >= 12 else { return nil }
    return nodes.values.first { node in
      node.macAddresses.contains { address in digits.contains(address.description.filter { $0 != ":" }) }
    }?.id
  }
}
