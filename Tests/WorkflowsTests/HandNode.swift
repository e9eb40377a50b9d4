import JSONDocument

@testable import Workflows

/// A node, and a server around it, that do at once what a graph asks for.
struct HandNode {
  /// How the server answers a request.
  var answer: (ServerRequest) -> RequestAnswer = { _ in .done(nil) }
  /// Runs a graph to its end.
  var runGraph: (String, JSONObject) throws -> GraphStatus = { _, _ in .succeeded }

  /// Goes on until nothing happens any more. Time passes only when nothing else is to be done.
  ///
  /// - Returns: the commands that the node ran.
  @discardableResult
  func finish(_ record: inout RecordedRun, from start: Int = 0, each: (inout RecordedRun) throws -> Void = { _ in })
    throws -> [String]
  {
    var commands: [String] = []
    var now = start
    var pending = record.handle(.started, at: now)
    while true {
      now += 1
      try each(&record)
      if pending.isEmpty { pending = record.handle(.nodeAsked, at: now).filter(Self.goesOn) }
      if pending.isEmpty, let time = record.run.nextTime, !record.run.hasLimitsOnly {
        now = max(now, time)
        pending = record.handle(.timePassed, at: now)
      }
      guard !pending.isEmpty else { return commands }
      let effects = pending
      pending = []
      for effect in effects {
        switch effect {
        case .handOut(_, let set):
          let tasks = set["tasks"]?.arrayValue?.compactMap(\.objectValue) ?? []
          commands += tasks.compactMap { $0["cmd"]?.stringValue }
          if set["exit"] == nil { pending += record.handle(.nodeReported(set), at: now) }
        case .perform(let task, .runGraph(let name, let options)):
          pending += record.handle(.performed(task: task, .done(.string("child of \(task)"))), at: now)
          try each(&record)
          pending += record.handle(
            .graphEnded(instanceId: "child of \(task)", try runGraph(name, options)), at: now)
        case .perform(let task, let request) where request.isAnswered:
          pending += record.handle(.performed(task: task, answer(request)), at: now)
        default: break
        }
      }
    }
  }

  private static func goesOn(_ effect: WorkflowEffect) -> Bool {
    if case .answerEmpty = effect { false } else { true }
  }
}

extension GraphRun {
  /// Nothing but the time limits of tasks is due.
  var hasLimitsOnly: Bool { tasks.allSatisfy { $0.wakesAt == nil } }
}
