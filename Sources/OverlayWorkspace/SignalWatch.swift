import CLinux
import Glibc
import Overlay
import Synchronization

/// Something that a program makes for a time, and that must be gone when it ends.
public protocol Temporary: AnyObject, Sendable {
  func remove()
}

/// Ends the program on SIGINT, SIGTERM, SIGHUP and SIGQUIT, with all that it has started, and leaves nothing behind.
///
/// While a command runs, its processes are killed, and the program goes on as after a command that failed. Ctrl-C and
/// Ctrl-\ are left to a command of the person at the terminal: it gets them too. A signal has no effect any more when the
/// result is being put in place.
public final class SignalWatch: Sendable {
  private enum Phase {
    case working
    case command(pid_t)
    case committed
  }

  private struct State {
    var phase = Phase.working
    var signal: Int32?
    var temporary: [ObjectIdentifier: any Temporary] = [:]
    var onTick: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())
  private let signals: sigset_t
  private let leavesTerminal: Bool
  private let say: @Sendable (String) -> Void

  /// Begins to watch for signals.
  ///
  /// Call it before other threads are started: they would take the signals.
  ///
  /// - Parameter leavesTerminal: whether Ctrl-C and Ctrl-\ are for the command while one runs; else they are like other signals.
  public init(leavesTerminal: Bool = true, say: @escaping @Sendable (String) -> Void) throws(OverlayError) {
    (self.leavesTerminal, self.say) = (leavesTerminal, say)
    // If SIGCHLD were ignored, the kernel would not keep how a child ended.
    signal(SIGCHLD, SIG_DFL)
    var signals = Self.endingSignals()
    self.signals = signals
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { this in
        guard let this else { return nil }
        Unmanaged<SignalWatch>.fromOpaque(this).takeRetainedValue().watch()
      }, Unmanaged.passRetained(self).toOpaque())
    guard error == 0 else { throw .system("start a thread", errno: error) }
    pthread_detach(thread)
  }

  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// The signals that end the program. Those that were ignored when it started, as under nohup(1), stay ignored.
  private static func endingSignals() -> sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in ending {
      var action = sigaction()
      sigaction(number, nil, &action)
      let isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !isIgnored { sigaddset(&signals, number) }
    }
    return signals
  }

  /// The signal that ended the command.
  var received: Int32? { state.withLock { $0.signal } }

  /// Makes something that is removed when a signal ends the program. No signal ends the program while it is made.
  func adding<Made: Temporary>(_ make: () throws(OverlayError) -> Made) throws(OverlayError) -> Made {
    try state.withLock { (state) throws(OverlayError) in
      let made = try make()
      state.temporary[ObjectIdentifier(made)] = made
      return made
    }
  }

  /// The caller has removed it.
  func forget(_ temporary: some Temporary) {
    state.withLock { _ = $0.temporary.removeValue(forKey: ObjectIdentifier(temporary)) }
  }

  /// Does not return when a signal is ending the program. Whoever writes to a temporary directory calls this often: what is
  /// written while the directory is being removed would stay.
  public func waitIfEnding() { state.withLock { _ in } }

  /// Waits for the end of a process. A signal that ends the program kills the process.
  ///
  /// - Parameter onTick: called a few times each second, on another thread.
  /// - Returns: its status, as waitpid(2) gives it.
  func wait(for process: pid_t, onTick: @escaping @Sendable () -> Void) -> Int32 {
    state.withLock { state in
      state.phase = .command(process)
      state.onTick = onTick
      if state.signal != nil { kill(process, SIGKILL) }
    }
    // WNOWAIT leaves a zombie: its number cannot be given to another process as long as this program may kill it.
    var info = siginfo_t()
    while waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    state.withLock { state in
      state.phase = .working
      state.onTick = nil
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status
  }

  /// From here on signals have no effect. If one came before, it ends the program, and this does not return.
  func commit() {
    while !commitsWithoutSignal() { pause() }
  }

  /// After ``commit()``, when more is to be done: signals end the program again.
  public func resume() { state.withLock { $0.phase = .working } }

  private func commitsWithoutSignal() -> Bool {
    state.withLock { state in
      var pending = sigset_t()
      sigpending(&pending)
      // Signals that are ignored are never pending.
      if Self.ending.contains(where: { sigismember(&pending, $0) == 1 }) { return false }
      state.phase = .committed
      return true
    }
  }

  private func watch() -> Never {
    var signals = signals
    // Reading is only waited for, not done: a signal stays pending until it is taken under the lock, so that commit() sees it.
    var arrival = pollfd(fd: signalfd(-1, &signals, Int32(SFD_CLOEXEC)), events: Int16(POLLIN), revents: 0)
    while true {
      poll(&arrival, 1, 200)
      state.withLock { state in
        var info = siginfo_t()
        var atOnce = timespec()
        let number = sigtimedwait(&signals, &info, &atOnce)
        guard number > 0 else {
          state.onTick?()
          return
        }
        switch state.phase {
        case .committed: return
        case .command(let process):
          let isFromTerminal = info.si_code == 0x80 && (number == SIGINT || number == SIGQUIT)
          if isFromTerminal, leavesTerminal { return }
          state.signal = number
          kill(process, SIGKILL)
        case .working:
          for temporary in state.temporary.values { temporary.remove() }
          say("ended by \(Self.name(of: number))")
          end(number)
        }
      }
    }
  }

  /// Ends the program when a signal has ended the command, as that signal does when no command runs. Else it returns.
  ///
  /// Call it when the workspace is gone, and when it has been said that a signal came.
  public func endIfReceived() {
    state.withLock { state in
      guard let number = state.signal else { return }
      for temporary in state.temporary.values { temporary.remove() }
      end(number)
    }
  }

  /// Whoever started the program sees which signal it was.
  private func end(_ number: Int32) {
    var signals = signals
    signal(number, SIG_DFL)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    kill(getpid(), number)
  }

  static func name(of signal: Int32) -> String {
    monorail_signal_name(signal).map { "SIG\(String(cString: $0))" } ?? "signal \(signal)"
  }
}
