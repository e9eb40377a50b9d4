import JSONDocument

@testable import Workflows

/// A run whose plan and events are kept as a server keeps them: as texts.
struct RecordedRun {
  private(set) var run: GraphRun
  private let jobs: JobKinds
  private let plan: String
  /// The events that changed the run.
  private(set) var events: [(kind: String, detail: String, time: Int)] = []
  /// The effects of these events.
  private var effects: [[WorkflowEffect]] = []

  /// How many bytes are kept.
  var size: Int { events.reduce(plan.utf8.count) { $0 + $1.kind.utf8.count + $1.detail.utf8.count } }

  init(_ plan: GraphPlan, jobs: JobKinds) {
    run = GraphRun(plan, jobs: jobs)
    self.jobs = jobs
    self.plan = plan.stored.text
  }

  mutating func handle(_ event: WorkflowEvent, at now: Int) -> [WorkflowEffect] {
    let revision = run.revision
    let effects = run.handle(event, at: now)
    if run.revision != revision {
      events.append((event.kind, event.detail.text, now))
      self.effects.append(effects)
    }
    return effects
  }

  /// Brings the run back from the texts.
  ///
  /// - Returns: the run, and whether its events had the effects of the first time.
  func restored() throws -> (GraphRun, hadSameEffects: Bool) {
    func read(_ text: String) throws -> JSON {
      try JSON(parsing: Array(text.utf8), maximumDepth: GraphPlan.storedDepth)
    }
    var run = GraphRun(try GraphPlan(stored: try read(plan)), jobs: jobs)
    var same = true
    for (event, effects) in zip(events, effects) {
      let event = (try WorkflowEvent(kind: event.kind, detail: try read(event.detail)), event.time)
      if run.handle(event.0, at: event.1) != effects { same = false }
    }
    return (run, same)
  }

  /// Brings the run back, and goes on with it in place of the run as it was.
  ///
  /// - Returns: whether both are the same.
  mutating func restart() throws -> Bool {
    let (run, hadSameEffects) = try restored()
    let isSame = hadSameEffects && Self.everything(of: run) == Self.everything(of: self.run)
    self.run = run
    return isSame
  }

  /// All that can be told of a run, as text.
  private static func everything(of run: GraphRun) -> [String] {
    let tasks = run.tasks.map { task in
      """
      \(task.label) \(task.state) \(task.isUnreachable) \(task.isRunning) \(task.nextTime ?? -1) \(task.openRequests)
      \(String(describing: task.job))
      """
    }
    let node = "\(run.profile ?? "") \(JSON.object(run.templateAnswer?.values ?? JSONObject()).text)"
    return [run.raw().text, run.view(id: "x", hidesSecrets: false).text, "\(run.nextTime ?? -1)", node] + tasks
  }
}
