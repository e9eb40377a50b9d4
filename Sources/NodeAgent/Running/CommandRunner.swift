import CLinux
import Glibc
import SystemFiles

/// How a command ended.
struct CommandOutcome: Equatable {
  enum Status: Equatable {
    case exited(Int32)
    case signaled(Int32)
    /// It was another agent's child: only that it is gone is known.
    case unknown
  }
  var status: Status
  /// Whether its time was up.
  var timedOut: Bool
}

/// Runs one command at a time: `/bin/sh -c`, in a session of its own, with stdin empty and both outputs captured.
///
/// The outputs are named pipes that the command opens for reading too. So it gets no SIGPIPE when the agent dies, and the next
/// agent can take the pipes up again: a flash goes on in either case. The price: a command that reads its own stdout or stderr
/// (`head <&1`) waits without end, since it is a writer of that pipe itself.
final class CommandRunner {
  /// How long after SIGTERM a command that is out of time gets SIGKILL, in milliseconds.
  static let killGrace = 5000
  /// How long after SIGKILL it is waited for, in milliseconds.
  static let abandonGrace = 10_000
  /// How long output of background children is waited for after the command has ended, in milliseconds.
  static let pipeGrace = 2000

  private let stop: StopSignal
  private let input: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

  init(stop: StopSignal) {
    self.stop = stop
    input = Self.openEmptyInput()
  }

  deinit {
    close(input)
    buffer.deallocate()
  }

  /// Starts the command and waits for its end.
  ///
  /// - Parameters:
  ///   - deadline: the time of `Ticks` at which it is told to end, or `nil`.
  ///   - pipes: where its outputs pass through; made anew.
  ///   - note: the file that the command's process appends its identity to before it runs anything.
  ///   - capture: given each piece of output.
  /// - Throws: `SystemError` when it cannot be started.
  func run(
    _ command: String, in directory: String, deadline: Int?, pipes: OutputPipes, note: String, capture: OutputCapture
  ) throws(SystemError) -> CommandOutcome {
    try pipes.create()
    let pid = try start(command, in: directory, pipes: pipes, note: note)
    return supervise(.child(pid), deadline: deadline, pipes: pipes, capture: capture)
  }

  /// Waits for the end of a command that an earlier agent started, and takes what is left of its output.
  ///
  /// - Parameter process: the command's own, or `nil` when it has ended. What it left running in the background is not
  ///   waited for any longer than that of a command of this agent.
  func adopt(
    _ process: ProcessIdentity?, deadline: Int?, pipes: OutputPipes, capture: OutputCapture
  ) -> CommandOutcome {
    pipes.reopen()
    return supervise(.orphan(process), deadline: deadline, pipes: pipes, capture: capture)
  }

  private enum Leader {
    case child(pid_t)
    case orphan(ProcessIdentity?)

    var isOrphan: Bool {
      if case .orphan = self { true } else { false }
    }

    var group: pid_t? {
      switch self {
      case .child(let pid): pid
      case .orphan(let process): process?.pid
      }
    }

    /// A child stays a zombie here until `collect`, so that its number, and its group's, cannot become somebody else's.
    var hasEnded: Bool {
      switch self {
      case .child(let pid):
        var info = siginfo_t()
        guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return errno == ECHILD }
        return info.si_signo == SIGCHLD
      case .orphan(let process):
        return process?.isAlive != true
      }
    }

    func collect() -> CommandOutcome.Status {
      guard case .child(let pid) = self else { return .unknown }
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0 {
        guard errno == EINTR else { return .unknown }
      }
      return monorail_was_signaled(status) != 0
        ? .signaled(monorail_signal(status)) : .exited(monorail_exit_code(status))
    }
  }

  private func supervise(
    _ leader: Leader, deadline: Int?, pipes: OutputPipes, capture: OutputCapture
  ) -> CommandOutcome {
    var limit = TimeLimit(deadline: deadline)
    var endedAt: Int?
    while true {
      let now = Ticks.now()
      if endedAt == nil, leader.hasEnded { endedAt = now }
      if let signal = limit.signal(at: now, hasEnded: endedAt != nil), let group = leader.group { kill(-group, signal) }
      // The leader of a group that was told to end may be gone before the others: they have their grace too.
      let giveUp = endedAt.map { max($0, limit.killAt ?? 0) + Self.pipeGrace } ?? limit.abandonAt
      if endedAt != nil, !pipes.areOpen { break }
      if let giveUp, now >= giveUp { break }
      wait(
        until: [giveUp, limit.next(hasEnded: endedAt != nil)].compactMap { $0 }.min(), leader, pipes, capture)
    }
    pipes.read(.stdout, buffer, capture)
    pipes.read(.stderr, buffer, capture)
    pipes.remove()
    capture.finish()
    if limit.isOver, let group = leader.group, !leader.isOrphan { kill(-group, SIGKILL) }
    if endedAt == nil {
      if case .child(let pid) = leader { stop.collectLater(pid) }
      return CommandOutcome(status: .unknown, timedOut: limit.isOver)
    }
    return CommandOutcome(status: leader.collect(), timedOut: limit.isOver)
  }

  /// The steps that follow when a command's time is up: SIGTERM, SIGKILL, and then giving it up, since a process that hangs
  /// in a driver does not go even then.
  private struct TimeLimit {
    private let deadline: Int?
    private(set) var killAt: Int?
    private(set) var abandonAt: Int?

    init(deadline: Int?) { self.deadline = deadline }

    var isOver: Bool { killAt != nil }

    /// When a signal is due next.
    func next(hasEnded: Bool) -> Int? {
      if abandonAt != nil { return nil }
      return killAt ?? (hasEnded ? nil : deadline)
    }

    /// The signal that is due.
    mutating func signal(at now: Int, hasEnded: Bool) -> Int32? {
      if killAt == nil, !hasEnded, let deadline, now >= deadline {
        killAt = now + CommandRunner.killGrace
        return SIGTERM
      }
      if abandonAt == nil, let killAt, now >= killAt {
        abandonAt = now + CommandRunner.abandonGrace
        return SIGKILL
      }
      return nil
    }
  }

  /// Waits for output, a signal, or a time, and takes what there is of the first.
  private func wait(
    until time: Int?, _ leader: Leader, _ pipes: OutputPipes, _ capture: OutputCapture
  ) {
    var limit = time.map { min(max(0, $0 - Ticks.now()), Int(Int32.max)) } ?? -1
    // The end of an orphan sends no signal to us.
    if leader.isOrphan { limit = limit < 0 ? 100 : min(limit, 100) }
    var entries = [
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pipes.stdout, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pipes.stderr, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&entries, nfds_t(entries.count), Int32(limit)) > 0 else { return }
    if entries[0].revents != 0 { stop.consume() }
    if entries[1].revents != 0 { pipes.read(.stdout, buffer, capture) }
    if entries[2].revents != 0 { pipes.read(.stderr, buffer, capture) }
  }

  private func start(
    _ command: String, in directory: String, pipes: OutputPipes, note: String
  ) throws(SystemError) -> pid_t {
    func copy(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }
    var arguments = ["/bin/sh", "-c", command].map(copy) + [nil]
    let paths = [directory, pipes.stdoutPath, pipes.stderrPath, note].map(copy)
    defer { for text in arguments + paths { free(text) } }
    var pid: pid_t = 0
    let error = arguments.withUnsafeMutableBufferPointer { arguments in
      var description = monorail_command(
        arguments: arguments.baseAddress, environment: environ, directory: paths[0], input: input, output: paths[1],
        errors: paths[2], note: paths[3])
      return monorail_start(&description, &pid)
    }
    guard error == 0 else {
      pipes.remove()
      throw SystemError("start /bin/sh in \(directory)", errno: error)
    }
    return pid
  }

  /// `/dev/null`, or, where there is none, a pipe that nobody writes to.
  private static func openEmptyInput() -> Int32 {
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard null < 0 else { return null }
    var ends: [Int32] = [-1, -1]
    pipe(&ends)
    Glibc.close(ends[1])
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    return ends[0]
  }
}
