import JSONDocument

/// A run of a graph: a state machine. Events come in, effects go out.
///
/// It follows the stock server's rules, the odd ones too: a graph succeeds at the first good end of a task that nothing
/// waits for, while others still run; and it stays `running` when all that is left has become impossible.
///
/// The same plan and the same events at the same times give the same effects: a server that keeps the events of a run can
/// bring it back to where it was. Only those events count after which `revision` is another: without the others, such as
/// polls of a node whose task set is out, a replay gives the same.
public struct GraphRun: Sendable {
  public let plan: GraphPlan
  public private(set) var status = GraphStatus.running
  /// What the tasks share.
  public private(set) var context: JSONObject
  public private(set) var tasks: [TaskRun]
  /// Grows with each event that changes the run.
  public private(set) var revision = 0
  /// When the run began, in milliseconds.
  public private(set) var startTime: Int?
  /// The time of the last event that changed the run, in milliseconds.
  public private(set) var updateTime: Int?

  private let jobs: JobKinds
  private var hasStarted = false
  /// The places of the tasks that run, in ascending order, so that an event does not look at all tasks of a large graph.
  private var running: [Int] = []
  /// The task whose set went to the node last. The node's report is for it.
  private var handedOut: Int?
  private let index: [String: Int]
  /// For each task, those that wait for it.
  private let dependents: [[Int]]

  public init(_ plan: GraphPlan, jobs: JobKinds) {
    self.plan = plan
    self.jobs = jobs
    context = plan.context
    var awaited: [String: Set<TaskState>] = [:]
    for task in plan.tasks {
      for entry in task.resolved.item.waitOn.entries { awaited[entry.label, default: []].formUnion(entry.states) }
    }
    tasks = plan.tasks.map {
      TaskRun($0, terminalStates: TaskState.finished.subtracting(awaited[$0.label] ?? []))
    }
    index = Dictionary(plan.tasks.enumerated().map { ($1.instanceId, $0) }, uniquingKeysWith: { first, _ in first })
    let places = Dictionary(plan.tasks.enumerated().map { ($1.label, $0) }, uniquingKeysWith: { first, _ in first })
    var dependents = [[Int]](repeating: [], count: plan.tasks.count)
    for (place, task) in plan.tasks.enumerated() {
      for label in Set(task.resolved.item.waitOn.entries.map(\.label)) {
        if let other = places[label] { dependents[other].append(place) }
      }
    }
    self.dependents = dependents
  }

  /// When `timePassed` is due, in milliseconds; `nil` when nothing waits for a time.
  public var nextTime: Int? { running.compactMap { tasks[$0].nextTime }.min() }

  /// The running task that answers what templates ask for: its `instanceId`, and its options.
  public var templateAnswer: (task: String, values: JSONObject)? {
    for place in running {
      if let values = tasks[place].job?.templateValues { return (tasks[place].instanceId, values) }
    }
    return nil
  }

  /// The iPXE profile of a running task.
  public var profile: String? { running.lazy.compactMap { tasks[$0].job?.profile }.first }

  /// Brings a run back by its events.
  public init(_ plan: GraphPlan, jobs: JobKinds, replaying events: some Sequence<(event: WorkflowEvent, time: Int)>) {
    self.init(plan, jobs: jobs)
    for (event, time) in events { _ = handle(event, at: time) }
  }

  /// - Parameter now: in milliseconds since 1970. A time before that of the last change counts as that time.
  public mutating func handle(_ event: WorkflowEvent, at now: Int) -> [WorkflowEffect] {
    var turn = Turn(now: max(now, updateTime ?? now))
    switch event {
    case .started:
      guard !hasStarted else { break }
      hasStarted = true
      startTime = turn.now
      turn.isChange = true
      startReady(tasks.indices, &turn)
    case .nodeAsked: ask(&turn)
    case .nodeReported(let report):
      if let place = handedOut { deliver(.reported(report), to: place, &turn) }
    case .performed(let task, let answer):
      // An answer that no job waits for is dropped.
      guard let place = index[task], !tasks[place].openRequests.isEmpty else { break }
      tasks[place].openRequests.removeFirst()
      turn.isChange = true
      deliver(.performed(answer), to: place, &turn)
    case .failed(let task, let reason):
      if let place = index[task], tasks[place].isRunning { turn.ends.append((place, .failed(reason))) }
    case .requestAnswered(let url, let status): deliver(.requestAnswered(url: url, status: status), &turn)
    case .graphEnded(let id, let status): deliver(.graphEnded(instanceId: id, status), &turn)
    case .notified(let body): deliver(.notified(body), &turn)
    case .timePassed: passTime(&turn)
    case .cancelled:
      if status == .running { stop(.cancelled, &turn) }
    }
    settle(&turn)
    if turn.isChange {
      revision += 1
      updateTime = turn.now
    }
    return turn.effects
  }

  /// What one event brings about.
  private struct Turn {
    let now: Int
    var effects: [WorkflowEffect] = []
    /// Something of the run is another than before.
    var isChange = false
    /// Tasks that end, in the order in which they do.
    var ends: [(place: Int, outcome: TaskOutcome)] = []
  }

  // MARK: Events

  /// One task answers: the one whose set is out, else the first that has an answer.
  private mutating func ask(_ turn: inout Turn) {
    let asked = handedOut.flatMap { tasks[$0].isRunning ? [$0] : nil } ?? running
    for place in asked {
      let count = turn.effects.count
      deliver(.asked, to: place, &turn)
      let answers = turn.effects[count...].contains {
        switch $0 {
        case .handOut, .answerEmpty: true
        default: false
        }
      }
      if answers { return }
    }
  }

  private mutating func passTime(_ turn: inout Turn) {
    while let (place, time) = nextDue(turn.now) {
      turn.isChange = true
      let task = tasks[place]
      if task.wakesAt == time {
        tasks[place].wakesAt = nil
        deliver(.timePassed, to: place, &turn)
      } else {
        tasks[place].deadline = nil
        deliver(.stopped(.timeout), to: place, &turn)
        let error = "Task did not complete within \(time - (task.startTime ?? time))ms"
        turn.ends.append((place, TaskOutcome(state: .timeout, error: error, context: JSONObject())))
      }
      settle(&turn)
    }
  }

  private func nextDue(_ now: Int) -> (place: Int, time: Int)? {
    running.compactMap { place in tasks[place].nextTime.map { (place, $0) } }
      .filter { $0.1 <= now }.min { $0.1 < $1.1 }
  }

  private mutating func deliver(_ event: JobEvent, _ turn: inout Turn) {
    for place in running { deliver(event, to: place, &turn) }
  }

  private mutating func deliver(_ event: JobEvent, to place: Int, _ turn: inout Turn) {
    guard let before = tasks[place].job else { return }
    var job = before
    let actions = job.handle(event, at: turn.now)
    if !job.isEqual(to: before) {
      tasks[place].job = job
      turn.isChange = true
    }
    apply(actions, of: place, &turn)
  }

  private mutating func apply(_ actions: [JobAction], of place: Int, _ turn: inout Turn) {
    let id = tasks[place].instanceId
    for action in actions {
      switch action {
      case .finish(let outcome): turn.ends.append((place, outcome))
      case .handOut(let set):
        turn.isChange = turn.isChange || handedOut != place
        handedOut = place
        turn.effects.append(.handOut(task: id, set))
      case .answerEmpty: turn.effects.append(.answerEmpty(task: id))
      case .wake(let time):
        tasks[place].wakesAt = time
        turn.isChange = true
      case .trigger(let type, let group):
        for other in running where other != place {
          deliver(.triggered(type: type, group: group), to: other, &turn)
        }
      case .perform(let request):
        turn.effects.append(.perform(task: id, request))
        turn.isChange = true
        if request.isAnswered { tasks[place].openRequests.append(request) }
      }
    }
  }

  // MARK: Rules

  private mutating func settle(_ turn: inout Turn) {
    var next = 0
    while next < turn.ends.count {
      let (place, outcome) = turn.ends[next]
      next += 1
      if tasks[place].isRunning { end(place, outcome, &turn) }
    }
    turn.ends.removeAll()
  }

  private mutating func end(_ place: Int, _ outcome: TaskOutcome, _ turn: inout Turn) {
    let state = outcome.state
    tasks[place].end(state, error: outcome.error, at: turn.now)
    tasks[place].remark = outcome.remark
    running.removeAll { $0 == place }
    turn.isChange = true
    turn.effects.append(.taskEnded(task: tasks[place].instanceId, state))
    context = context.setting(outcome.context)
    for other in dependents[place] where tasks[other].state == .pending {
      tasks[other].learn(of: tasks[place].label, in: state)
    }
    guard tasks[place].terminalStates.contains(state) else {
      startReady(dependents[place][...], &turn)
      return
    }
    guard status == .running else { return }
    if state.isFailure, !tasks[place].ignoresFailure {
      stop(.failed, &turn)
    } else {
      status = .succeeded
      turn.effects.append(.graphEnded(status))
    }
  }

  private mutating func startReady(_ places: some Collection<Int>, _ turn: inout Turn) {
    for place in places where tasks[place].isReady { start(place, &turn) }
  }

  private mutating func start(_ place: Int, _ turn: inout Turn) {
    tasks[place].startTime = turn.now
    turn.effects.append(.taskStarted(task: tasks[place].instanceId))
    let task = tasks[place]
    do throws(WorkflowError) {
      let options = try plan.finalOptions(of: task.plan, context: context)
      tasks[place].options = options
      let name = task.plan.resolved.definition.injectableName
      let runJob = task.plan.resolved.base.runJob
      guard let kind = jobs.kind(runJob) else {
        throw WorkflowError("task \(name) runs the job \(runJob), which this server does not have")
      }
      tasks[place].deadline = tasks[place].timeLimit.map { turn.now + $0 }
      var job = try kind.init(JobSetting(taskName: name, taskId: task.instanceId, options: options, context: context))
      let actions = job.start(at: turn.now)
      run(job, at: place)
      apply(actions, of: place, &turn)
    } catch {
      run(FailedJob(), at: place)
      turn.ends.append((place, .failed(error.message)))
    }
  }

  private mutating func run(_ job: any Job, at place: Int) {
    tasks[place].job = job
    running.insert(place, at: running.firstIndex { $0 > place } ?? running.endIndex)
  }

  /// The graph fails or is cancelled: all that is pending ends with it, and jobs that run are cancelled.
  private mutating func stop(_ end: GraphStatus, _ turn: inout Turn) {
    status = end
    turn.isChange = true
    for place in tasks.indices {
      let id = tasks[place].instanceId
      if tasks[place].isRunning {
        deliver(.stopped(.cancelled), to: place, &turn)
        tasks[place].end(.cancelled, error: "The task was cancelled: the graph ended as \(end.rawValue)", at: turn.now)
        turn.effects.append(.taskEnded(task: id, .cancelled))
      } else if tasks[place].state == .pending {
        let state: TaskState = end == .cancelled ? .cancelled : .failed
        tasks[place].end(state, error: nil, at: turn.now)
        turn.effects.append(.taskEnded(task: id, state))
      } else {
        tasks[place].endTime = turn.now
      }
    }
    running = []
    turn.effects.append(.graphEnded(end))
  }
}

/// Stands for a job that could not be made, until the task ends.
private struct FailedJob: Job {
  let plan: [String] = []

  init() {}
  init(_ setting: JobSetting) {}
  mutating func start(at now: Int) -> [JobAction] { [] }
}
