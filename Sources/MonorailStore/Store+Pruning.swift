import GRDB

/// How much was removed.
public struct PruneCount: Sendable, Hashable {
  public var runs = 0
  public var taskSets = 0
  public var reports = 0
  public var catalogs = 0
  public var syslogLines = 0
}

extension StoreCommand where Result == PruneCount {
  /// Removes what is older than that: runs that have ended, task sets that are done, reports, lines of syslog, and catalogs
  /// but the newest of each source of a node. What a run that goes on needs stays, and so do nodes, definitions, settings
  /// and files.
  public static func prune(keepDays days: Int) -> StoreCommand<PruneCount> {
    StoreCommand { transaction in
      let limit = transaction.now - days * 86_400_000
      var count = PruneCount()
      func delete(_ sql: String) throws -> Int {
        try transaction.execute(sql, [limit])
        return transaction.db.changesCount
      }
      _ = try delete(
        "DELETE FROM steps WHERE run IN (SELECT id FROM runs WHERE NOT isLive AND coalesce(endedAt, updatedAt) < ?)")
      count.runs = try delete("DELETE FROM runs WHERE NOT isLive AND coalesce(endedAt, updatedAt) < ?")
      count.taskSets = try delete("DELETE FROM taskSets WHERE state IN ('reported', 'lost') AND createdAt < ?")
      count.reports = try delete(
        "DELETE FROM reports WHERE receivedAt < ? AND number NOT IN (SELECT report FROM events WHERE report IS NOT NULL)"
      )
      count.catalogs = try delete(
        """
        DELETE FROM catalogs WHERE updatedAt < ? AND number NOT IN
        (SELECT max(number) FROM catalogs GROUP BY node, source)
        """)
      count.syslogLines = try delete("DELETE FROM syslog WHERE receivedAt < ?")
      return count
    }
  }
}

extension Transaction {
  /// Forgets the oldest rows but the newest one, when there are more bytes of them than allowed.
  ///
  /// - Parameters:
  ///   - amount: what counts their bytes, so that the rows are looked at only when there are too many.
  ///   - added: bytes that this transaction has added.
  ///   - limit: in bytes; `nil`: any number.
  ///   - listing: gives `number` and `bytes` of each row, the oldest first.
  ///   - forgetting: takes a row's number.
  func forgetOldest(
    _ amount: WritableKeyPath<Store.Amounts, Int> & Sendable, added: Int, limit: Int?, listing: String,
    forgetting: String
  ) throws {
    guard let limit else { return }
    let total = store.amounts.withLock { amounts in
      amounts[keyPath: amount] += added
      return amounts[keyPath: amount]
    }
    guard total > limit else { return }
    let rows = try Row.fetchAll(db.cachedStatement(sql: listing))
    var rest = rows.reduce(0) { $0 + ($1["bytes"] as Int) }
    for row in rows.dropLast() where rest > limit {
      try execute(forgetting, [row["number"]])
      rest -= row["bytes"] as Int
    }
    store.amounts.withLock { [rest] in $0[keyPath: amount] = rest }
  }
}

extension Store {
  /// Removes what is older than so many days (`StoreCommand.prune`), and gives the room back to the disk.
  ///
  /// - Throws: `StoreError`; nothing is removed then.
  public func prune(keepDays days: Int) async throws -> PruneCount {
    let count = try await perform(.prune(keepDays: days))
    do {
      try await database.writeWithoutTransaction { db in
        try Row.fetchCursor(db, sql: "PRAGMA incremental_vacuum").forEach { _ in }
        try emptyLog(db)
      }
    } catch {
      throw StoreError.from(error, place: place)
    }
    return count
  }

  /// Moves what SQLite's log (`monorail.sqlite-wal`) has into the database, and the log's room back to the disk. When
  /// another program reads the database just now, the log stays.
  func emptyLog(_ db: Database) throws {
    // Those who read and write meanwhile would wait as long as this does.
    try db.execute(sql: "PRAGMA busy_timeout = 200")
    defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Int(configuration.busySeconds * 1000))") }
    try Row.fetchCursor(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)").forEach { _ in }
  }
}
