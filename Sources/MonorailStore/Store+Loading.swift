import GRDB
import JSONDocument
import Workflows

extension Store {
  /// Brings everything that is kept in memory back from the database.
  func load() throws {
    let configuration = configuration
    var (state, amounts, broken) = try read { db in
      var state = LiveState()
      var broken: [(run: String, reason: String)] = []
      for row in try Row.fetchAll(db, sql: "SELECT * FROM nodes") {
        let node = try NodeRecord(row)
        state.nodes[node.id] = node
      }
      for row in try Row.fetchAll(db, sql: "SELECT mac, node FROM lookups WHERE node IS NOT NULL ORDER BY number") {
        let (mac, node): (String, String) = (row["mac"], row["node"])
        state.nodes[node]?.addresses.append(mac)
        state.addresses[mac] = node
      }
      let sets = "SELECT * FROM taskSets WHERE state IN ('queued', 'out') ORDER BY number"
      for row in try Row.fetchAll(db, sql: sets) {
        let set = try TaskSetRecord(row)
        if set.state == .queued {
          state.nodes[set.node]?.queue.append(set.number)
        } else {
          state.nodes[set.node]?.taskSet = HeldTaskSet(set)
        }
      }
      state.library = try Self.library(db)
      for row in try Row.fetchAll(db, sql: "SELECT * FROM runs WHERE isLive ORDER BY number") {
        let run: LiveRun
        do {
          run = try Self.run(row, db, jobs: configuration.jobs)
        } catch  where !(error is DatabaseError) {
          // One damaged run must not keep the server from starting.
          broken.append((row["id"], "\(error)"))
          continue
        }
        state.runs[run.run.plan.instanceId] = run
        state.times[run.run.plan.instanceId] = run.run.nextTime
        if run.isListening { state.listening.insert(run.run.plan.instanceId) }
        if let node = run.node { state.nodes[node]?.runs.append(run.run.plan.instanceId) }
      }
      var amounts = Amounts()
      if configuration.retainedReportBytes != nil {
        amounts.reportBytes = try Int.fetchOne(db, sql: "SELECT sum(bytes) FROM reports WHERE body IS NOT NULL") ?? 0
      }
      if configuration.retainedCatalogBytes != nil {
        amounts.catalogBytes = try Int.fetchOne(db, sql: "SELECT sum(length(data)) FROM catalogs") ?? 0
      }
      if configuration.retainedSyslogLines != nil {
        for row in try Row.fetchAll(db, sql: "SELECT node, count(*) AS lines FROM syslog GROUP BY node") {
          amounts.syslogLines[row["node"]] = row["lines"]
        }
      }
      return (state, amounts, broken)
    }
    state.library = Self.merged(state.library, with: configuration.definitions)
    live.withLock { [state] in $0 = state }
    self.amounts.withLock { [amounts] in $0 = amounts }
    for (run, reason) in broken { try perform(.giveUp(run, reason)) }
  }

  private static func run(_ row: Row, _ db: Database, jobs: JobKinds) throws -> LiveRun {
    let id: String = row["id"]
    let stored: StoredBytes? = try row.decode(forColumn: "plan")
    guard let stored else { throw StoreError(.unusable, "its plan is missing") }
    var run = GraphRun(try GraphPlan(stored: stored.json()), jobs: jobs)
    var events = 0
    for row in try Row.fetchAll(db, sql: "SELECT * FROM events WHERE run = ? ORDER BY number", arguments: [id]) {
      _ = run.handle(try event(row, db), at: row["time"])
      events += 1
    }
    let parent = (row["parent"] as String?).flatMap { parent in
      (row["parentTask"] as String?).map { (run: parent, task: $0) }
    }
    return LiveRun(run: run, number: row["number"], node: row["node"], parent: parent, events: events)
  }

  private static func event(_ row: Row, _ db: Database) throws -> WorkflowEvent {
    var detail = JSON.null
    if let report = row["report"] as Int? {
      let body = try StoredBytes.fetchOne(db, sql: "SELECT body FROM reports WHERE number = ?", arguments: [report])
      guard let body else { throw StoreError(.unusable, "report \(report) is missing") }
      detail = try body.json()
    } else {
      let stored: StoredBytes? = try row.decode(forColumn: "detail")
      if let stored { detail = try stored.json() }
    }
    return try WorkflowEvent(kind: row["kind"], detail: detail)
  }
}

extension StoreCommand where Result == Void {
  /// Ends a run that cannot be brought back: it is damaged, or another version of the program stored it. The task that
  /// started it learns of the end.
  fileprivate static func giveUp(_ run: String, _ reason: String) -> StoreCommand<Void> {
    StoreCommand { transaction in
      let error = "The server was started anew, and cannot bring the workflow back: \(reason)"
      let now = transaction.now
      let document: JSON = [
        "instanceId": .string(run), "_status": "failed", "status": "failed", "error": .string(error),
      ]
      try transaction.execute(
        "UPDATE steps SET state = 'failed', endedAt = ?, error = ? WHERE run = ? AND state = 'pending'",
        [now, error, run])
      try transaction.execute(
        """
        UPDATE runs SET status = 'failed', isLive = 0, plan = NULL, view = ?, endedAt = ?, updatedAt = ? WHERE id = ?
        """,
        [StoredBytes(["raw": document, "view": document]), now, now, run])
      try transaction.execute("DELETE FROM events WHERE run = ?", [run])
      guard let row = try transaction.row("SELECT parent FROM runs WHERE id = ?", [run]),
        let parent = row["parent"] as String?
      else { return }
      try transaction.handle(.graphEnded(instanceId: run, .failed), in: parent)
    }
  }
}
