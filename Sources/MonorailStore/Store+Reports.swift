import Catalogs
import GRDB
import JSONDocument
import Workflows

/// A report that has arrived, and is not accepted yet.
public struct IncomingReport: Sendable {
  let node: String
  let body: StoredBytes
  let bytes: Int
  let mark: String?
  let connection: Int
  let taskCount: Int
  let failures: [String]
  let written: [(catalog: Catalog, data: StoredBytes?)]
  private let document: JSON?

  /// - Parameters:
  ///   - body: as it came: a JSON document.
  ///   - document: the same, parsed; `nil` leaves it to the store, which needs it for reports of runs only.
  ///   - mark: the document's member `IncomingReport.markKey`, a text.
  ///   - failures: the tasks that failed, in words.
  ///   - catalogs: what is stored of the outputs if the task set was pushed by hand. A run decides that itself.
  public init(
    node: String, body: [UInt8], document: JSON? = nil, mark: String?, connection: Int = 0, taskCount: Int = 0,
    failures: [String] = [], catalogs: [Catalog] = []
  ) {
    (self.node, self.document, self.mark) = (node, document, mark)
    (self.body, bytes) = (StoredBytes(body), body.count)
    (self.connection, self.taskCount, self.failures) = (connection, taskCount, failures)
    written = catalogs.map { ($0, $0.data.map { StoredBytes($0) }) }
  }

  /// The member that the store adds to a task set of a run. The agent sends every field back, so it tells a report of one
  /// set from that of another.
  public static let markKey = "taskSet"

  func json() throws -> JSON { try document ?? body.json() }
}

/// A report that was accepted.
public struct ReportRecord: Sendable {
  public let number: Int
  public let node: String
  /// The node's first report is 1.
  public let sequence: Int
  /// The bytes that the node sent; empty when newer reports have pushed them out.
  public let body: [UInt8]
  /// How many bytes the node sent.
  public let bytes: Int
  /// In milliseconds since 1970.
  public let receivedAt: Int
  /// The number of the connection that it came over.
  public let connection: Int
  public let taskCount: Int
  /// The tasks that failed, in words.
  public let failures: [String]

  init(_ row: Row) throws {
    (number, node, sequence) = (row["number"], row["node"], row["sequence"])
    body = try (row["body"] as StoredBytes?)?.bytes() ?? []
    (bytes, receivedAt, connection) = (row["bytes"], row["receivedAt"], row["connection"])
    taskCount = row["taskCount"]
    failures = try (row["failures"] as StoredBytes).json().arrayValue?.compactMap(\.stringValue) ?? []
  }
}

/// What became of a report.
public struct AcceptedReport: Sendable {
  public let record: ReportRecord
  /// The task set that it is of had been reported before: this one is not stored.
  public let isRepeated: Bool
  /// The task set was of a run. Then the catalogs are what the run makes of it.
  public let isOfRun: Bool
}

extension Store {
  /// Every accepted report in the order of their coming.
  ///
  /// - Parameter node: those of one node; `nil` for all.
  public func reports(of node: String? = nil) throws -> [ReportRecord] {
    try read { db in
      let sql = "SELECT * FROM reports WHERE ?1 IS NULL OR node = ?1 ORDER BY number"
      return try Row.fetchAll(db, sql: sql, arguments: [node]).map { try ReportRecord($0) }
    }
  }

  /// A node's report, by its sequence number.
  public func report(of node: String, sequence: Int) throws -> ReportRecord? {
    try read { db in
      let sql = "SELECT * FROM reports WHERE node = ? AND sequence = ?"
      return try Row.fetchOne(db, sql: sql, arguments: [node, sequence]).map { try ReportRecord($0) }
    }
  }

  /// Whether the node has a task set of a run, so that its report is needed as a document.
  public func hasTaskSetOfRun(_ node: String) -> Bool { live.withLock { $0.nodes[node]?.taskSet?.run != nil } }

  /// The node's last report, without its body.
  public func lastReport(of node: String) throws -> ReportRecord? {
    try read { db in
      let sql = """
        SELECT number, node, sequence, NULL AS body, bytes, receivedAt, connection, taskCount, failures FROM reports
        WHERE node = ? ORDER BY number DESC LIMIT 1
        """
      return try Row.fetchOne(db, sql: sql, arguments: [node]).map { try ReportRecord($0) }
    }
  }

  /// Parses the catalogs of a report, so that this need not be done in the transaction which accepts it.
  public func parsingCatalogs(of report: IncomingReport) -> ParsedCatalogs {
    let run = live.withLock { live in
      live.nodes[report.node]?.taskSet?.run.flatMap { live.runs[$0]?.run }
    }
    guard var run, let document = try? report.json() else { return ParsedCatalogs() }
    for case .perform(_, .storeCatalogs(_, let catalogs, _)) in run.handle(.nodeReported(document), at: clock()) {
      return ParsedCatalogs(catalogs)
    }
    return ParsedCatalogs()
  }
}

extension StoreCommand where Result == AcceptedReport {
  /// Stores a report. If it is of a task set of a run, the run goes on.
  ///
  /// A report of a task set that was reported before is acknowledged, and not stored again: an agent that has not got the
  /// answer to its report sends it once more.
  ///
  /// - Parameter catalogs: what `Store.parsingCatalogs` has made of it; without it, they are parsed now.
  public static func acceptReport(
    _ report: IncomingReport, catalogs: ParsedCatalogs = ParsedCatalogs()
  ) -> StoreCommand<AcceptedReport> {
    StoreCommand { try $0.accept(report, catalogs) }
  }
}

extension Transaction {
  fileprivate func accept(_ report: IncomingReport, _ catalogs: ParsedCatalogs) throws -> AcceptedReport {
    let node = try node(report.node)
    let set = try taskSet(of: report, node)
    if let number = set?.report, let row = try row("SELECT * FROM reports WHERE number = ?", [number]) {
      return AcceptedReport(record: try ReportRecord(row), isRepeated: true, isOfRun: set?.run != nil)
    }
    let number = try insert(
      """
      INSERT INTO reports (node, sequence, taskSet, body, bytes, receivedAt, connection, taskCount, failures)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        node.id, node.reports + 1, set?.number, report.body, report.bytes, now, report.connection, report.taskCount,
        StoredBytes(.array(report.failures.map { .string($0) })),
      ])
    try update(node.id) { $0.reports += 1 }
    // A node that reports what it was not given may have begun what it was given.
    if set == nil { try markReceived(node.id) }
    if let set {
      try execute("UPDATE taskSets SET state = 'reported', report = ? WHERE number = ?", [number, set.number])
      if node.taskSet?.number == set.number { try update(node.id) { $0.taskSet = nil } }
      if let run = set.run, set.isOut {
        self.catalogs = catalogs
        defer { self.catalogs = ParsedCatalogs() }
        try handle(.nodeReported(report.json()), in: run, report: number)
      }
    }
    if set?.run == nil {
      for (catalog, data) in report.written { try store(catalog, data, of: node.id, replacesLast: false) }
    }
    try forgetBodies(added: report.bytes)
    guard let row = try row("SELECT * FROM reports WHERE number = ?", [number]) else {
      throw StoreError(.unusable, "report \(number) is missing in the database")
    }
    return AcceptedReport(record: try ReportRecord(row), isRepeated: false, isOfRun: set?.run != nil)
  }

  private struct ReportedSet {
    let number: Int
    let run: String?
    let isOut: Bool
    let report: Int?
  }

  /// The task set that a report is of: the one whose mark it has. A task set that was pushed by hand has no mark: it is the
  /// one that the node has when the report has no mark of another set. A report with an unknown mark, or with none, is of no
  /// task set of a run.
  private func taskSet(of report: IncomingReport, _ node: NodeRecord) throws -> ReportedSet? {
    var found: Row?
    if let mark = report.mark {
      found = try row(
        "SELECT number, run, state, report FROM taskSets WHERE mark = ? AND node = ?", [mark, node.id])
    }
    if found == nil, let held = node.taskSet, held.run == nil {
      found = try row("SELECT number, run, state, report FROM taskSets WHERE number = ?", [held.number])
    }
    return found.map {
      ReportedSet(number: $0["number"], run: $0["run"], isOut: $0["state"] == "out", report: $0["report"])
    }
  }

  /// Takes the bodies of the oldest reports out when there are more bytes of them than the configuration allows. The newest
  /// report stays.
  private func forgetBodies(added: Int) throws {
    try forgetOldest(
      \.reportBytes, added: added, limit: store.configuration.retainedReportBytes,
      listing: "SELECT number, bytes FROM reports WHERE body IS NOT NULL ORDER BY number",
      forgetting: "UPDATE reports SET body = NULL WHERE number = ?")
  }
}
