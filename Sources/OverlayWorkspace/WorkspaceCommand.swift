import CLinux
import CWorkspace
import Glibc
import Overlay
import SystemFiles

/// A command in namespaces of its own, below a root.
struct WorkspaceCommand {
  var root: String
  var arguments: [String]
  var environment: [String]
  var directory = "/root"
  var isOffline = false
  /// As in ``Workspace/Options``.
  var isConfined = false
  /// Whether it is a shell that takes the terminal over.
  var isInteractive = false

  enum End {
    case exited(Int32)
    case signaled(Int32)
    /// There is no such command, or it is none.
    case notStarted(SystemError)
  }

  /// Runs the command; when this returns, no process of the workspace is left.
  ///
  /// - Throws: when the workspace failed, not the command.
  func run(_ signals: SignalWatch, onTick: @escaping @Sendable () -> Void) throws(OverlayError) -> End {
    let alive = try Pipe()
    let report = try Pipe()
    let printed = isConfined ? try Pipe() : nil
    let terminal = Terminal()
    let output = try printed.map { (pipe) throws(OverlayError) in try CommandOutput(reader: pipe.takeReader()) }
    defer { output?.finish() }
    let started = Result { () throws(OverlayError) in
      try start(alive, report, isInteractive ? terminal : nil, output: printed?.writer ?? -1)
    }
    close(report.takeWriter())
    if let printed { close(printed.takeWriter()) }
    let process = try started.get()
    let status = signals.wait(for: process, onTick: onTick)
    terminal?.takeBack()
    return try end(reports: report.readAll(), status)
  }

  private func start(
    _ alive: Pipe, _ report: Pipe, _ terminal: Terminal?, output: Int32
  ) throws(OverlayError) -> pid_t {
    var command: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    let (root, directory) = (strdup(root), strdup(directory))
    defer { for text in command + variables + [root, directory] { free(text) } }
    let process = command.withUnsafeMutableBufferPointer { command in
      variables.withUnsafeMutableBufferPointer { variables in
        var workspace = monorail_workspace(
          root: root, command: command.baseAddress, environment: variables.baseAddress, directory: directory,
          alive: alive.reader, report: report.writer,
          terminal: terminal?.descriptor ?? -1, offline: isOffline ? 1 : 0, confined: isConfined ? 1 : 0, output: output
        )
        return monorail_workspace_start(&workspace)
      }
    }
    guard process > 0 else { throw .system("start the workspace in namespaces of its own") }
    return process
  }

  private func end(reports: [monorail_workspace_report], _ status: Int32) throws(OverlayError) -> End {
    guard let first = reports.first else {
      throw OverlayError(
        monorail_was_signaled(status) != 0
          ? "the first process of the workspace was ended by \(SignalWatch.name(of: monorail_signal(status)))"
          : "the first process of the workspace ended before its command")
    }
    switch UInt32(bitPattern: first.step) {
    case MONORAIL_STEP_ENDED.rawValue:
      return monorail_was_signaled(first.value) != 0
        ? .signaled(monorail_signal(first.value)) : .exited(monorail_exit_code(first.value))
    case MONORAIL_STEP_COMMAND.rawValue:
      return .notStarted(SystemError("run \(arguments[0]) in the workspace", errno: first.value))
    default: throw .system(Self.attempt(first.step), errno: first.value)
    }
  }

  private static func attempt(_ step: Int32) -> String {
    switch UInt32(bitPattern: step) {
    case MONORAIL_STEP_PRIVATE_MOUNTS.rawValue: "keep the workspace's mounts to itself"
    case MONORAIL_STEP_LOOPBACK.rawValue: "start the loopback interface of the workspace"
    case MONORAIL_STEP_ROOT.rawValue: "make the overlay the root of the workspace"
    case MONORAIL_STEP_PROC.rawValue: "mount /proc in the workspace"
    case MONORAIL_STEP_SYS.rawValue: "mount /sys in the workspace"
    case MONORAIL_STEP_OUTPUT.rawValue: "hand the command its output"
    case MONORAIL_STEP_NAME.rawValue: "name the workspace"
    case MONORAIL_STEP_CAPABILITIES.rawValue: "give up capabilities"
    default: "start the command"
    }
  }
}

/// A pipe that no program which is started inherits; closed when it goes.
private final class Pipe {
  private(set) var reader: Int32
  private(set) var writer: Int32

  init() throws(OverlayError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .system("make a pipe") }
    (reader, writer) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    if reader >= 0 { close(reader) }
    if writer >= 0 { close(writer) }
  }

  func takeReader() -> Int32 {
    defer { reader = -1 }
    return reader
  }

  func takeWriter() -> Int32 {
    defer { writer = -1 }
    return writer
  }

  func readAll() -> [monorail_workspace_report] {
    var reports: [monorail_workspace_report] = []
    var report = monorail_workspace_report()
    let size = MemoryLayout<monorail_workspace_report>.size
    while read(reader, &report, size) == size { reports.append(report) }
    return reports
  }
}

/// The terminal that the program was started from.
private struct Terminal {
  let descriptor = STDIN_FILENO
  private var settings = termios()

  /// `nil` when there is none, or when the program is not in its foreground.
  init?() {
    guard tcgetattr(descriptor, &settings) == 0, tcgetpgrp(descriptor) == getpgrp() else { return nil }
  }

  /// Takes it back from a command that may have died in the middle of something.
  func takeBack() {
    var settings = settings
    var blocked = sigset_t()
    sigemptyset(&blocked)
    sigaddset(&blocked, SIGTTOU)
    pthread_sigmask(SIG_BLOCK, &blocked, nil)
    tcsetpgrp(descriptor, getpgrp())
    tcsetattr(descriptor, TCSADRAIN, &settings)
    pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
  }
}
