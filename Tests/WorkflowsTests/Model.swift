/// What the stock server does with a graph, written again from its rules and not from the engine: each task's story is
/// worked out from the stories of the others, with the clock going from one end of a task to the next.
struct Model {
  var states: [String: String] = [:]
  var starts: [String: Int] = [:]
  var status = "running"
  /// The graph's status stays `running`, though nothing will happen any more.
  var hangs = false

  private static let finished: Set<String> = ["succeeded", "failed", "timeout", "cancelled"]

  init(_ graph: RandomGraph) {
    /// Ends that are to come: a zero duration ends at once, in the order of the starts.
    var running: [(end: Int, order: Int, label: String, state: String)] = []
    /// Labels of tasks that have ended by themselves, with their states.
    var history: [(label: String, state: String)] = []
    var order = 0
    let steps = graph.steps

    func counts(_ words: [String], _ state: String) -> Bool {
      words.contains(state) || words.contains("finished") && Self.finished.contains(state)
    }
    /// Whether each `all` entry was satisfied by the end of its task, and one of `anyOf`.
    func isReady(_ step: RandomGraph.Step) -> Bool {
      let ended = Dictionary(uniqueKeysWithValues: history.map { ($0.label, $0.state) })
      func holds(_ entry: (key: String, value: [String])) -> Bool {
        ended[entry.key].map { counts(entry.value, $0) } ?? false
      }
      return step.all.allSatisfy(holds) && (step.anyOf.isEmpty || step.anyOf.contains(where: holds))
    }
    func isAwaited(_ label: String, _ state: String) -> Bool {
      steps.contains { counts($0.all[label] ?? [], state) || counts($0.anyOf[label] ?? [], state) }
    }
    var now = 0
    func startReady(_ model: inout Model) {
      for step in steps where model.starts[step.label] == nil && isReady(step) {
        model.starts[step.label] = now
        let isLate = step.limit > 0 && step.limit < step.duration
        running.append(
          (now + (isLate ? step.limit : step.duration), order, step.label, isLate ? "timeout" : step.ends))
        order += 1
      }
    }
    func stopAll(_ model: inout Model, _ status: String) {
      model.status = status
      for entry in running { model.states[entry.label] = "cancelled" }
      for step in steps where model.states[step.label] == nil { model.states[step.label] = status }
      running.removeAll()
    }

    startReady(&self)
    while true {
      let next = running.min { ($0.end, $0.order) < ($1.end, $1.order) }
      if let time = graph.cancelledAt, status == "running", time < next?.end ?? .max {
        stopAll(&self, "cancelled")
        break
      }
      guard let next else { break }
      running.removeAll { $0.label == next.label }
      now = next.end
      states[next.label] = next.state
      history.append((next.label, next.state))
      if isAwaited(next.label, next.state) {
        startReady(&self)
      } else if status == "running" {
        let step = steps.first { $0.label == next.label }
        if next.state != "succeeded", step?.ignoresFailure != true {
          stopAll(&self, "failed")
          break
        }
        status = "succeeded"
      }
    }
    hangs = status == "running"
    for step in steps where states[step.label] == nil { states[step.label] = "pending" }
  }
}
