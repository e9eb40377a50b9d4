import Glibc
import HTTPTransport
import MonorailProtocol
import SystemFiles

/// The agent: who am I, is there work, do it, report it, and again.
final class Agent {
  private let configuration: AgentConfiguration
  private let server: ServerAddress
  private let endsAfterOneReport: Bool
  private let log: Log
  private let stop: StopSignal
  private let client: MonorailClient
  private let journal: Journal
  private let runner: TaskSetRunner

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
    client = MonorailClient(http: http, requestTimeout: configuration.requestTimeout)
    runner = TaskSetRunner(
      journal: journal, stop: stop, commands: CommandRunner(stop: stop), client: http,
      workDirectory: configuration.workDirectory, maxOutput: configuration.maxOutput, log: log)
    (self.configuration, self.server, self.endsAfterOneReport) = (configuration, server, endsAfterOneReport)
    (self.journal, self.log, self.stop) = (journal, log, stop)
    for warning in configuration.warnings { log.warning("\(warning)") }
  }

  /// Runs until a set says to end, a signal does, or one report is accepted with `endsAfterOneReport`.
  ///
  /// - Returns: the program's exit code.
  func run() -> Int32 {
    if case .end(let code) = finishUnfinishedSet() { return code }
    var node: NodeIdentity?
    var identifiedAt = 0
    var backoff = Backoff(cap: configuration.pollInterval)
    var complaints = Complaints(log: log)
    while !stop.isRequested {
      guard let current = node ?? identify() else { break }
      if node == nil { (node, identifiedAt) = (current, Ticks.now()) }
      stop.requestGrace = 2000
      do throws(HTTPError) {
        let work = try client.work(for: current)
        complaints.end("\(current.server) answers again")
        if case .taskSet(let set, let text) = work {
          switch perform(set, text, current) {
          case .end(let code): return code
          case .goOn:
            backoff.reset()
            continue
          case .refused: break
          }
        }
      } catch {
        if !stop.isRequested { complaints.add(error.message) }
      }
      let isStale = Ticks.now() - identifiedAt > (complaints.duration > 0 ? 60_000 : 600_000)
      if isStale, configuration.nodeID == nil {
        node = lookUp()?.identity ?? node
        identifiedAt = Ticks.now()
        if let node, node != current { log.notice("this node is now \(node.identifier) at \(node.server)") }
      }
      stop.sleep(milliseconds: backoff.next())
    }
    log.notice("asked to stop, and nothing is running: leaving")
    return stop.exitCode ?? 0
  }

  // MARK: Identity

  /// Asks until the server knows this node; `nil` when asked to stop.
  private func identify() -> NodeIdentity? {
    if let id = configuration.nodeID {
      log.notice("this node is \(id) at \(server)")
      return NodeIdentity(server: server, tasksPath: APIPath.tasks(id))
    }
    var backoff = Backoff(cap: configuration.pollInterval)
    var complaints = Complaints(log: log)
    while !stop.isRequested {
      stop.requestGrace = 0
      let answer = lookUp()
      if let found = answer?.identity {
        complaints.end("\(server) knows this node now")
        log.notice("this node is \(found.identifier) at \(found.server)")
        return found
      }
      if let problem = answer?.problem, !stop.isRequested { complaints.add(problem) }
      stop.sleep(milliseconds: backoff.next())
    }
    return nil
  }

  /// Asks once, with each MAC address that may be the one the server knows.
  private func lookUp() -> (identity: NodeIdentity?, problem: String)? {
    let addresses = configuration.mac.map { [$0] } ?? NetworkInterfaces.physicalAddresses()
    guard !addresses.isEmpty else {
      return (
        nil, "this node has no physical network interface (yet), so it cannot say who it is; give --mac or --node-id"
      )
    }
    var problem = ""
    for address in addresses where !stop.isRequested {
      do throws(HTTPError) {
        if let identity = try client.bootstrap(address, at: server) {
          log.identify(node: identity.identifier, mac: address)
          return (identity, "")
        }
        problem = "\(server) does not know a node with \(addresses.map(\.description).joined(separator: ", ")) (yet)"
      } catch {
        problem = error.message
      }
    }
    return (nil, problem)
  }

  // MARK: Task sets

  /// Takes up what an agent that was killed left: runs what had not started, and reports.
  private func finishUnfinishedSet() -> Verdict {
    do {
      guard let (text, owner) = try journal.unfinished() else { return .goOn }
      let set = try TaskSet(parsing: text)
      log.identify(node: owner.identifier, mac: nil)
      log.warning("an earlier agent left a set of \(counted(set.tasks.count)) for \(owner.identifier); finishing it")
      return finish(set, owner)
    } catch {
      log.error("what an earlier agent left in \(journal.directory) cannot be used: \(error); starting afresh")
      clearJournal()
      return .goOn
    }
  }

  private func perform(_ set: TaskSet, _ text: [UInt8], _ owner: NodeIdentity) -> Verdict {
    log.notice("got a set of \(counted(set.tasks.count))")
    do throws(SystemError) {
      try journal.begin(text, owner: owner)
    } catch {
      log.error("the set cannot be kept in the journal, so nothing of it is run: \(error)")
      let result = TaskResult.failure(
        code: error.code, message: "nothing was run, since \(error)", command: set.tasks.first?.command)
      return report(set, set.tasks.isEmpty ? [:] : [0: result], owner)
    }
    return finish(set, owner)
  }

  private func finish(_ set: TaskSet, _ owner: NodeIdentity) -> Verdict {
    // A first signal lets the running task and the report finish; the second one ends the agent, and the journal keeps both.
    stop.requestGrace = nil
    return report(set, runner.run(set, owner: owner), owner)
  }

  /// What follows a report.
  private enum Verdict {
    case end(Int32)
    case goOn
    /// Nobody wanted it.
    case refused
  }

  /// Sends the report until it is accepted, however long that takes.
  private func report(_ set: TaskSet, _ results: [Int: TaskResult], _ owner: NodeIdentity) -> Verdict {
    var owner = owner
    var outputLimit = configuration.maxOutput
    var expectsContinue = false
    var backoff = Backoff(cap: configuration.pollInterval)
    var complaints = Complaints(log: log)
    var lookedUpAt = Ticks.now()
    while true {
      do throws(HTTPError) {
        let body = try makeBody(set, results, outputLimit)
        let response = try client.report(body, for: owner, expectsContinue: expectsContinue)
        if response.isSuccess {
          complaints.end("\(owner.server) answers again")
          log.notice("reported \(results.count) of \(counted(set.tasks.count)) (\(body.byteCount) bytes)")
          clearJournal()
          return verdict(after: set)
        }
        if response.status == 413, body.outputLimit > ReportBody.leastOutput {
          outputLimit = body.outputLimit / 2
          log.warning(
            "the server says that a report of \(body.byteCount) bytes is too large; sending half of the output")
          continue
        }
        let refusal = HTTPError(status: response.status, reason: response.reason, what: "POST \(owner.url)")
        guard !(400..<500).contains(response.status) || refusal.isRetryable else {
          log.error(
            "\(refusal.message): the task is gone there, and the results of \(counted(results.count)) are dropped")
          clearJournal()
          return .refused
        }
        throw refusal
      } catch {
        // A server that refuses a large upload may close the connection before it is heard: let it speak first.
        if error.code == "ECONNRESET" { expectsContinue = true }
        complaints.add("the report is not accepted yet: \(error.message)")
      }
      if Ticks.now() - lookedUpAt > 60_000, configuration.nodeID == nil {
        lookedUpAt = Ticks.now()
        if let found = lookUp()?.identity, found.tasksPath == owner.tasksPath { owner = found }
      }
      stop.sleepInFull(milliseconds: backoff.next())
    }
  }

  private func makeBody(
    _ set: TaskSet, _ results: [Int: TaskResult], _ outputLimit: Int
  ) throws(HTTPError) -> ReportBody {
    do throws(SystemError) {
      return try ReportBody.fitting(set, results: results, outputs: journal.output(of:), outputLimit: outputLimit)
    } catch {
      throw HTTPError(code: error.code, message: "the output cannot be read back: \(error)", isRetryable: true)
    }
  }

  private func verdict(after set: TaskSet) -> Verdict {
    if let code = stop.exitCode { return .end(code) }
    if endsAfterOneReport { return .end(0) }
    guard let code = set.exitCode else { return .goOn }
    log.notice("the server asked this agent to end with code \(code)")
    return .end(Int32(truncatingIfNeeded: code & 0xFF))
  }

  private func counted(_ tasks: Int) -> String { tasks == 1 ? "1 task" : "\(tasks) tasks" }

  private func clearJournal() {
    do throws(SystemError) {
      try journal.clear()
    } catch {
      log.error("the journal cannot be cleared: \(error)")
    }
  }
}
