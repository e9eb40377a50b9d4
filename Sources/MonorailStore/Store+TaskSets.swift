import GRDB
import JSONDocument
import Workflows

extension Store {
  /// Whether a request for work of that node can be answered with anything but "nothing". It reads memory only, so that
  /// thousands of waiting requests cost the database nothing.
  public func mayHaveWork(_ id: String) -> Bool {
    let (node, runs) = live.withLock { live in
      (live.nodes[id], live.nodes[id]?.runs.compactMap { live.runs[$0]?.run } ?? [])
    }
    guard let node else { return false }
    if !node.queue.isEmpty || node.taskSet != nil { return true }
    let now = clock()
    return runs.contains { run in
      var run = run
      return run.handle(.nodeAsked, at: now).contains {
        switch $0 {
        case .handOut, .answerEmpty: true
        default: false
        }
      }
    }
  }

  /// The task sets that were pushed by hand for that node and wait for it, first one first.
  public func queuedTaskSets(of node: String) throws -> [TaskSetRecord] {
    try read { db in
      let sql = "SELECT * FROM taskSets WHERE node = ? AND state = 'queued' ORDER BY number"
      return try Row.fetchAll(db, sql: sql, arguments: [node]).map { try TaskSetRecord($0) }
    }
  }

  public func taskSet(_ number: Int) throws -> TaskSetRecord? {
    try read { db in
      try Row.fetchOne(db, sql: "SELECT * FROM taskSets WHERE number = ?", arguments: [number]).map {
        try TaskSetRecord($0)
      }
    }
  }
}

extension StoreCommand where Result == [Int] {
  /// Queues task sets for a node, all or none. They go out byte for byte.
  ///
  /// - Returns: their numbers.
  public static func push(
    _ bodies: [[UInt8]], to node: String, workflow: String?, options: JSONObject
  ) -> StoreCommand<[Int]> {
    let pushes = bodies.map { StoreCommand<Int>.push($0, to: node, workflow: workflow, options: options) }
    return StoreCommand { transaction in try pushes.map { try $0.body(transaction) } }
  }
}

extension StoreCommand where Result == Int {
  /// Queues a task set for a node. It goes out byte for byte.
  ///
  /// - Returns: its number.
  public static func push(
    _ body: [UInt8], to node: String, workflow: String? = nil, options: JSONObject = JSONObject()
  ) -> StoreCommand<Int> {
    let (stored, storedOptions) = (StoredBytes(body), StoredBytes(.object(options)))
    return StoreCommand { transaction in
      guard var record = transaction.nodeIfKnown(node) else { throw StoreError.noNode(node) }
      let number = try transaction.insert(
        """
        INSERT INTO taskSets (node, state, workflow, body, options, isReceived, createdAt, times)
        VALUES (?, 'queued', ?, ?, ?, 0, ?, 0)
        """, [node, workflow, stored, storedOptions, transaction.now])
      record.queue.append(number)
      transaction.changes.nodes[node] = record
      return number
    }
  }
}

extension StoreCommand where Result == TakenWork {
  /// Answers a node's request for work.
  ///
  /// A task set is given once. It is given again only while nothing shows that the node got it: an agent asks for work only
  /// when it has none, so it has not got the answer. (For a set pushed by hand this holds after a restart of the server
  /// only.) When the node has tried to report, or has started anew, it may have begun the set: then the set is lost, and a
  /// task that gives its set once fails.
  ///
  /// - Parameter isWanted: asked in the transaction; when it is false, nothing is handed out.
  public static func takeTaskSet(
    _ node: String, isWanted: @escaping @Sendable () -> Bool = { true }
  ) -> StoreCommand<TakenWork> {
    StoreCommand { transaction in
      guard isWanted() else { return .nothing }
      return try transaction.takeTaskSet(node)
    }
  }
}

extension StoreCommand where Result == Void {
  /// The server has refused a report of that node. The node drops it then, and with it the task set: it is not given again.
  public static func reportRefused(_ node: String) -> StoreCommand<Void> {
    StoreCommand { try $0.markReceived(node) }
  }
}

extension Transaction {
  fileprivate func takeTaskSet(_ id: String) throws -> TakenWork {
    let node = try node(id)
    if let held = node.taskSet {
      if !held.isReceived, try mayBeGivenAgain(held) { return .taskSet(try giveAgain(held, to: id)) }
      try lose(held, of: id)
    }
    if let number = node.queue.first { return .taskSet(try handOutQueued(number, to: id)) }
    return try askRuns(of: id)
  }

  private func mayBeGivenAgain(_ held: HeldTaskSet) throws -> Bool {
    guard let run = held.run else { return held.server != store.server }
    // A task that reboots the node succeeds when its set is handed out, and its set has to arrive all the same. A set of a
    // task that was cancelled or whose time was up is not to be run.
    let sql = "SELECT state FROM steps WHERE run = ? AND task = ?"
    let state: String? = try row(sql, [run, held.task])?["state"]
    return state == TaskState.pending.rawValue || state == TaskState.succeeded.rawValue
  }

  private func giveAgain(_ held: HeldTaskSet, to id: String) throws -> TaskSetRecord {
    try execute(
      "UPDATE taskSets SET times = times + 1, server = ? WHERE number = ?", [store.server, held.number])
    let set = try taskSet(held.number)
    try update(id) { node in
      node.taskSet = HeldTaskSet(set)
      node.options = set.options
    }
    return set
  }

  /// Gives a task set up that the node may have begun. A task that gives its set once fails.
  private func lose(_ held: HeldTaskSet, of id: String) throws {
    try execute("UPDATE taskSets SET state = 'lost' WHERE number = ?", [held.number])
    try update(id) { $0.taskSet = nil }
    tell(.taskSetLost(node: id, number: held.number))
    guard let run = held.run, let task = held.task, let live = self.run(run) else { return }
    var copy = live.run
    let wouldGiveOnce = copy.handle(.nodeAsked, at: now).contains(.answerEmpty(task: task))
    guard wouldGiveOnce else { return }
    let reason = """
      The node asked for work again, without a report of the task set that it was given, after it had started anew or its \
      report was refused. The set is not given again, since its commands may have run.
      """
    try handle(.failed(task: task, reason: reason), in: run)
  }

  private func handOutQueued(_ number: Int, to id: String) throws -> TaskSetRecord {
    try execute(
      "UPDATE taskSets SET state = 'out', server = ?, handedOutAt = ?, times = 1 WHERE number = ?",
      [store.server, now, number])
    let set = try taskSet(number)
    try update(id) { node in
      node.queue.removeFirst()
      node.handedOut += 1
      node.options = set.options
      node.taskSet = HeldTaskSet(set)
    }
    return set
  }

  /// Asks the node's runs: the active one first, then those that have ended while tasks of them go on.
  private func askRuns(of id: String) throws -> TakenWork {
    let runs = try node(id).runs.compactMap { run($0) }
    for live in runs.filter(\.isActive) + runs.filter({ !$0.isActive }) {
      let run = live.run.plan.instanceId
      let outcome = try handle(.nodeAsked, in: run)
      if let (task, set) = outcome.handOut { return .taskSet(try handOut(set, of: task, in: live, to: id)) }
      if outcome.isAnsweredEmpty { return .empty }
    }
    return .nothing
  }

  /// - Parameter json: what the task gives; a mark is added, which comes back with the report and tells it from one of
  ///   another set.
  private func handOut(_ json: JSON, of task: String, in live: LiveRun, to id: String) throws -> TaskSetRecord {
    let mark = Identifier.object()
    var document = json.objectValue ?? JSONObject()
    document[IncomingReport.markKey] = .string(mark)
    let run = live.run.plan.instanceId
    let options = live.run.tasks.first { $0.instanceId == task }?.options ?? JSONObject()
    let number = try insert(
      """
      INSERT INTO taskSets (node, state, mark, run, task, workflow, body, options, server, isReceived, createdAt,
        handedOutAt, times)
      VALUES (?, 'out', ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 1)
      """,
      [
        id, mark, run, task, live.run.plan.definition.injectableName, StoredBytes(.object(document)),
        StoredBytes(.object(options)), store.server, now, now,
      ])
    let set = try taskSet(number)
    try update(id) { node in
      node.handedOut += 1
      node.options = set.options
      node.taskSet = HeldTaskSet(set)
    }
    return set
  }

  func markReceived(_ id: String) throws {
    guard var node = nodeIfKnown(id), let held = node.taskSet, !held.isReceived else { return }
    try execute("UPDATE taskSets SET isReceived = 1 WHERE number = ?", [held.number])
    node.taskSet?.isReceived = true
    changes.nodes[id] = node
  }

  func taskSet(_ number: Int) throws -> TaskSetRecord {
    guard let row = try row("SELECT * FROM taskSets WHERE number = ?", [number]) else {
      throw StoreError(.unusable, "task set \(number) is missing in the database")
    }
    return try TaskSetRecord(row)
  }
}
