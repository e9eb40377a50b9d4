import CLinux
import Glibc
import Overlay
import Synchronization

/// Ends the program on SIGINT, SIGTERM, SIGHUP and SIGQUIT, with what it was doing and without leaving anything behind.
///
/// While a command runs, its processes are ended and the program goes on as after a failure; Ctrl-C and Ctrl-\ are the
/// command's own affair then, which gets them too. When the result is being put in place, signals come too late.
public final class SignalWatch: Sendable {
  private enum Phase {
    case working
    case command(pid_t)
    case committed
  }

  private struct State {
    var phase = Phase.working
    var signal: Int32?
    /// Directories to remove.
    var temporary: Set<String> = []
    var onTick: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())
  private let signals: sigset_t
  private let say: @Sendable (String) -> Void

  /// Begins to watch for signals.
  ///
  /// Call it before other threads are started: they would take the signals.
  public init(say: @escaping @Sendable (String) -> Void) throws(OverlayError) {
    self.say = say
    // With SIGCHLD ignored, nobody would learn how a child ended.
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
    guard error == 0 else { throw .failed("start a thread", errno: error) }
    pthread_detach(thread)
  }

  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// Those that end the program. What whoever started it had ignored, as nohup(1) does, stays ignored.
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

  /// Has a directory removed when the program is ended.
  func add(temporary directory: String) { state.withLock { _ = $0.temporary.insert(directory) } }

  func remove(temporary directory: String) { state.withLock { _ = $0.temporary.remove(directory) } }

  /// Waits for the end of a process, which is killed when the program is to end.
  ///
  /// - Parameter onTick: called a few times each second, on another thread.
  /// - Returns: its status, as waitpid(2) gives it.
  func wait(for process: pid_t, onTick: @escaping @Sendable () -> Void) -> Int32 {
    state.withLock { state in
      state.phase = .command(process)
      state.onTick = onTick
      if state.signal != nil { kill(process, SIGKILL) }
    }
    // It stays a zombie until nobody kills it any more, so that its number is not another process's by then.
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

  /// From here on what the program was to do is as good as done, and signals change nothing any more. One that came before
  /// ends the program, and this does not return.
  func commit() {
    while !commitsWithoutSignal() { pause() }
  }

  private func commitsWithoutSignal() -> Bool {
    state.withLock { state in
      var pending = sigset_t()
      sigpending(&pending)
      // What is ignored is never pending.
      if Self.ending.contains(where: { sigismember(&pending, $0) == 1 }) { return false }
      state.phase = .committed
      return true
    }
  }

  private func watch() -> Never {
    var signals = signals
    // Tells of a signal and leaves it pending: it is taken under the lock, so that commit() sees every one.
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
          if isFromTerminal { return }
          state.signal = number
          kill(process, SIGKILL)
        case .working:
          for directory in state.temporary { monorail_remove_tree(directory) }
          say("ended by \(Self.name(of: number))")
          signal(number, SIG_DFL)
          pthread_sigmask(SIG_UNBLOCK, &signals, nil)
          kill(getpid(), number)
        }
      }
    }
  }

  static func name(of signal: Int32) -> String {
    monorail_signal_name(signal).map { "SIG\(String(cString: $0))" } ?? "signal \(signal)"
  }
}
