import CLinux
import CSpawn
import Foundation
import Synchronization

/// Runs a program on the server, with a time limit, and keeps the end of what it prints.
struct ProgramRun: Sendable {
  /// A path, or a name that is looked up in `PATH`.
  let program: String
  let arguments: [String]
  /// Besides the server's own variables.
  var variables: [String: String] = [:]
  /// When it is over, the program is killed, with what it has started and not put into another process group. What it
  /// leaves running when it ends runs on.
  let timeLimit: Duration

  /// How much of the output is kept, in bytes.
  var outputLimit = 64 << 10

  /// How long to read on when the program has ended, but something that it started holds the pipe open, in milliseconds.
  private static let grace: Int32 = 200
  /// How long to read on at most, when that prints without end.
  private static let longestGrace = Duration.seconds(2)

  /// How the program ended.
  private enum End {
    /// By itself, with that status of `waitpid`.
    case status(Int32)
    /// It was killed, since its time was over.
    case timeLimit
    /// It was killed, since the task that waited for it was cancelled.
    case cancelled
  }

  /// Returns what it printed when it ends with 0. Does not hold up a thread of Swift's own.
  ///
  /// When the task is cancelled, the program is killed as at the end of its time.
  ///
  /// - Throws: when it cannot be started, ends otherwise, takes too long, or the task is cancelled, with the end of what
  ///   it printed.
  func output() async throws(ManagementFailure) -> String {
    let cancellation = Cancellation()
    let result: Result<String, ManagementFailure> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: run(cancellation)) }
      }
    } onCancel: {
      cancellation.request()
    }
    return try result.get()
  }

  private func run(_ cancellation: Cancellation) -> Result<String, ManagementFailure> {
    guard !cancellation.isRequested else {
      return .failure(failure("was not run, since this was cancelled", isFinal: true))
    }
    var ends: [Int32] = [-1, -1]
    guard monorail_make_pipe(&ends) == 0 else { return .failure(failure("cannot be run: \(Self.reason(errno))")) }
    defer { close(ends[0]) }
    var child: pid_t = 0
    let error = spawn(output: ends[1], &child)
    close(ends[1])
    guard error == 0 else {
      // Where there is no such program now, there will be none with the next try.
      return .failure(failure("cannot be run: \(Self.reason(error))", isFinal: error == ENOENT || error == EACCES))
    }
    let (text, programEnd) = wait(for: child, reading: ends[0], cancellation)
    let status: Int32
    switch programEnd {
    case .status(let value): status = value
    case .timeLimit: return .failure(failure("was killed after \(timeLimit)", saying: text))
    case .cancelled: return .failure(failure("was killed, since this was cancelled", saying: text, isFinal: true))
    }
    guard status != 0 else { return .success(text) }
    let end =
      monorail_was_signaled(status) != 0
      ? "was ended by signal \(monorail_signal(status))" : "failed with exit code \(monorail_exit_code(status))"
    return .failure(failure(end, saying: text))
  }

  /// Waits for the end of the program, kills it when it must end, and collects it.
  private func wait(
    for child: pid_t, reading descriptor: Int32, _ cancellation: Cancellation
  ) -> (text: String, end: End) {
    let timeOver = ContinuousClock.now + timeLimit
    var output: [UInt8] = []
    var last = Reading.something
    var hasEnded = false
    while !hasEnded, !cancellation.isRequested, ContinuousClock.now < timeOver {
      // The end of the program is looked for five times a second, as something else may hold the pipe.
      let left = max(1, min(200, Int32((timeOver - .now) / .milliseconds(1))))
      if last == .end {
        usleep(10_000)
      } else {
        last = read(descriptor, &output, milliseconds: left)
      }
      hasEnded = Self.hasEnded(child)
    }
    guard hasEnded else {
      kill(-child, SIGKILL)
      kill(child, SIGKILL)
      _ = Self.collect(child)
      return (Self.text(output), cancellation.isRequested ? .cancelled : .timeLimit)
    }
    let readingOver = min(timeOver, ContinuousClock.now + Self.longestGrace)
    while last != .end {
      guard !cancellation.isRequested, ContinuousClock.now < readingOver else {
        // What the program has left running, such as a virtual machine, prints without a pause. It goes on; what it
        // prints to a pipe that nobody reads may end it.
        if cancellation.isRequested { kill(-child, SIGKILL) }
        break
      }
      last = read(descriptor, &output, milliseconds: Self.grace)
      if last == .nothing { break }
    }
    return (Self.text(output), .status(Self.collect(child)))
  }

  /// Whether the program has ended. It is not collected yet, so that no other process or group can get its number.
  private static func hasEnded(_ child: pid_t) -> Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == SIGCHLD
  }

  /// Waits for the end of the program, if need be.
  ///
  /// - Returns: its status.
  private static func collect(_ child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return status
  }

  private enum Reading {
    case something, nothing, end
  }

  /// - Parameter milliseconds: how long to wait for something.
  private func read(_ descriptor: Int32, _ output: inout [UInt8], milliseconds: Int32) -> Reading {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&poller, 1, milliseconds) > 0 else { return .nothing }
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    let count = Foundation.read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return count < 0 && errno == EINTR ? .nothing : .end }
    output += buffer[..<count]
    if output.count > outputLimit { output.removeFirst(output.count - outputLimit) }
    return .something
  }

  private func spawn(output: Int32, _ child: inout pid_t) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    // The server's sockets do not close on exec: what the program leaves running would keep the server's port.
    monorail_spawn_closing_from(&actions, STDERR_FILENO + 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The server ignores SIGPIPE and takes SIGTERM and SIGINT itself.
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    // A group of its own, which can be killed as a whole.
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let all = ProcessInfo.processInfo.environment.merging(variables) { $1 }
    let words = ([program] + arguments).map { strdup($0) }
    let environment = all.map { strdup("\($0)=\($1)") }
    defer { for text in words + environment { free(text) } }
    return posix_spawnp(&child, program, &actions, &attributes, words + [nil], environment + [nil])
  }

  private func failure(_ what: String, saying text: String = "", isFinal: Bool = false) -> ManagementFailure {
    let command = ([program] + arguments).joined(separator: " ")
    let last = text.split(whereSeparator: \.isNewline).suffix(5).joined(separator: "; ")
    return ManagementFailure(
      ReadableText.line("\(command) \(what)" + (last.isEmpty ? "" : ": \(last)")), isFinal: isFinal)
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }
}

/// Tells the thread that waits for a program that the program is to be killed.
private final class Cancellation: Sendable {
  private let flag = Atomic(false)

  var isRequested: Bool { flag.load(ordering: .relaxed) }

  func request() { flag.store(true, ordering: .relaxed) }
}
