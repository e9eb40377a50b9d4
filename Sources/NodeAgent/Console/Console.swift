import Glibc

/// The console (stderr), written to without ever waiting: a serial line takes few lines a second, and may take none at all.
///
/// What does not fit the buffer of a `ConsoleWriter` is left out, and the console says how many lines that were.
public final class Console {
  private let descriptor: Int32
  private let writer: ConsoleWriter?
  /// How many lines were left out since the last one that was not.
  private var leftOut = 0

  public init(descriptor: Int32 = STDERR_FILENO) {
    var status = stat()
    // A file takes what it is given at once.
    let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    writer = isFile ? nil : ConsoleWriter(console: descriptor)
    self.descriptor = writer?.entrance ?? descriptor
  }

  public func write(line: String) {
    sayWhatWasLeftOut()
    if leftOut > 0 || !put(line) { leftOut += 1 }
  }

  /// Gives the console a time to take what is left. Nothing may be written after that.
  public func finish(within milliseconds: Int) {
    let end = Ticks.now() + milliseconds
    if leftOut > 0 {
      var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&entry, 1, Int32(milliseconds))
      sayWhatWasLeftOut()
    }
    writer?.finish(within: max(0, end - Ticks.now()))
  }

  private func sayWhatWasLeftOut() {
    guard leftOut > 0 else { return }
    let lines = leftOut == 1 ? "1 line" : "\(leftOut) lines"
    if put("monorail-agent: … \(lines) left out, since this console did not take them in time") { leftOut = 0 }
  }

  private func put(_ line: String) -> Bool {
    let bytes = Array(line.utf8.prefix(ConsoleWriter.longestPiece - 1)) + [UInt8(ascii: "\n")]
    while Glibc.write(descriptor, bytes, bytes.count) < 0 {
      if errno != EINTR { return errno != EAGAIN }
    }
    return true
  }
}
