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
    var pending: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: longestLine)
    while true {
      let count = read(reader, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      pending += piece[..<count]
      let whole = wholeLines(pending)
      show(pending[..<whole])
      pending.removeFirst(whole)
    }
    show(pending[...])
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// How many bytes can be shown: up to the end of a line, or of a character when the line is too long.
  private static func wholeLines(_ bytes: [UInt8]) -> Int {
    if let end = bytes.lastIndex(of: newline) { return end + 1 }
    // The newline that belongs to it may still come.
    if let end = bytes.dropLast().lastIndex(of: carriageReturn) { return end + 1 }
    guard bytes.count > longestLine else { return 0 }
    return bytes.lastIndex { $0 & 0xC0 != 0x80 } ?? bytes.count
  }

  private static func show(_ bytes: ArraySlice<UInt8>) {
    guard !bytes.isEmpty else { return }
    var shown: [UInt8] = []
    shown.reserveCapacity(bytes.count + bytes.count / 8)
    var rest = bytes
    while let end = rest.firstIndex(where: { $0 == newline || $0 == carriageReturn }) {
      append(rest[..<end], to: &shown)
      // Lines that a program writes over each other, as curl's progress, stand below each other.
      shown.append(newline)
      let isPair = rest[end] == carriageReturn && end + 1 < rest.endIndex && rest[end + 1] == newline
      rest = rest[(end + (isPair ? 2 : 1))...]
    }
    append(rest, to: &shown)
    // A full disk is ignored: the work itself can still be done.
    _ = shown.withUnsafeBytes { Descriptor.write($0, to: STDERR_FILENO) }
  }

  /// Appends a part of a line as a terminal may have it.
  private static func append(_ line: ArraySlice<UInt8>, to shown: inout [UInt8]) {
    func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F || byte == UInt8(ascii: "\t") }
    var rest = line
    while !rest.isEmpty {
      let plain = rest.prefix(while: isPlain)
      shown += plain
      rest = rest[plain.endIndex...]
      let other = rest.prefix { !isPlain($0) }
      shown += Array(OverlayPath.printable(other).utf8)
      rest = rest[other.endIndex...]
    }
  }
}
