import CLinux
import Glibc
import HTTPTransport
import JSONDocument
import MonorailProtocol
import SystemFiles

/// Runs the tasks of a set one after another, and notes each step in the journal.
///
/// It goes on where the journal ends: results that are in it are kept, and a task that had started is never run again.
struct TaskSetRunner {
  let journal: Journal
  let stop: StopSignal
  let commands: CommandRunner
  let client: HTTPClient
  let workDirectory: String
  /// Bytes of each stream.
  let maxOutput: Int
  let log: Log

  /// - Returns: the results of the tasks that ran, by their place in the set. The first failure ends it.
  func run(_ set: TaskSet, owner: NodeIdentity) -> [Int: TaskResult] {
    var results: [Int: TaskResult] = [:]
    for (index, task) in set.tasks.enumerated() {
      let label = "task \(index + 1)/\(set.tasks.count)"
      let result = journal.result(of: index) ?? settle(task, index, label, owner)
      results[index] = result
      if result.isFailure { break }
    }
    // Where a result was damaged, a command behind that task may still run.
    awaitCommands()
    return results
  }

  private func settle(_ task: NodeTask, _ index: Int, _ label: String, _ owner: NodeIdentity) -> TaskResult {
    let result: TaskResult
    if journal.hasStarted(index) {
      result = adopt(task, index, label)
    } else if stop.isRequested {
      result = .failure(
        code: "ECANCELED", message: "the agent was asked to stop before this task started", command: task.command)
      log.warning("\(label): not started, since the agent was asked to stop")
    } else {
      do throws(SystemError) {
        try journal.start(index)
        result = run(task, index, label, owner)
      } catch {
        log.error("\(label): not started, since the journal cannot be kept: \(error)")
        result = .failure(code: error.code, message: "not started, since \(error)", command: task.command)
      }
    }
    do throws(SystemError) {
      try journal.finish(index, result)
    } catch {
      log.error("\(label): its result is in memory only: \(error)")
    }
    return result
  }

  /// Waits for the commands of a set that cannot be read any more: the next set must not run beside them.
  func awaitCommands() {
    for index in journal.startedTasks { _ = awaitEnd(of: index, "task \(index + 1)", timeout: nil) }
  }

  private func adopt(_ task: NodeTask, _ index: Int, _ label: String) -> TaskResult {
    let (outcome, output) = awaitEnd(of: index, label, timeout: task.timeout)
    log.error("\(label): interrupted when the agent was killed; not run again")
    return .failure(
      code: "EINTERRUPTED",
      message: "the agent was killed while this task ran; the command was not run again, and how it ended is not known"
        + (outcome.timedOut ? ", but its time was up and it was ended" : ""),
      command: task.command, facts: facts(started: nil, attempts: 1, output))
  }

  /// Waits for a command that an earlier agent began and did not see the end of.
  ///
  /// - Parameter timeout: milliseconds from now on, for a command whose deadline is not noted.
  private func awaitEnd(
    of index: Int, _ label: String, timeout: Int?
  ) -> (outcome: CommandOutcome, output: TaskOutput<OutputSpool>) {
    let pipes = pipes(of: index)
    let (deadline, noted) = journal.started(index)
    let process =
      if let noted {
        noted.isAlive ? noted : nil
      } else {
        ProcessIdentity(holding: [pipes.stdoutPath, pipes.stderrPath])
      }
    if let process {
      log.warning(
        "\(label): started by an agent that was killed; its command (process \(process.pid)) still runs, waiting for its end"
      )
    }
    let output = journal.reopenSpools(of: index)
    let outcome = commands.adopt(
      process, deadline: deadline ?? timeout.map { Ticks.now() + $0 }, pipes: pipes,
      capture: OutputCapture(output, label: label, log: log))
    return (outcome, output)
  }

  private func run(_ task: NodeTask, _ index: Int, _ label: String, _ owner: NodeIdentity) -> TaskResult {
    if let problem = task.problem {
      log.error("\(label): cannot be run: \(problem)")
      return .failure(code: "EINVAL", message: "the task cannot be run: \(problem)", command: task.command)
    }
    for remark in task.remarks { log.warning("\(label): \(remark)") }
    log.info("\(label): \(Self.summary(of: task))")
    let started = Ticks.nanoseconds()
    var attempt = 1
    var backoff = Backoff(cap: 5000)
    while true {
      var output = TaskOutput<OutputSpool>()
      var result: TaskResult
      do throws(TaskFailure) {
        result = try attemptOnce(task, index, label, owner, isAgain: attempt > 1, &output)
      } catch {
        log.error("\(label): \(error.message)")
        result = .failure(code: error.code, message: error.message, command: task.command)
        if let status = error.status, var object = result.error.objectValue {
          object["status"] = .integer(status)
          result.error = .object(object)
        }
      }
      result.facts = facts(started: started, attempts: attempt, output)
      guard result.isFailure, attempt <= task.retries, !stop.isRequested else {
        logEnd(result, label, started)
        return result
      }
      log.warning("\(label): failed, run \(attempt) of \(task.retries + 1); running it again")
      guard stop.sleep(milliseconds: backoff.next()) else {
        logEnd(result, label, started)
        return result
      }
      attempt += 1
    }
  }

  private static func summary(of task: NodeTask) -> String {
    switch task.command {
    case nil: "only a download"
    case "": "no command: the server asks whether this node is there"
    case let command?: Secrets.hidden(in: command)
    }
  }

  private func attemptOnce(
    _ task: NodeTask, _ index: Int, _ label: String, _ owner: NodeIdentity, isAgain: Bool,
    _ output: inout TaskOutput<OutputSpool>
  ) throws(TaskFailure) -> TaskResult {
    // A task before this one may have removed it.
    do throws(SystemError) { try FileSystem.makeDirectories(workDirectory) } catch { throw TaskFailure(error) }
    if let url = task.downloadURL { try download(url, label, owner) }
    guard let command = task.command, !command.isEmpty else {
      return TaskResult(error: .null, facts: JSONObject(), isFailure: false)
    }
    do throws(SystemError) {
      output = try journal.makeSpools(of: index, limit: maxOutput)
      let deadline = task.timeout.map { Ticks.now() + $0 }
      // Forgets the process of an earlier run, too.
      if deadline != nil || isAgain { try journal.start(index, deadline: deadline) }
      let outcome = try commands.run(
        command, in: workDirectory, deadline: deadline, pipes: pipes(of: index), note: journal.startNote(of: index),
        capture: OutputCapture(output, label: label, log: log))
      return Self.result(of: outcome, command, accepted: task.acceptedResponseCodes)
    } catch {
      throw TaskFailure(error)
    }
  }

  private func pipes(of index: Int) -> OutputPipes {
    OutputPipes(stdoutPath: journal.path(index, "out"), stderrPath: journal.path(index, "err"))
  }

  private func download(_ url: String, _ label: String, _ owner: NodeIdentity) throws(TaskFailure) {
    guard let name = URLText.fileName(url) else {
      throw TaskFailure(
        code: "EINVAL", message: "the downloadUrl \(URLText.withoutSecrets(url)) ends in no file name", status: nil)
    }
    var download = Download(url: owner.server.url(url), path: "\(workDirectory)/\(name)")
    download.mode = 0o555
    log.info("\(label): download \(URLText.withoutSecrets(download.url)) to \(download.path)")
    let downloader = Downloader(
      client: client, pause: { stop.sleepInFull(milliseconds: $0) },
      onRetry: { [log] in log.warning("\(label): \($0)") })
    do throws(DownloadError) {
      let size = try downloader.fetch(download)
      log.debug("\(label): downloaded \(size) bytes")
    } catch {
      throw TaskFailure(code: error.code, message: error.message, status: error.status)
    }
  }

  private static func result(of outcome: CommandOutcome, _ command: String, accepted: [Int]) -> TaskResult {
    var code: JSON = .null
    var signal: JSON = .null
    var message: String?
    switch outcome.status {
    case .exited(0) where !outcome.timedOut:
      return TaskResult(error: .null, facts: JSONObject(), isFailure: false)
    case .exited(let value):
      if outcome.timedOut { signal = "SIGTERM" } else { code = .integer(value) }
    case .signaled(let number):
      signal = .string("SIG" + (monorail_signal_name(number).map { String(cString: $0) } ?? String(number)))
    case .unknown:
      if outcome.timedOut { signal = "SIGKILL" }
      message =
        outcome.timedOut
        ? "the command did not end even after SIGKILL, and was given up" : "how the command ended is not known"
    }
    var error: JSONObject = JSONObject()
    error["code"] = code
    error["killed"] = .bool(outcome.timedOut)
    error["signal"] = signal
    error["cmd"] = .string(command)
    error["message"] = message.map { .string($0) }
    let isAccepted = code.intValue.map { accepted.contains($0) } ?? false
    return TaskResult(error: .object(error), facts: JSONObject(), isFailure: !isAccepted)
  }

  private func facts(started: Int?, attempts: Int, _ output: TaskOutput<OutputSpool>) -> JSONObject {
    var facts = JSONObject()
    facts["endedAt"] = .string(Timestamp.now())
    if let started { facts["durationMilliseconds"] = .integer((Ticks.nanoseconds() - started) / 1_000_000) }
    facts["attempts"] = .integer(attempts)
    facts["stdoutBytes"] = .integer(output.stdout?.total ?? 0)
    facts["stderrBytes"] = .integer(output.stderr?.total ?? 0)
    return facts
  }

  private func logEnd(_ result: TaskResult, _ label: String, _ started: Int) {
    let bytes = (result.facts["stdoutBytes"]?.intValue ?? 0) + (result.facts["stderrBytes"]?.intValue ?? 0)
    let time = "after \((Ticks.nanoseconds() - started) / 1_000_000) ms, \(bytes) bytes of output"
    guard let error = result.error.objectValue else { return log.info("\(label): done \(time)") }
    let how =
      if error["killed"]?.boolValue == true {
        "its time was up"
      } else if let signal = error["signal"]?.stringValue {
        "ended by \(signal)"
      } else if let code = error["code"]?.intValue {
        "exit code \(code)"
      } else {
        error["code"]?.stringValue ?? "unknown"
      }
    if result.isFailure {
      log.error("\(label): failed (\(how)) \(time); the tasks behind it are not run")
    } else {
      log.info("\(label): done with the accepted \(how) \(time)")
    }
  }
}

/// Why a task could not be run to an exit code.
private struct TaskFailure: Error {
  let code: String
  let message: String
  let status: Int?

  init(code: String, message: String, status: Int? = nil) {
    (self.code, self.message, self.status) = (code, message, status)
  }

  init(_ error: SystemError) { self.init(code: error.code, message: error.description) }
}
