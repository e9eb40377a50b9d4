import CLinux
import Glibc
import HTTPTransport

/// The signals that concern the agent, as a descriptor that `poll` can wait for.
///
/// SIGTERM and SIGINT ask it to stop when the running task has ended; a second one ends it at once: the next agent takes up what
/// is in the journal. SIGCHLD wakes whoever waits. SIGHUP and SIGPIPE are ignored.
public final class StopSignal: TransferInterruption {
  public let descriptor: Int32
  /// The first signal that asked to stop.
  public private(set) var received: Int32?
  private var receivedAt = 0
  /// Children that were given up before they had ended.
  private var abandoned: [pid_t] = []

  public init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGCHLD] { sigaddset(&set, number) }
    sigprocmask(SIG_BLOCK, &set, nil)
    // The program that started the agent may have had it ignored; the kernel would then not tell that a command has ended.
    signal(SIGCHLD, SIG_DFL)
    signal(SIGHUP, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    descriptor = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
    precondition(descriptor >= 0, "no signalfd")
  }

  deinit { close(descriptor) }

  public var isRequested: Bool {
    consume()
    return received != nil
  }

  /// The exit code that says by which signal the agent was stopped.
  public var exitCode: Int32? { received.map { 128 + $0 } }

  /// Takes the signals that have arrived off the descriptor.
  func consume() {
    var info = signalfd_siginfo()
    while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
      let number = Int32(bitPattern: info.ssi_signo)
      guard number != SIGCHLD else { continue }
      if received != nil { _exit(128 + number) }
      received = number
      receivedAt = Ticks.now()
    }
    // Their end may have come together with another child's, in one signal.
    if !abandoned.isEmpty { abandoned.removeAll { waitpid($0, nil, WNOHANG) != 0 } }
  }

  /// Leaves no zombie of a child that is not waited for any more: takes its status once it has ended.
  func collectLater(_ child: pid_t) { abandoned.append(child) }

  /// Waits; ends early when a stop is requested.
  ///
  /// - Returns: whether the whole time has passed.
  @discardableResult
  public func sleep(milliseconds: Int) -> Bool {
    let end = Ticks.now() + milliseconds
    while !isRequested {
      let left = end - Ticks.now()
      guard left > 0 else { return true }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      poll(&entry, 1, Int32(left))
    }
    return false
  }

  /// Waits in full, a first signal or not; a second one ends the agent all the same.
  public func sleepInFull(milliseconds: Int) {
    let end = Ticks.now() + milliseconds
    while !sleep(milliseconds: end - Ticks.now()), Ticks.now() < end {
      usleep(useconds_t(1000 * min(50, max(0, end - Ticks.now()))))
    }
  }

  /// Whether the first signal that asked to stop came at least that many milliseconds ago.
  public func isInterrupted(after grace: Int) -> Bool { isRequested && Ticks.now() - receivedAt >= grace }

  public var pollInterval: Int32 { received == nil ? 1000 : 100 }
}
