import Glibc
import Overlay
import SystemFiles

/// What a confined command prints, on its way to this program's standard error.
///
/// The command gets a pipe. With the program's own standard error it could read what somebody types into the terminal, or
/// change the log file that the program writes to; and a terminal would obey its control characters.
final class CommandOutput: Sendable {
  private let reader: Int32
  private let thread: pthread_t

  /// - Parameter reader: the end of a pipe, which this closes.
  init(reader: Int32) throws(OverlayError) {
    self.reader = reader
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { reader in
        CommandOutput.copy(Int32(Int(bitPattern: reader)))
        return nil
      }, UnsafeMutableRawPointer(bitPattern: Int(reader)))
    guard error == 0 else {
      close(reader)
      throw .system("start a thread", errno: error)
    }
    self.thread = thread
  }

  /// Returns when all that was printed is copied: when nobody holds the pipe's other end any more.
  func finish() {
    pthread_join(thread, nil)
    close(reader)
  }

  /// Lines come as a whole, but not so long ones that they would fill the memory.
  private static let longestLine = 64 << 10

  private static func copy(_ reader: Int32) {
    var line: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: longestLine)
    while true {
      let count = read(reader, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      line += piece[..<count]
      // What comes behind the last end of a line may be the begin of a character.
      let end = line.lastIndex { $0 == newline || $0 == carriageReturn }.map { $0 + 1 }
      let whole = end ?? (line.count > longestLine ? line.count : 0)
      show(line[..<whole])
      line.removeFirst(whole)
    }
    show(line[...])
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private static func show(_ bytes: ArraySlice<UInt8>) {
    guard !bytes.isEmpty else { return }
    var text = ""
    // Lines that a program writes over each other, as curl's progress, stand below each other.
    for line in bytes.split(separator: newline, omittingEmptySubsequences: false) {
      let parts = line.split(separator: carriageReturn)
      text += parts.map(printable).joined(separator: "\n") + "\n"
    }
    if bytes.last == newline { text.removeLast() }
    // An error is ignored: the work itself can still be done.
    _ = Array(text.utf8).withUnsafeBytes { Descriptor.write($0, to: STDERR_FILENO) }
  }

  private static func printable(_ line: ArraySlice<UInt8>) -> String {
    line.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\\") }.reduce("") {
      text, part in
      let separator =
        part.startIndex == line.startIndex ? "" : line[part.startIndex - 1] == UInt8(ascii: "\t") ? "\t" : "\\"
      return text + separator + OverlayPath.printable(part)
    }
  }
}
