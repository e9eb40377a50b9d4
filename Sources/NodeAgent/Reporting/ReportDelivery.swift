import HTTPTransport
import MonorailProtocol
import SystemFiles

/// Sends a report until the server has given its last answer to it, however long that takes.
struct ReportDelivery {
  /// A server may refuse a large report by closing the connection. So before a report of this many bytes or more is sent
  /// again, the server is asked (`Expect: 100-continue`). A smaller one is sent whole before the server can close.
  private static let leastAskedFor = 64 << 10
  /// How often the agent asks where its tasks are now, while the report is not accepted, in milliseconds.
  private static let lookUpInterval = 60_000

  let client: MonorailClient
  let finder: NodeFinder
  let journal: Journal
  /// Bytes of each output.
  let maxOutput: Int
  /// The longest pause between two sendings, in milliseconds.
  let pollInterval: Int
  let stop: StopSignal
  let log: Log

  /// The server's last answer.
  enum Outcome {
    case accepted
    /// Nobody wants the report: the task is gone there.
    case refused
  }

  /// What the next sending is like.
  private struct Manner {
    var outputLimit: Int
    /// Made once for all sendings, since measuring it means reading every output.
    var body: ReportBody?
    var expectsContinue = false
    /// Whether the server said that it does not know `Expect`.
    var isExpectRefused = false
  }

  private enum Step {
    case done(Outcome)
    case again
    case afterAPause(problem: String)
  }

  /// - Parameter results: by their task's place in the set.
  func deliver(_ set: TaskSet, _ results: [Int: TaskResult], to node: NodeIdentity) -> Outcome {
    var node = node
    var manner = Manner(outputLimit: maxOutput)
    var backoff = Backoff(cap: pollInterval)
    var complaints = Complaints(log: log)
    var lookedUpAt = Ticks.now()
    while true {
      switch send(set, results, to: node, &manner) {
      case .done(let outcome):
        if outcome == .accepted { complaints.end("\(node.server) answers again") }
        return outcome
      case .again: continue
      case .afterAPause(let problem): complaints.add("the report is not accepted yet: \(problem)")
      }
      if Ticks.now() - lookedUpAt > Self.lookUpInterval, finder.canChange {
        lookedUpAt = Ticks.now()
        if let found = finder.lookUp(grace: nil).identity, found.tasksPath == node.tasksPath { node = found }
      }
      stop.sleepInFull(milliseconds: backoff.next())
    }
  }

  private func send(
    _ set: TaskSet, _ results: [Int: TaskResult], to node: NodeIdentity, _ manner: inout Manner
  ) -> Step {
    let body: ReportBody
    do throws(SystemError) {
      body =
        if let made = manner.body { made } else {
          try ReportBody.fitting(
            set, results: results, outputs: journal.output(of:), outputLimit: manner.outputLimit)
        }
      manner.body = body
    } catch {
      return .afterAPause(problem: "the output cannot be read back: \(error)")
    }
    let response: HTTPResponse
    do throws(HTTPError) {
      response = try client.report(body, for: node, expectsContinue: manner.expectsContinue)
    } catch {
      if let failure = body.failure { return .afterAPause(problem: "the output cannot be read back: \(failure)") }
      let isCutOff = error.code == "ECONNRESET" && body.byteCount >= Self.leastAskedFor
      if isCutOff, !manner.isExpectRefused { manner.expectsContinue = true }
      return .afterAPause(problem: error.message)
    }
    switch response.status {
    case 200..<300:
      log.notice("reported \(results.count) of \(Agent.counted(set.tasks.count)) (\(body.byteCount) bytes)")
      return .done(.accepted)
    case 413 where body.longestOutput > ReportBody.leastOutput:
      log.warning("the server says that a report of \(body.byteCount) bytes is too large; sending half of the output")
      manner.outputLimit = body.longestOutput / 2
      manner.body = nil
      return .again
    case 417 where manner.expectsContinue:
      (manner.expectsContinue, manner.isExpectRefused) = (false, true)
      return .again
    default:
      let refusal = HTTPError(status: response.status, reason: response.reason, what: "POST \(node.url)")
      guard (400..<500).contains(response.status), !refusal.isRetryable else {
        return .afterAPause(problem: refusal.message)
      }
      log.error(
        "\(refusal.message): the task is gone there, or was reported already; the results of"
          + " \(Agent.counted(results.count)) are dropped")
      return .done(.refused)
    }
  }
}
