import JSONDocument

/// A task of a run.
public struct TaskRun: Sendable {
  public let plan: GraphPlan.Task
  /// The states that no other task of the graph waits for.
  public let terminalStates: Set<TaskState>
  /// What it still waits for.
  public internal(set) var waitingOn: WaitOn
  /// It waits for something that can no longer come true.
  public internal(set) var isUnreachable = false
  public internal(set) var state = TaskState.pending
  /// When it started, in milliseconds.
  public internal(set) var startTime: Int?
  /// When it ended, in milliseconds.
  public internal(set) var endTime: Int?
  /// Why it failed.
  public internal(set) var error: String?
  /// What went wrong without making it fail, in words: output that could not be parsed.
  public internal(set) var remark: String?
  /// What it runs with; before its start, what the plan has.
  public internal(set) var options: JSONObject

  /// What its job has asked the server for, and no answer has come.
  public internal(set) var openRequests: [ServerRequest] = []

  var job: (any Job)?
  /// When its time is up, in milliseconds.
  var deadline: Int?
  /// When its job wants to be woken, in milliseconds.
  var wakesAt: Int?

  init(_ plan: GraphPlan.Task, terminalStates: Set<TaskState>) {
    self.plan = plan
    self.terminalStates = terminalStates
    waitingOn = plan.resolved.item.waitOn
    options = plan.options
  }

  public var label: String { plan.label }
  public var instanceId: String { plan.instanceId }
  public var ignoresFailure: Bool { plan.resolved.item.ignoreFailure }
  public var isRunning: Bool { job != nil }

  var isReady: Bool { state == .pending && startTime == nil && !isUnreachable && waitingOn.isEmpty }

  /// When something is to happen to it without an event, in milliseconds.
  var nextTime: Int? { [deadline, wakesAt].compactMap(\.self).min() }

  /// The time limit of the task in milliseconds, as its options have it. The stock server's default for all jobs is 24
  /// hours.
  var givenTimeLimit: JSON {
    guard let given = options["_taskTimeout"] ?? options["schedulerOverrides"]?["timeout"], case .number = given else {
      return 86_400_000
    }
    return given
  }

  /// The time limit of the task in milliseconds; `nil` for none, which 0 and negative numbers mean.
  var timeLimit: Int? {
    guard case .number(let text) = givenTimeLimit, let number = Double(text), number > 0 else { return nil }
    return Int(min(number, 1e15))
  }

  /// Removes what the end of another task satisfies, and sees whether it makes this one impossible.
  mutating func learn(of label: String, in state: TaskState) {
    guard !waitingOn.isEmpty else { return }
    if waitingOn.all.contains(where: { $0.label == label && !$0.states.contains(state) }) { isUnreachable = true }
    waitingOn.all.removeAll { $0.label == label && $0.states.contains(state) }
    // A task whose alternatives are all impossible is not marked: it waits for ever, as on the stock server.
    if waitingOn.anyOf.contains(where: { $0.label == label && $0.states.contains(state) }) { waitingOn.anyOf = [] }
  }

  /// Ends its job, if it runs, and notes how it ended.
  mutating func end(_ state: TaskState, error: String?, at now: Int) {
    (self.state, self.error, endTime) = (state, error, now)
    (job, deadline, wakesAt) = (nil, nil, nil)
    openRequests = []
  }
}
