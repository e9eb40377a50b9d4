import CLinux
import Foundation
import Synchronization

/// A program that a test runs: the real agent, alone or behind a wrapper (`strace -D`, `chroot`) that becomes it, with its
/// stderr in a file.
final class AgentProcess: Sendable {
  enum End: Equatable {
    case exited(Int32)
    case signaled(Int32)
  }

  /// The program under test: what `MONORAIL_AGENT` names, else the one that was built together with these tests.
  static let program: String = {
    if let path = ProcessInfo.processInfo.environment["MONORAIL_AGENT"], !path.isEmpty {
      return URL(filePath: path).path
    }
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "monorail-agent").path
  }()

  let pid: pid_t
  let logPath: String
  private let end = Mutex<End?>(nil)
  private let outputPath: String

  /// - Parameters:
  ///   - command: the program's path and its arguments.
  ///   - environment: the whole of it.
  ///   - logPath: where its stderr is appended. Its stdout goes to the file beside it that ends in `.stdout`.
  init(_ command: [String], environment: [String: String], logPath: String) throws {
    (self.logPath, outputPath) = (logPath, logPath + ".stdout")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputPath, flags, 0o600)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, logPath, flags, 0o600)
    // Nothing of the tests' own, above all not the mock's sockets.
    monorail_spawn_closing_from(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    let variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child: pid_t = 0
    let error = posix_spawnp(&child, command[0], &actions, &attributes, arguments, variables)
    guard error == 0 else { throw Failure("cannot start \(command[0]): \(String(cString: strerror(error)))") }
    pid = child
    Thread.detachNewThread { [self, pid] in
      // It stays a zombie until the lock is held, so that `signal` never meets somebody else's process.
      var info = siginfo_t()
      while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      end.withLock { end in
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        end = status & 0x7F == 0 ? .exited((status >> 8) & 0xFF) : .signaled(status & 0x7F)
      }
    }
  }

  /// What it has logged so far.
  var log: String { text(of: logPath) }
  var output: String { text(of: outputPath) }

  private func text(of path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  var hasEnded: Bool { end.withLock { $0 != nil } }

  func signal(_ number: Int32) {
    end.withLock { end in if end == nil { kill(pid, number) } }
  }

  /// - Throws: `Failure` when it is still running after that time.
  func wait(_ limit: Duration = .seconds(30)) async throws -> End {
    try await eventually("the end of the program", within: limit, explanation: { self.tail }) {
      self.end.withLock { $0 }
    }
  }

  /// Kills it as a crash would, and waits until it is gone.
  func crash() async throws {
    signal(SIGKILL)
    _ = try await wait(.seconds(10))
  }

  /// Waits until a line of its log contains the text.
  func waitForLog(_ words: String, _ limit: Duration = .seconds(30)) async throws {
    try await eventually("\"\(words)\" in the log", within: limit, explanation: { self.tail }) {
      self.log.contains(words) ? () : nil
    }
  }

  private var tail: String { "the log ends with:\n" + log.suffix(4000) }
}

// What the kernel says of it.
extension AgentProcess {
  /// The most memory that was resident at once, in bytes.
  var peakMemory: Int {
    get throws {
      let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      guard let size = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) })
      else { throw Failure("no VmHWM for process \(pid)") }
      return size * 1024
    }
  }

  /// Whether a signal was sent to it that it has not looked at yet.
  var hasPendingSignals: Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return false }
    return status.split(separator: "\n").contains {
      ($0.hasPrefix("ShdPnd:") || $0.hasPrefix("SigPnd:")) && $0.contains { $0.isNumber && $0 != "0" }
    }
  }

  /// The processor time that it has used, in clock ticks (a hundredth of a second each).
  func processorTicks() throws -> Int {
    let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
      throw Failure("no times for process \(pid)")
    }
    return user + system
  }

  /// What each of its open descriptors is.
  var descriptors: [String] {
    let directory = "/proc/\(pid)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }
  }

  /// The processes that it has started and not collected.
  var children: [String] {
    let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
    return (text ?? "").split(separator: " ").map(String.init)
  }
}

/// Ends what still works in that directory: commands that a test which failed has left waiting.
func endProcesses(in directory: String) {
  let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  for pid in entries.compactMap({ pid_t($0) }) {
    let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
    if place?.hasPrefix(directory + "/") == true { kill(pid, SIGKILL) }
  }
}

/// Whether a process is there and runs: a zombie does not.
func isRunning(_ pid: pid_t) -> Bool {
  guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
    let state = stat.split(separator: ")").last?.split(separator: " ").first
  else { return false }
  return state != "Z" && state != "X"
}
