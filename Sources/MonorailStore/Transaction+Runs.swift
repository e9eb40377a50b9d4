import GRDB
import JSONDocument
import Workflows

/// What a run answers a node that asked for work.
struct RunAnswer {
  /// The task's `instanceId`, and its task set.
  var handOut: (task: String, set: JSON)?
  /// The answer is 200 with an empty body.
  var isAnsweredEmpty = false
}

extension Transaction {
  /// An event for a run that an event has brought about.
  private struct FollowUp {
    let run: String
    let event: WorkflowEvent
    var report: Int?
  }

  /// Stores a run that has not begun.
  ///
  /// - Parameter parent: the run and the task that start it.
  /// - Throws: `StoreError` for an unknown node, or when the node has an active run.
  func add(_ planned: PlannedRun, parent: (run: String, task: String)?) throws -> String {
    let (id, definition) = (planned.plan.instanceId, planned.plan.definition)
    if let node = planned.node {
      guard try !self.node(node).runs.contains(where: { run($0)?.isActive == true }) else { throw StoreError.activeRun }
    }
    guard try row("SELECT number FROM runs WHERE id = ?", [id]) == nil else {
      throw StoreError(.conflict, "there is a workflow \(id) already; leave instanceId out of the options")
    }
    let number = try insert(
      """
      INSERT INTO runs (id, node, graph, name, status, isLive, parent, parentTask, plan, startedAt, updatedAt)
      VALUES (?, ?, ?, ?, 'running', 1, ?, ?, ?, ?, ?)
      """,
      [
        id, planned.node, definition.injectableName, definition.friendlyName, parent?.run, parent?.task,
        planned.stored, now, now,
      ])
    changes.runs[id] = LiveRun(
      run: GraphRun(planned.plan, jobs: store.configuration.jobs), number: number, node: planned.node, parent: parent)
    if let node = planned.node { try update(node) { $0.runs.append(id) } }
    tell(.runStarted(run: id, graph: definition.injectableName, node: planned.node))
    return id
  }

  /// Gives a run an event, and carries out what it brings about as far as that is data: catalogs, settings, other runs.
  /// What is not, the server gets as actions. An event that changes nothing is not stored.
  ///
  /// - Parameter report: the report's number, for `nodeReported`.
  @discardableResult
  func handle(_ event: WorkflowEvent, in run: String, report: Int? = nil) throws -> RunAnswer {
    var answer = RunAnswer()
    var budget = EventBudget()
    var followUps = [FollowUp(run: run, event: event, report: report)]
    var touched: Set<String> = []
    while !followUps.isEmpty {
      let round = followUps
      followUps = []
      for next in round {
        guard var live = self.run(next.run) else { continue }
        let revision = live.run.revision
        let effects = live.run.handle(next.event, at: now)
        for effect in effects {
          switch effect {
          case .handOut(let task, let set): answer.handOut = (task, set)
          case .answerEmpty: answer.isAnsweredEmpty = true
          default: break
          }
        }
        guard live.run.revision != revision else { continue }
        try note(next.event, in: live, report: next.report)
        live.events += 1
        changes.runs[next.run] = live
        touched.insert(next.run)
        try noteSteps(effects, of: live)
        for effect in effects { followUps += try carryOut(effect, of: live, &budget) }
      }
    }
    for id in touched where self.run(id)?.isOver == true { try retire(id) }
    return answer
  }

  private func note(_ event: WorkflowEvent, in live: LiveRun, report: Int?) throws {
    let detail: StoredBytes? = report == nil && event.detail != .null ? StoredBytes(event.detail) : nil
    try execute(
      "INSERT INTO events (run, number, time, kind, detail, report) VALUES (?, ?, ?, ?, ?, ?)",
      [live.run.plan.instanceId, live.events, now, event.kind, detail, report])
  }

  private func noteSteps(_ effects: [WorkflowEffect], of live: LiveRun) throws {
    var changed: Set<String> = []
    for effect in effects {
      switch effect {
      case .taskStarted(let task), .taskEnded(let task, _): changed.insert(task)
      // All tasks get a new time of their end.
      case .graphEnded(.failed), .graphEnded(.cancelled): changed.formUnion(live.run.tasks.map(\.instanceId))
      default: break
      }
    }
    guard !changed.isEmpty else { return }
    let run = live.run.plan.instanceId
    for task in live.run.tasks where changed.contains(task.instanceId) {
      try execute(
        """
        INSERT OR REPLACE INTO steps (run, task, label, name, state, startedAt, endedAt, error)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          run, task.instanceId, task.label, task.plan.resolved.definition.injectableName, task.state.rawValue,
          task.startTime, task.endTime, task.error,
        ])
    }
  }

  private func carryOut(
    _ effect: WorkflowEffect, of live: LiveRun, _ budget: inout EventBudget
  ) throws -> [FollowUp] {
    let id = live.run.plan.instanceId
    switch effect {
    case .taskStarted(let task):
      tell(.taskStarted(run: id, label: label(of: task, in: live), node: live.node))
    case .taskEnded(let task, let state):
      let error = live.run.tasks.first { $0.instanceId == task }?.error
      tell(.taskEnded(run: id, label: label(of: task, in: live), node: live.node, state, error: error))
    case .graphEnded(let status):
      try execute(
        "UPDATE runs SET status = ?, endedAt = ?, updatedAt = ? WHERE id = ?", [status.rawValue, now, now, id])
      tell(.runEnded(run: id, graph: live.run.plan.definition.injectableName, node: live.node, status))
      if let parent = live.parent {
        return [FollowUp(run: parent.run, event: .graphEnded(instanceId: id, status))]
      }
    case .perform(let task, let request): return try perform(request, for: task, of: live, &budget)
    case .handOut, .answerEmpty: break
    }
    return []
  }

  private func label(of task: String, in live: LiveRun) -> String {
    live.run.tasks.first { $0.instanceId == task }?.label ?? task
  }

  private func perform(
    _ request: ServerRequest, for task: String, of live: LiveRun, _ budget: inout EventBudget
  ) throws -> [FollowUp] {
    let run = live.run.plan.instanceId
    func answered(_ answer: RequestAnswer) -> [FollowUp] {
      [FollowUp(run: run, event: .performed(task: task, answer))]
    }
    switch request {
    case .storeCatalogs(let node, let catalogs, let replacesLast):
      return answered(try store(catalogs, of: node, replacesLast: replacesLast))
    case .readCatalogs(let node, let sources):
      return answered(.done(try newestCatalogs(of: node, sources: sources)))
    case .saveManagementSettings(let node, let service, let config):
      guard nodeIfKnown(node) != nil else { return answered(.failed(StoreError.noNode(node).message)) }
      try saveManagementSettings(node: node, service: service, config: config)
      return answered(.done(.null))
    case .makeRandomText(let digits): return answered(.done(.string(Identifier.text(digits: digits))))
    case .publish(let event, let node):
      tell(.published(event: event, node: node))
      return answered(.done(.null))
    case .generateSKU(let node): return answered(try generateSKU(of: node, &budget))
    case .generateTags(let nodes): return answered(try generateTags(of: nodes, &budget))
    case .runGraph(let name, let options): return try runGraph(name, options, for: task, of: live, &budget)
    case .runSKUGraph(let node):
      guard let graph = try graphOfSKU(of: node) else { return answered(.done(.null)) }
      var options = graph.options
      if options["target"] == nil { options["target"] = .string(node) }
      return try runGraph(graph.name, options, for: task, of: live, &budget)
    case .cancelGraph(let child): return [FollowUp(run: child, event: .cancelled)]
    case .manage, .catalogHere, .download:
      changes.actions.append(ServerAction(run: run, task: task, request: request))
      return []
    }
  }

  /// Starts a run for a task of another run. The task learns its identifier before the run begins.
  private func runGraph(
    _ name: String, _ options: JSONObject, for task: String, of live: LiveRun, _ budget: inout EventBudget
  ) throws -> [FollowUp] {
    let run = live.run.plan.instanceId
    let answer: RequestAnswer
    var child: String?
    do {
      let family = try family(of: live, &budget)
      try permit(library.graph(name), in: family, &budget)
      let target = options["target"]?.stringValue ?? options["defaults"]?["target"]?.stringValue
      let request = StartRequest(graph: name, node: target, options: options, scope: live.run.plan.scope)
      let planned = try store.planning(request, depth: live.run.plan.depth + 1, library: library)
      let id = try add(planned, parent: (run, task))
      budget.rooms[family.root]? -= 1
      budget.families[id] = EventBudget.Family(root: family.root, graphs: family.graphs + [name])
      answer = .done(.string(id))
      child = id
    } catch let error as WorkflowError {
      answer = .failed(error.message)
    } catch let error as StoreError where error.kind == .notFound || error.kind == .conflict {
      answer = .failed(error.message)
    }
    let parent = FollowUp(run: run, event: .performed(task: task, answer))
    return [parent] + (child.map { [FollowUp(run: $0, event: .started)] } ?? [])
  }

  /// Ends the life of a run that wants no events any more: its document is stored as it is now, and its events go.
  func retire(_ id: String) throws {
    guard let live = run(id) else { return }
    try execute(
      "UPDATE runs SET isLive = 0, plan = NULL, view = ?, updatedAt = ? WHERE id = ?",
      [StoredBytes(RunDocuments(live).stored), now, id])
    try execute("DELETE FROM events WHERE run = ?", [id])
    changes.runs[id] = .some(nil)
    if let node = live.node, nodeIfKnown(node) != nil { try update(node) { $0.runs.removeAll { $0 == id } } }
  }
}
