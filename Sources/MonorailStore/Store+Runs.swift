import GRDB
import JSONDocument
import Workflows

extension Store {
  /// Runs, oldest first.
  ///
  /// - Parameters:
  ///   - node: `nil` for all.
  ///   - isActive: those that are active, or those that are not; `nil` for both.
  public func runs(of node: String? = nil, isActive: Bool? = nil) throws -> [RunRecord] {
    try read { db in
      let sql = """
        SELECT * FROM runs WHERE (?1 IS NULL OR node = ?1) AND (?2 IS NULL OR (status = 'running') = ?2)
        ORDER BY number
        """
      return try Row.fetchAll(db, sql: sql, arguments: [node, isActive]).map { RunRecord($0) }
    }
  }

  public func run(_ id: String) throws -> RunRecord? {
    try read { db in
      try Row.fetchOne(db, sql: "SELECT * FROM runs WHERE id = ?", arguments: [id]).map { RunRecord($0) }
    }
  }

  /// The tasks of a run that have started or ended, in the order of their start.
  public func steps(of run: String) throws -> [StepRecord] {
    try read { db in
      let sql = "SELECT * FROM steps WHERE run = ? ORDER BY startedAt IS NULL, startedAt, endedAt, label"
      return try Row.fetchAll(db, sql: sql, arguments: [run]).map { StepRecord($0) }
    }
  }

  /// A run that still wants events.
  public func liveRun(_ id: String) -> GraphRun? { live.withLock { $0.runs[id]?.run } }

  /// Nodes of whose runs a task waits for a request of the node, or for a notification.
  public var listeningNodes: Set<String> {
    live.withLock { live in
      live.listening.isEmpty ? [] : Set(live.listening.compactMap { live.runs[$0]?.node })
    }
  }

  /// The node's active run, if there is one.
  public func activeRun(of node: String) -> GraphRun? { liveRuns(of: node).first { $0.status == .running } }

  /// The node's runs that still want events, the active one first.
  public func liveRuns(of node: String) -> [GraphRun] {
    let runs = live.withLock { live in live.nodes[node]?.runs.compactMap { live.runs[$0]?.run } ?? [] }
    return runs.filter { $0.status == .running } + runs.filter { $0.status != .running }
  }

  /// A run with every task, in the forms of the API; `nil` when there is no such run.
  public func documents(of id: String) throws -> RunDocuments? {
    if let run = live.withLock({ $0.runs[id] }) { return RunDocuments(run) }
    return try read { db in
      let sql = "SELECT view FROM runs WHERE id = ?"
      return try StoredBytes.fetchOne(db, sql: sql, arguments: [id]).map { RunDocuments(stored: try $0.json()) }
    }
  }

  /// Makes the plan of a run, with all the checks that need no transaction.
  ///
  /// - Throws: `StoreError` for an unknown node or graph, or when the node has an active run; `WorkflowError` for what is
  ///   wrong with the graph or its options.
  func planning(_ request: StartRequest, depth: Int = 0, library: DefinitionLibrary) throws -> PlannedRun {
    let graph = try library.graph(request.graph)
    let resolved = try ResolvedGraph(graph, requestOptions: request.options, in: library)
    let plan = try GraphPlan(
      resolved,
      RunRequest(
        options: request.options, context: request.context, target: request.node, scope: request.scope, depth: depth),
      jobs: configuration.jobs, identifier: Identifier.instance)
    return PlannedRun(plan: plan, stored: StoredBytes(plan.stored))
  }
}

/// A run that can be started.
public struct PlannedRun: Sendable {
  public let plan: GraphPlan
  let stored: StoredBytes
  var node: String? { plan.context["target"]?.stringValue }
}

extension Store {
  /// Starts a run of a graph.
  ///
  /// - Returns: the run's identifier.
  /// - Throws: `StoreError` for an unknown node, or when the node has an active run; `WorkflowError` for an unknown graph
  ///   and for what is wrong with it or its options. Nothing is stored then.
  public func start(_ request: StartRequest) async throws -> String {
    if let id = request.node {
      guard let node = node(id) else { throw StoreError.noNode(id) }
      _ = try library.graph(request.graph)
      if node.runs.contains(where: { liveRun($0)?.status == .running }) { throw StoreError.activeRun }
    }
    let planned = try planning(request, library: library)
    return try await perform(.start(planned))
  }
}

extension StoreError {
  static let activeRun = StoreError(.conflict, "Unable to run multiple task graphs against a single target.")
}

extension StoreCommand where Result == String {
  static func start(_ planned: PlannedRun) -> StoreCommand<String> {
    StoreCommand { transaction in
      let id = try transaction.add(planned, parent: nil)
      try transaction.handle(.started, in: id)
      return id
    }
  }
}

extension StoreCommand where Result == Void {
  /// Cancels a run. Commands that the node has already are not recalled.
  ///
  /// - Throws: `StoreError` when there is no such run, or it is not active.
  public static func cancel(_ run: String) -> StoreCommand<Void> {
    StoreCommand { transaction in
      guard transaction.run(run)?.isActive == true else {
        throw StoreError(.notFound, "\(run) is not an active workflow")
      }
      try transaction.handle(.cancelled, in: run)
    }
  }

  /// Forgets a run that has ended, with its steps.
  ///
  /// - Throws: `StoreError` when there is no such run, or it is active.
  public static func deleteRun(_ run: String) -> StoreCommand<Void> {
    StoreCommand { transaction in
      guard try transaction.row("SELECT number FROM runs WHERE id = ?", [run]) != nil else {
        throw StoreError(.notFound, "Graph instance not found for \(run)")
      }
      guard transaction.run(run)?.isActive != true else {
        throw StoreError(.conflict, "Forbidden to delete an active workflow \(run)")
      }
      try transaction.retire(run)
      try transaction.execute("DELETE FROM steps WHERE run = ?", [run])
      try transaction.execute("DELETE FROM runs WHERE id = ?", [run])
    }
  }

  /// Time has passed: runs whose `Store.nextTime` has come go on.
  public static var timePassed: StoreCommand<Void> {
    StoreCommand { transaction in
      let due = transaction.store.live.withLock { live in
        live.times.filter { $0.value <= transaction.now }.sorted { $0.value < $1.value }.map(\.key)
      }
      for run in due { try transaction.handle(.timePassed, in: run) }
    }
  }

  /// What a task asked for is done, or could not be done.
  ///
  /// - Parameter catalogs: outputs of commands that the server ran for the task, to be stored along with this.
  public static func performed(
    _ action: ServerAction, _ answer: RequestAnswer, storing catalogs: (node: String, [ReportedCatalog])? = nil
  ) -> StoreCommand<Void> {
    StoreCommand { transaction in
      if let (node, catalogs) = catalogs, transaction.nodeIfKnown(node) != nil {
        // As on the stock server, a catalog that cannot be parsed does not fail this task.
        _ = try transaction.store(catalogs, of: node, replacesLast: false)
      }
      try transaction.handle(.performed(task: action.task, answer), in: action.run)
    }
  }

  /// A request from the node's address was answered, or a notification came for it: its runs may wait for that.
  ///
  /// - Parameter event: `requestAnswered` or `notified`.
  public static func tellRuns(of node: String, _ event: WorkflowEvent) -> StoreCommand<Void> {
    StoreCommand { transaction in
      for run in transaction.nodeIfKnown(node)?.runs ?? [] { try transaction.handle(event, in: run) }
    }
  }
}
