import Glibc
import SystemFiles

/// The two named pipes that a command's output comes through. The agent reads from them, and never waits in doing so.
final class OutputPipes {
  enum Stream { case stdout, stderr }

  let stdoutPath: String
  let stderrPath: String
  private(set) var stdout: Int32 = -1
  private(set) var stderr: Int32 = -1

  init(stdoutPath: String, stderrPath: String) { (self.stdoutPath, self.stderrPath) = (stdoutPath, stderrPath) }

  deinit { close() }

  /// Makes both pipes, in the place of any that are there, and opens them.
  func create() throws(SystemError) {
    close()
    for path in [stdoutPath, stderrPath] {
      if mkfifo(path, 0o600) == 0 { continue }
      // An earlier agent may have left a pipe of this name.
      unlink(path)
      guard mkfifo(path, 0o600) == 0 else { throw SystemError("make the pipe \(path)") }
    }
    reopen()
    guard stdout >= 0, stderr >= 0 else { throw SystemError("open the pipe \(stdoutPath)") }
  }

  /// Opens the pipes that are there.
  func reopen() {
    stdout = open(stdoutPath, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    stderr = open(stderrPath, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  }

  var areOpen: Bool { stdout >= 0 || stderr >= 0 }

  /// Reads once. When no process has the pipe open for writing any more, the agent closes it, too.
  func read(_ stream: Stream, _ buffer: UnsafeMutableRawBufferPointer, _ capture: OutputCapture) {
    let descriptor = stream == .stdout ? stdout : stderr
    guard descriptor >= 0 else { return }
    let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    if count > 0 {
      capture.receive(stream, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
      close(stream)
    }
  }

  /// Closes both pipes and removes them.
  func remove() {
    close()
    unlink(stdoutPath)
    unlink(stderrPath)
  }

  private func close() {
    close(.stdout)
    close(.stderr)
  }

  private func close(_ stream: Stream) {
    switch stream {
    case .stdout:
      if stdout >= 0 { Glibc.close(stdout) }
      stdout = -1
    case .stderr:
      if stderr >= 0 { Glibc.close(stderr) }
      stderr = -1
    }
  }
}
