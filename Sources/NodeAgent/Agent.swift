import HTTPTransport
import MonorailProtocol
import SystemFiles

/// The agent's loop: who am I, is there work, do it, report it, and again.
final class Agent {
  /// How often the server is asked again who this node is, in milliseconds: while it answers, and while it does not.
  private static let lookUpInterval = 600_000
  private static let lookUpIntervalInOutage = 60_000

  private let pollInterval: Int
  private let endsAfterOneReport: Bool
  private let log: Log
  private let stop: StopSignal
  private let client: MonorailClient
  private let finder: NodeFinder
  private let journal: Journal
  private let runner: TaskSetRunner
  private let delivery: ReportDelivery

  /// - Parameter journal: locked.
  init(
    _ configuration: AgentConfiguration, server: ServerAddress, journal: Journal, endsAfterOneReport: Bool, log: Log,
    stop: StopSignal, userAgent: String
  ) {
    var options = HTTPClient.Options()
    options.connectTimeout = min(10_000, configuration.requestTimeout)
    options.stallTimeout = configuration.requestTimeout
    options.certificateAuthorities = configuration.certificateAuthorities
    options.userAgent = userAgent
    let http = HTTPClient(options: options, interruption: stop)
    pollInterval = configuration.pollInterval
    client = MonorailClient(http: http, requestTimeout: configuration.requestTimeout)
    finder = NodeFinder(
      client: client, server: server, nodeID: configuration.nodeID, mac: configuration.mac, pollInterval: pollInterval,
      stop: stop, log: log)
    runner = TaskSetRunner(
      journal: journal, stop: stop, commands: CommandRunner(stop: stop), client: http,
      workDirectory: configuration.workDirectory, maxOutput: configuration.maxOutput, log: log)
    delivery = ReportDelivery(
      client: client, finder: finder, journal: journal, maxOutput: configuration.maxOutput, pollInterval: pollInterval,
      stop: stop, log: log)
    (self.endsAfterOneReport, self.journal, self.log, self.stop) = (endsAfterOneReport, journal, log, stop)
    for warning in configuration.warnings { log.warning("\(warning)") }
  }

  /// Runs until a set says to end, a signal does, or one report is accepted with `endsAfterOneReport`.
  ///
  /// - Returns: the program's exit code. Where a set asked for it, the journal keeps the wish: `Journal.forgetAnswered` has
  ///   to be the program's last step, so that an agent that is killed before it leaves the wish to the next one.
  func run() -> Int32 {
    if case .end(let code) = takeUpTheJournal() { return code }
    var node: NodeIdentity?
    var identifiedAt = 0
    var backoff = Backoff(cap: pollInterval)
    var complaints = Complaints(log: log)
    while !stop.isRequested {
      guard let current = node ?? finder.identify() else { break }
      if node == nil { (node, identifiedAt) = (current, Ticks.now()) }
      do throws(HTTPError) {
        let work = try client.work(for: current)
        complaints.end("\(current.server) answers again")
        if case .taskSet(let set, let text) = work {
          switch perform(set, text, current) {
          case .end(let code): return code
          case .goOn:
            backoff.reset()
            continue
          case .pause: break
          }
        }
      } catch {
        if !stop.isRequested { complaints.add(error.message) }
      }
      let interval = complaints.duration > 0 ? Self.lookUpIntervalInOutage : Self.lookUpInterval
      if finder.canChange, Ticks.now() - identifiedAt > interval {
        node = finder.lookUp(grace: 0).identity ?? node
        identifiedAt = Ticks.now()
        if let node, node != current { log.notice("this node is now \(node.identifier) at \(node.server)") }
      }
      stop.sleep(milliseconds: backoff.next())
    }
    log.notice("asked to stop, and nothing is running: leaving")
    return stop.exitCode ?? 0
  }

  /// What follows a task set.
  private enum Verdict {
    case end(Int32)
    /// Ask for more work at once.
    case goOn
    /// Ask for more work after a pause: nobody wanted the report.
    case pause
  }

  /// Takes up what an agent that was killed left. Its set may have had its last answer: then the set's `exit` is obeyed.
  /// Otherwise the tasks that have not started are run, and the set is reported.
  private func takeUpTheJournal() -> Verdict {
    do {
      if let text = try journal.answered() {
        if let request = try ExitRequest(TaskSet(parsing: text)) {
          log.warning("an earlier agent was killed before it could end: \(request.description)")
          return .end(request.code)
        }
        clearJournal()
      }
      guard let (text, owner) = try journal.unfinished() else { return .goOn }
      let set = try TaskSet(parsing: text)
      log.identify(node: owner.identifier, mac: nil)
      log.warning(
        "an earlier agent left a set of \(Self.counted(set.tasks.count)) for \(owner.identifier); finishing it")
      return finish(set, owner)
    } catch {
      log.error("what an earlier agent left in \(journal.directory) cannot be used: \(error); starting afresh")
      runner.awaitCommands()
      clearJournal()
      return .goOn
    }
  }

  private func perform(_ set: TaskSet, _ text: [UInt8], _ node: NodeIdentity) -> Verdict {
    log.notice("got a set of \(Self.counted(set.tasks.count))")
    if let stranger = set.identifier, !stranger.isEmpty, stranger.lowercased() != node.identifier.lowercased() {
      return refuse(set, "it is for the node \(URLText.printable(stranger)), but this node is \(node.identifier)", node)
    }
    do throws(SystemError) {
      try journal.begin(text, owner: node)
    } catch {
      log.error("the set cannot be kept in the journal, so nothing of it is run: \(error)")
      let result = TaskResult.failure(
        code: error.code, message: "nothing was run, since \(error)", command: set.tasks.first?.command)
      return settle(set, delivery.deliver(set, set.tasks.isEmpty ? [:] : [0: result], to: node))
    }
    return finish(set, node)
  }

  /// Sends a set back that is not this node's, with an error in its first task: whoever waits for it is told why nothing
  /// was run. Its `exit` means some other node.
  private func refuse(_ set: TaskSet, _ reason: String, _ node: NodeIdentity) -> Verdict {
    log.error("nothing of the set is run: \(reason)")
    guard let first = set.tasks.first else { return .pause }
    let result = TaskResult.failure(
      code: "EINVAL", message: "nothing of this set was run: \(reason)", command: first.command)
    _ = delivery.deliver(set, [0: result], to: node)
    return stop.exitCode.map { .end($0) } ?? .pause
  }

  /// Runs the set and reports it. A first signal lets the running task and the report finish; a second one ends the agent,
  /// and the journal keeps both.
  private func finish(_ set: TaskSet, _ node: NodeIdentity) -> Verdict {
    settle(set, delivery.deliver(set, runner.run(set, owner: node), to: node))
  }

  /// Does what follows the last answer to a set's report. The set's `exit` is obeyed whatever the answer was: the server
  /// may have accepted an earlier sending whose answer got lost. It is stronger than a stop, since rc.local starts an agent
  /// again that a signal ended.
  private func settle(_ set: TaskSet, _ outcome: ReportDelivery.Outcome) -> Verdict {
    if !endsAfterOneReport, let request = ExitRequest(set) {
      do throws(SystemError) {
        try journal.conclude()
      } catch {
        log.error("the journal cannot be cleared: \(error)")
      }
      log.notice("\(request.description)")
      return .end(request.code)
    }
    clearJournal()
    if let code = stop.exitCode { return .end(code) }
    switch outcome {
    case .accepted: return endsAfterOneReport ? .end(0) : .goOn
    case .refused: return .pause
    }
  }

  private func clearJournal() {
    do throws(SystemError) {
      try journal.clear()
    } catch {
      log.error("the journal cannot be cleared: \(error)")
    }
  }

  static func counted(_ tasks: Int) -> String { tasks == 1 ? "1 task" : "\(tasks) tasks" }
}
