import GRDB
import JSONDocument

/// A line of syslog that a node sent.
public struct SyslogRecord: Sendable {
  /// `nil` when nothing tells the node.
  public let node: String?
  /// In milliseconds since 1970.
  public let receivedAt: Int
  /// The line's parts.
  public let line: JSON

  public init(node: String?, receivedAt: Int, line: JSON) {
    (self.node, self.receivedAt, self.line) = (node, receivedAt, line)
  }
}

extension Store {
  /// The lines of a node, oldest first. `nil`: those of which nothing tells the node.
  ///
  /// - Parameter last: how many at most, the newest ones.
  public func syslog(of node: String?, last: Int = 10_000) throws -> [SyslogRecord] {
    try read { db in
      let sql = """
        SELECT * FROM (SELECT * FROM syslog WHERE node IS ? ORDER BY number DESC LIMIT ?) ORDER BY number
        """
      return try Row.fetchAll(db, sql: sql, arguments: [node, last]).map { row in
        SyslogRecord(node: row["node"], receivedAt: row["receivedAt"], line: try (row["line"] as StoredBytes).json())
      }
    }
  }
}

extension StoreCommand where Result == Void {
  /// Keeps lines of syslog.
  public static func addSyslog(_ lines: [SyslogRecord]) -> StoreCommand<Void> {
    StoreCommand { transaction in
      for line in lines { try transaction.add(line) }
    }
  }
}

extension Transaction {
  fileprivate func add(_ line: SyslogRecord) throws {
    try execute(
      "INSERT INTO syslog (node, receivedAt, line) VALUES (?, ?, ?)",
      [line.node, line.receivedAt, StoredBytes(line.line)])
    touch(line.node)
    guard let limit = store.configuration.retainedSyslogLines else { return }
    let count = store.amounts.withLock { amounts in
      amounts.syslogLines[line.node, default: 0] += 1
      return amounts.syslogLines[line.node, default: 0]
    }
    guard count > limit + limit / 4 else { return }
    try execute(
      """
      DELETE FROM syslog WHERE node IS ?1 AND number <=
      (SELECT number FROM syslog WHERE node IS ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
      """, [line.node, limit])
    store.amounts.withLock { $0.syslogLines[line.node] = limit }
  }
}
