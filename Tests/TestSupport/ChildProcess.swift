import CTestSupport
import Foundation
import Synchronization

/// A program that a test runs, with its outputs in files, so that nobody has to read them while it runs.
///
/// It gets an empty standard input, default signal handling and no descriptor of the tests', above all no socket of a
/// server. It is killed when the last reference to this object goes.
///
/// Foundation's `Process` will not do: it leaves a socket in the child, and takes the child for alive as long as any
/// descendant holds that socket.
public final class ChildProcess: Sendable {
  public enum End: Equatable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    /// As a shell says it: the exit code, or 128 and the signal's number.
    public var code: Int32 {
      switch self {
      case .exited(let code): code
      case .signaled(let signal): 128 + signal
      }
    }
  }

  public struct Result: Sendable {
    public let end: End
    public let output: String
    public let errors: String

    public var code: Int32 { end.code }
  }

  /// The whole environment of a program that is given no other one.
  public static let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

  public let pid: pid_t
  private let outputFile: OutputFile
  /// `nil` when its standard error goes where its output goes.
  private let errorFile: OutputFile?
  private let ended = Mutex<End?>(nil)

  /// - Parameters:
  ///   - command: the program and its arguments. A name without a slash is looked for in the tests' own PATH.
  ///   - environment: the whole of it.
  ///   - directory: where the program begins; the tests' own directory without one.
  ///   - input: the path of its standard input. It is opened for writing too, so that a named pipe needs no writer.
  ///   - output: the path of a file or named pipe that its output is appended to; a file without a name if `nil`.
  ///   - errorsToOutput: whether its standard error goes there too.
  ///   - inNewGroup: whether it leads a process group, as a program that a shell with job control starts.
  /// - Throws: `Failure` when the program cannot be started.
  public init(
    _ command: [String], environment: [String: String] = environment, in directory: String? = nil,
    input: String = "/dev/null", output: String? = nil, errorsToOutput: Bool = false, inNewGroup: Bool = false
  ) throws {
    outputFile = try OutputFile(output)
    errorFile = errorsToOutput ? nil : try OutputFile(nil)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDWR, 0)
    outputFile.add(to: &actions, as: STDOUT_FILENO)
    if let errorFile {
      errorFile.add(to: &actions, as: STDERR_FILENO)
    } else {
      posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    }
    test_spawn_closing_from(&actions, 3)
    if let directory { test_spawn_in_directory(&actions, directory) }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The threads of the test runner block signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let group = inNewGroup ? POSIX_SPAWN_SETPGROUP : 0
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))

    let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    let variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child: pid_t = 0
    let error = posix_spawnp(&child, command[0], &actions, &attributes, arguments, variables)
    guard error == 0 else { throw Failure("cannot start \(command[0]): \(String(cString: strerror(error)))") }
    pid = child
  }

  deinit {
    signal(SIGKILL)
    waitForEnd()
  }

  /// Runs a program to its end. It blocks the thread.
  public static func run(
    _ command: [String], environment: [String: String] = environment, in directory: String? = nil,
    output: String? = nil, errorsToOutput: Bool = false
  ) throws -> Result {
    let process = try ChildProcess(
      command, environment: environment, in: directory, output: output, errorsToOutput: errorsToOutput)
    process.waitForEnd()
    return try process.finished()
  }

  /// Makes a program of a file, which these tests can run at once.
  ///
  /// Another process writes it: as long as a file is open for writing, the kernel runs it not ("Text file busy"), and a process
  /// that another test starts right now would have inherited it open.
  ///
  /// - Returns: `path`.
  public static func program(_ path: String, from file: String) throws -> String {
    let result = try run(["install", "-m", "755", file, path])
    guard result.end == .exited(0) else { throw Failure("cannot make \(path)") }
    return path
  }

  /// What it has written to its standard output so far.
  public var output: String { outputFile.text }

  /// What it has written to its standard error so far.
  public var errors: String { errorFile?.text ?? "" }

  public var hasEnded: Bool { end != nil }

  /// How it ended; `nil` while it runs.
  private var end: End? { ended.withLock { Self.collect(pid, &$0) } }

  /// Sends a signal; does nothing when the program has ended.
  public func signal(_ number: Int32) {
    // It is collected under the same lock, so that the number is still its own.
    ended.withLock { ended in if Self.collect(pid, &ended) == nil { kill(pid, number) } }
  }

  /// - Throws: `Failure` when it is still running after `limit`.
  public func wait(_ limit: Duration = .seconds(60)) async throws -> End {
    try await eventually("the end of the program", within: limit, explanation: { self.tail }) { self.end }
  }

  /// - Throws: `Failure` when it is still running after `limit`.
  public func result(within limit: Duration = .seconds(60)) async throws -> Result {
    _ = try await wait(limit)
    return try finished()
  }

  /// - Throws: `Failure` when its output does not contain the words after `limit`, or has ended without them.
  public func waitForOutput(_ words: String, _ limit: Duration = .seconds(60)) async throws {
    try await wait(for: words, "output", limit) { self.output }
  }

  /// The same for its standard error.
  public func waitForErrors(_ words: String, _ limit: Duration = .seconds(60)) async throws {
    try await wait(for: words, "standard error", limit) { self.errors }
  }

  private func wait(
    for words: String, _ what: String, _ limit: Duration, _ text: () -> String
  ) async throws {
    try await eventually("\"\(words)\" in the \(what)", within: limit, explanation: { self.tail }) {
      // Asked before the look, for what it writes last.
      let hasEnded = self.hasEnded
      if text().contains(words) { return () }
      if hasEnded { throw Failure("the program ended without \"\(words)\" in the \(what); \(self.tail)") }
      return nil
    }
  }

  private func finished() throws -> Result {
    guard let end else { throw Failure("process \(pid) has not ended") }
    return Result(end: end, output: output, errors: errors)
  }

  /// Blocks the thread until the program has ended.
  private func waitForEnd() {
    guard !hasEnded else { return }
    // It is left to be collected under the lock. When another thread has collected it already, there is nothing to wait for.
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    _ = end
  }

  private static func collect(_ pid: pid_t, _ ended: inout End?) -> End? {
    var status: Int32 = 0
    if ended == nil, waitpid(pid, &status, WNOHANG) == pid {
      ended = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signaled(status & 0x7F)
    }
    return ended
  }

  private var tail: String {
    "its output ends with:\n\(output.suffix(4000))\nits standard error ends with:\n\(errors.suffix(4000))"
  }
}

/// Where one output of a program goes: a file or pipe with a name, or a file without one, which is gone with this object.
private final class OutputFile: Sendable {
  private let path: String?
  private let descriptor: Int32

  init(_ path: String?) throws {
    self.path = path
    guard path == nil else {
      descriptor = -1
      return
    }
    var template = Array("\(NSTemporaryDirectory())monorail-test-output.XXXXXX".utf8CString)
    descriptor = test_make_file(&template)
    guard descriptor >= 0 else { throw Failure("cannot make a file for a program's output: \(errorText())") }
    unlink(template)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func add(to actions: inout posix_spawn_file_actions_t, as number: Int32) {
    if let path {
      // By the child: this process would keep the writing end of a pipe.
      posix_spawn_file_actions_addopen(&actions, number, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    } else {
      posix_spawn_file_actions_adddup2(&actions, descriptor, number)
    }
  }

  var text: String {
    if let path { return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }
}

func errorText() -> String { String(cString: strerror(errno)) }
