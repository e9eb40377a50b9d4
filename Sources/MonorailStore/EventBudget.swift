import GRDB
import Workflows

/// What all that one event brings about may still take: it is one transaction, and everything else waits for it.
struct EventBudget {
  /// Where a run is among the runs that start one another.
  struct Family {
    /// The identifier of the run that no other run has started.
    let root: String
    /// The graphs from that run's to this one's.
    let graphs: [String]
  }

  var rules = RuleBudget()
  /// The SKUs and the tags with their rules, once they were needed.
  var skus: [(sku: RuleSetRecord, rules: SKURules)]?
  var tags: [(name: String, rules: TagRules)]?
  /// How many tasks the graphs may still have that are started.
  var tasks = GraphPlan.mostTasksAtOnce
  /// The families of runs, by the runs' identifiers.
  var families: [String: Family] = [:]
  /// How many more runs a family may get, by its root.
  var rooms: [String: Int] = [:]
}

extension Transaction {
  /// - Throws: `WorkflowError` when the graph is around itself, so that it would never end, or when too much was started.
  func permit(_ graph: GraphDefinition, in family: EventBudget.Family, _ budget: inout EventBudget) throws {
    let name = graph.injectableName
    if let first = family.graphs.firstIndex(of: name) {
      let circle = (family.graphs[first...] + [name]).joined(separator: " > ")
      throw WorkflowError("the graph \(name) runs itself: \(circle)")
    }
    guard try room(in: family, &budget) > 0 else {
      throw WorkflowError(
        "the graph \(family.graphs.first ?? name) has started \(GraphPlan.mostDescendants) graphs, itself or through "
          + "those that it runs; more are not started")
    }
    guard budget.tasks >= graph.items.count else {
      throw WorkflowError(
        "the graphs that are started at once have more than \(GraphPlan.mostTasksAtOnce) tasks together")
    }
    // A graph that is refused after this has taken its time, too.
    budget.tasks -= graph.items.count
  }

  func family(of live: LiveRun, _ budget: inout EventBudget) throws -> EventBudget.Family {
    let id = live.run.plan.instanceId
    if let family = budget.families[id] { return family }
    // A run has a greater number than the one that started it.
    let sql = """
      WITH RECURSIVE around (number, id, graph, parent) AS (
        SELECT number, id, graph, parent FROM runs WHERE id = ?
        UNION SELECT runs.number, runs.id, runs.graph, runs.parent FROM around JOIN runs ON runs.id = around.parent)
      SELECT id, graph FROM around ORDER BY number
      """
    let rows = try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [id])
    let family = EventBudget.Family(root: rows.first?["id"] ?? id, graphs: rows.map { $0["graph"] })
    budget.families[id] = family
    return family
  }

  /// How many more runs the family may get.
  private func room(in family: EventBudget.Family, _ budget: inout EventBudget) throws -> Int {
    if let room = budget.rooms[family.root] { return room }
    let sql = """
      WITH RECURSIVE family (id) AS (
        SELECT ? UNION ALL SELECT runs.id FROM family JOIN runs ON runs.parent = family.id)
      SELECT count(*) - 1 FROM family
      """
    let descendants = try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [family.root]) ?? 0
    let room = GraphPlan.mostDescendants - descendants
    budget.rooms[family.root] = room
    return room
  }
}
