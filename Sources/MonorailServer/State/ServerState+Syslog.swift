import Foundation
import MonorailProtocol
import MonorailStore

/// Syslog lines in memory, by node.
struct SyslogStorage: Sendable {
  /// By node; under `nil` the lines of which nothing tells the node.
  var lines: [String?: [SyslogLine]] = [:]
  /// Those that are not in the store yet.
  var unsaved: [SyslogLine] = []
  /// They are on their way there.
  var isSaving = false
}

extension ServerState {
  /// The lines of a node, oldest first: the last `retainedSyslogLines`, and up to a quarter more. `nil`: the lines of which
  /// nothing tells the node.
  public func syslog(from nodeID: String?) -> [SyslogLine] { syslog.read { $0.lines[nodeID] ?? [] } }

  /// Waits for a line of that node that satisfies the condition; it may have come already.
  ///
  /// - Parameter nodeID: `nil`: lines of which nothing told the node.
  /// - Returns: `nil` when there was none in time.
  public func waitForSyslog(
    from nodeID: String?, timeout: Duration, where condition: @escaping @Sendable (SyslogLine) -> Bool
  ) async -> SyslogLine? {
    await syslog.wait(timeout) { $0.lines[nodeID]?.first(where: condition) }
  }

  /// Keeps a line, with the node that it came from. What tells the node, the first of these that does:
  ///
  /// 1. the host name: it is the node's identifier, or has the twelve hexadecimal digits of one of its MAC addresses in it;
  /// 2. the agent, which names its node and its MAC address (`SyslogAgent`);
  /// 3. the source address, when only one node has it.
  ///
  /// All machines of QEMU's user network have one source address, so the third alone would mix them up.
  ///
  /// The line goes into the store a moment later: nobody acknowledges syslog, and lines come faster than disks commit.
  ///
  /// - Parameter failed: called with the reason when lines could not be stored.
  /// - Returns: the line, with its node.
  func addSyslog(_ line: SyslogLine, failed: @escaping @Sendable (any Error) -> Void) -> SyslogLine {
    var line = line
    line.nodeID = node(namedByHostOf: line) ?? node(namedByAgentIn: line) ?? node(atSourceOf: line)
    let (limit, added) = (retainedSyslogLines, line)
    let startsSaving = syslog.update { storage in
      storage.lines[added.nodeID, default: []].append(added)
      storage.forgetOldest(of: added.nodeID, beyond: limit)
      storage.unsaved.append(added)
      defer { storage.isSaving = true }
      return !storage.isSaving
    }
    if startsSaving { Task { await saveSyslog(failed) } }
    return line
  }

  private func saveSyslog(_ failed: @Sendable (any Error) -> Void) async {
    while true {
      let lines = syslog.update { storage in
        defer { storage.unsaved = [] }
        storage.isSaving = !storage.unsaved.isEmpty
        return storage.unsaved
      }
      if lines.isEmpty { return }
      do {
        try await store.perform(.addSyslog(lines.map(\.record)))
      } catch {
        failed(error)
      }
    }
  }

  /// Takes the last lines of each node out of the store.
  func loadSyslog() throws {
    for id in store.nodes.map({ Optional($0.id) }) + [nil] {
      let lines = try store.syslog(of: id, last: retainedSyslogLines).compactMap { SyslogLine($0) }
      if !lines.isEmpty { syslog.update { $0.lines[id] = lines } }
    }
  }

  private func node(namedByAgentIn line: SyslogLine) -> String? {
    if let id = line.agent?.node, store.node(id) != nil { return id }
    return line.agent?.mac.flatMap { node(withAddress: $0)?.id }
  }

  private func node(namedByHostOf line: SyslogLine) -> String? {
    guard let host = line.host else { return nil }
    if store.node(host) != nil { return host }
    let digits = host.lowercased().filter { $0 != "-" && $0 != "_" && $0 != ":" }
    guard digits.utf8.count >= 12 else { return nil }
    return store.nodes.first { node in
      node.addresses.contains { address in digits.contains(address.filter { $0 != ":" }) }
    }?.id
  }

  private func node(atSourceOf line: SyslogLine) -> String? {
    let nodes = store.nodes.filter { $0.ipAddress == line.source }
    return nodes.count == 1 ? nodes.first?.id : nil
  }
}

extension SyslogStorage {
  fileprivate mutating func forgetOldest(of node: String?, beyond limit: Int) {
    let count = lines[node]?.count ?? 0
    if count > limit + limit / 4 { lines[node]?.removeFirst(count - limit) }
  }
}
