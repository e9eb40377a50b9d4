import Catalogs
import GRDB
import JSONDocument
import Workflows

/// A catalog of a node. Each run adds one; the newest of a source counts.
public struct CatalogRecord: Sendable {
  public let id: String
  public let node: String
  public let source: String
  private let stored: StoredBytes
  /// Why the output could not be parsed; it stands in `data` as it was then.
  public let reason: String?
  /// In milliseconds since 1970.
  public let createdAt: Int
  /// In milliseconds since 1970.
  public let updatedAt: Int

  fileprivate init(_ row: Row) {
    (id, node, source, reason) = (row["id"], row["node"], row["source"], row["reason"])
    stored = row["data"]
    (createdAt, updatedAt) = (row["createdAt"], row["updatedAt"])
  }

  /// The document.
  ///
  /// - Throws: `StoreError` when the database is damaged.
  public func data() throws -> JSON { try stored.json() }
}

extension Store {
  /// Catalogs, oldest first, with all old versions.
  ///
  /// - Parameters:
  ///   - node: `nil` for all nodes.
  ///   - source: `nil` for all sources.
  public func catalogs(of node: String? = nil, source: String? = nil) throws -> [CatalogRecord] {
    try read { db in
      let sql = """
        SELECT * FROM catalogs WHERE (?1 IS NULL OR node = ?1) AND (?2 IS NULL OR source = ?2) ORDER BY number
        """
      return try Row.fetchAll(db, sql: sql, arguments: [node, source]).map { CatalogRecord($0) }
    }
  }

  /// The newest catalog of a source.
  public func newestCatalog(of node: String, source: String) throws -> CatalogRecord? {
    try read { db in
      let sql = "SELECT * FROM catalogs WHERE node = ? AND source = ? ORDER BY number DESC LIMIT 1"
      return try Row.fetchOne(db, sql: sql, arguments: [node, source]).map { CatalogRecord($0) }
    }
  }

  public func catalog(id: String) throws -> CatalogRecord? {
    try read { db in
      try Row.fetchOne(db, sql: "SELECT * FROM catalogs WHERE id = ?", arguments: [id]).map { CatalogRecord($0) }
    }
  }
}

/// What the parsers made of the outputs in a report.
public struct ParsedCatalogs: Sendable {
  fileprivate struct Entry: Sendable {
    let reported: ReportedCatalog
    let catalog: Catalog?
    let data: StoredBytes?
  }

  fileprivate let entries: [Entry]

  public init() { entries = [] }

  init(_ reported: [ReportedCatalog]) { entries = reported.map { Self.entry($0) } }

  fileprivate func entry(_ reported: ReportedCatalog, at place: Int) -> Entry {
    // The parts of one parsed report share their memory, so this comparison is quick.
    if entries.indices.contains(place), entries[place].reported == reported { return entries[place] }
    return Self.entry(reported)
  }

  private static func entry(_ reported: ReportedCatalog) -> Entry {
    let catalog = catalog(of: reported)
    return Entry(reported: reported, catalog: catalog, data: (catalog?.data).map { StoredBytes($0) })
  }

  private static func catalog(of reported: ReportedCatalog) -> Catalog? {
    let output = reported.task["stdout"]?.stringValue ?? ""
    switch reported.kind {
    case .marked(let source, let format):
      return .marked(source: source, format: Catalog.Format(rawValue: format), output: output)
    case .byCommand(let text):
      guard let command = ToolCommand(text) else { return nil }
      guard let error = failure(of: reported.task) else { return command.catalog(of: output) }
      return command.catalog(ofFailure: error)
    }
  }

  /// What the task tells of its failure, accepted or not; `nil` when it has none.
  private static func failure(of task: JSONObject) -> String? {
    switch task["error"] {
    case .object(let error)? where !error.members.isEmpty:
      error["code"].map { "code \($0.text)" } ?? JSON.object(error).text
    case .string(let text)? where !text.isEmpty: text
    default: nil
    }
  }
}

extension Transaction {
  /// Stores what commands printed.
  ///
  /// - Returns: a failure when an output makes the task fail; else what could not be parsed, as a text, or null.
  func store(_ reported: [ReportedCatalog], of node: String, replacesLast: Bool) throws -> RequestAnswer {
    var failure: String?
    var problems: [String] = []
    for (place, reported) in reported.enumerated() {
      let entry = catalogs.entry(reported, at: place)
      guard let catalog = entry.catalog else {
        if case .byCommand(let command) = reported.kind, ToolCommand(command) == nil {
          let reason = "no parser is known for this command"
          problems.append("\(command): \(reason)")
          tell(.catalog(source: command, node: node, isStored: false, reason: reason))
        }
        continue
      }
      try store(catalog, entry.data, of: node, replacesLast: replacesLast)
      tell(.catalog(source: catalog.source, node: node, isStored: entry.data != nil, reason: catalog.reason))
      if let reason = catalog.reason { problems.append("\(catalog.source): \(reason)") }
      if catalog.failsTask { failure = failure ?? "the catalog \(catalog.source): \(catalog.reason ?? "not parsed")" }
    }
    touch(node)
    if let failure { return .failed(failure) }
    return .done(problems.isEmpty ? .null : .string(String(problems.joined(separator: "; ").prefix(2000))))
  }

  /// Stores one catalog, and learns the addresses that it tells.
  ///
  /// - Parameter data: its document; `nil` when nothing is to be stored.
  func store(_ catalog: Catalog, _ data: StoredBytes?, of node: String, replacesLast: Bool) throws {
    if let data { try store(data, catalog, of: node, replacesLast: replacesLast) }
    for lookup in catalog.lookups {
      switch lookup {
      case .nodeAddress(let mac): try link(mac, to: node)
      case .ipAddress(let ip, let mac): try note(ipAddress: ip, of: mac)
      }
    }
    touch(node)
  }

  private func store(_ data: StoredBytes, _ catalog: Catalog, of node: String, replacesLast: Bool) throws {
    if replacesLast {
      try execute(
        """
        UPDATE catalogs SET data = ?, reason = ?, updatedAt = ? WHERE number =
        (SELECT max(number) FROM catalogs WHERE node = ? AND source = ?)
        """,
        [data, catalog.reason, now, node, catalog.source])
      if db.changesCount > 0 { return }
    }
    try execute(
      """
      INSERT INTO catalogs (id, node, source, data, reason, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      [Identifier.object(), node, catalog.source, data, catalog.reason, now, now])
    try forgetCatalogs(added: data.stored.count)
  }

  /// Removes the oldest catalogs when there are more bytes of them than the configuration allows. The newest one stays.
  private func forgetCatalogs(added: Int) throws {
    try forgetOldest(
      \.catalogBytes, added: added, limit: store.configuration.retainedCatalogBytes,
      listing: "SELECT number, length(data) AS bytes FROM catalogs ORDER BY number",
      forgetting: "DELETE FROM catalogs WHERE number = ?")
  }

  /// The newest catalog of each source: an object of records, null where there is none.
  func newestCatalogs(of node: String, sources: [String]) throws -> JSON {
    var answer = JSONObject()
    for source in sources {
      let row = try row(
        "SELECT * FROM catalogs WHERE node = ? AND source = ? ORDER BY number DESC LIMIT 1", [node, source])
      answer[source] =
        try row.map { row in
          let record = CatalogRecord(row)
          return [
            "id": .string(record.id), "node": .string(node), "source": .string(source), "data": try record.data(),
            "createdAt": .integer(record.createdAt), "updatedAt": .integer(record.updatedAt),
          ]
        } ?? .null
    }
    return .object(answer)
  }
}
