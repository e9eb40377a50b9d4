import CLinux
import CSpawn
import Foundation

/// Runs a program on the server, with a time limit, and keeps the end of what it prints.
struct ProgramRun: Sendable {
  /// A path, or a name that is looked up in `PATH`.
  let program: String
  let arguments: [String]
  /// Besides the server's own variables.
  var variables: [String: String] = [:]
  /// When it is over, the program is killed, with what it has started and not put into another process group.
  let timeLimit: Duration

  /// How much of the output is kept, in bytes.
  var outputLimit = 64 << 10

  /// How long to read on when the program has ended, but something that it started holds the pipe open, in milliseconds.
  private static let grace: Int32 = 200

  /// Returns what it printed when it ends with 0. Does not hold up a thread of Swift's own.
  ///
  /// - Throws: when it cannot be started, ends otherwise, or takes too long, with the end of what it printed.
  func output() async throws(ManagementFailure) -> String {
    let result: Result<String, ManagementFailure> = await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: run()) }
    }
    return try result.get()
  }

  private func run() -> Result<String, ManagementFailure> {
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
    let (text, status) = wait(for: child, reading: ends[0])
    guard let status else {
      return .failure(failure("was killed after \(timeLimit)", saying: text))
    }
    guard status != 0 else { return .success(text) }
    let end =
      monorail_was_signaled(status) != 0
      ? "was ended by signal \(monorail_signal(status))" : "failed with exit code \(monorail_exit_code(status))"
    return .failure(failure(end, saying: text))
  }

  /// - Returns: what it printed, and how it ended; `nil` when it had to be killed.
  private func wait(for child: pid_t, reading descriptor: Int32) -> (text: String, status: Int32?) {
    let end = ContinuousClock.now + timeLimit
    var output: [UInt8] = []
    var last = Reading.something
    var status: Int32 = 0
    var hasEnded = false
    while !hasEnded, ContinuousClock.now < end {
      // The end of the program is looked for five times a second, as something else may hold the pipe.
      let left = max(1, min(200, Int32((end - .now) / .milliseconds(1))))
      if last == .end {
        usleep(10_000)
      } else {
        last = read(descriptor, &output, milliseconds: left)
      }
      hasEnded = waitpid(child, &status, WNOHANG) == child
    }
    guard hasEnded else {
      kill(-child, SIGKILL)
      kill(child, SIGKILL)
      while waitpid(child, &status, 0) < 0, errno == EINTR {}
      return (Self.text(output), nil)
    }
    while last != .end {
      last = read(descriptor, &output, milliseconds: Self.grace)
      if last == .nothing { break }
    }
    return (Self.text(output), status)
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
