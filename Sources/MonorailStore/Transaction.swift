import GRDB
import JSONDocument
import Workflows

/// What a command works with: the database inside of a transaction, and the live state as it will be after it.
///
/// It is used on the database's own thread only.
final class Transaction {
  let db: Database
  let store: Store
  /// In milliseconds since 1970, the same for the whole transaction.
  let now: Int
  var changes = LiveChanges()
  /// What was parsed of the report that this transaction accepts.
  var catalogs = ParsedCatalogs()

  init(_ db: Database, _ store: Store, now: Int) { (self.db, self.store, self.now) = (db, store, now) }

  func execute(_ sql: String, _ arguments: StatementArguments = []) throws {
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  func row(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
    try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments)
  }

  /// Adds a row, and gives its number.
  func insert(_ sql: String, _ arguments: StatementArguments) throws -> Int {
    try execute(sql, arguments)
    return Int(db.lastInsertedRowID)
  }

  // MARK: Live state

  func node(_ id: String) throws -> NodeRecord {
    guard let node = nodeIfKnown(id) else { throw StoreError.noNode(id) }
    return node
  }

  func nodeIfKnown(_ id: String) -> NodeRecord? {
    if let changed = changes.nodes[id] { return changed }
    return store.live.withLock { $0.nodes[id] }
  }

  func node(ofAddress address: String) -> String? {
    if let changed = changes.addresses[address] { return changed }
    return store.live.withLock { $0.addresses[address] }
  }

  func run(_ id: String) -> LiveRun? {
    if let changed = changes.runs[id] { return changed }
    return store.live.withLock { $0.runs[id] }
  }

  var library: DefinitionLibrary { changes.library ?? store.live.withLock { $0.library } }

  /// Changes a node in the database and in the live state.
  func update(_ id: String, _ change: (inout NodeRecord) throws -> Void) throws {
    var node = try node(id)
    try change(&node)
    node.updatedAt = now
    changes.nodes[id] = node
    try execute(
      """
      UPDATE nodes SET document = ?, ip = ?, hasAppeared = ?, options = ?, handedOut = ?, reports = ?, boots = ?,
      updatedAt = ? WHERE id = ?
      """,
      [
        StoredBytes(.object(node.document)), node.ipAddress, node.hasAppeared, StoredBytes(.object(node.options)),
        node.handedOut, node.reports, node.boots, now, id,
      ])
  }

  func touch(_ node: String?) {
    if let node { changes.touchedNodes.insert(node) }
  }

  func tell(_ notice: StoreNotice) { changes.notices.append(notice) }
}

/// Something to be done in one transaction: all of it is stored, or nothing.
public struct StoreCommand<Result: Sendable>: Sendable {
  let body: @Sendable (Transaction) throws -> Result

  init(_ body: @escaping @Sendable (Transaction) throws -> Result) { self.body = body }
}
