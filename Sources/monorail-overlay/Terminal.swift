import Glibc
import Overlay
import SystemFiles

/// Messages for people, on stderr.
enum Terminal {
  static func say(_ text: String) { show("monorail-overlay: \(text)\n") }

  static func warn(_ text: String) { say("warning: \(text)") }

  /// Writes lines. They may have names in them that somebody else has chosen: what a terminal would obey stands as `\ooo`.
  static func show(_ text: String) {
    write(
      text.unicodeScalars.map { scalar in
        "\n\t\\".unicodeScalars.contains(scalar) ? String(scalar) : OverlayPath.printable(String(scalar).utf8)
      }.joined())
  }

  /// An error is ignored, for example when stderr is a file on a full disk: the work itself can still be done.
  static func write(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Descriptor.write($0, to: STDERR_FILENO) }
  }
}

/// Shows in one line of the terminal how far a long step is. It is shown only on a terminal, and only for steps of more than a
/// second.
final class ProgressBar {
  private let title: String
  private let isShown = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var last = ContinuousClock.now
  private var isVisible = false

  init(_ title: String) { self.title = title }

  /// - Parameters: in the same unit, whatever it is.
  func show(_ done: Int, of total: Int) {
    guard isShown, total > 0 else { return }
    let now = ContinuousClock.now
    guard now - start > .seconds(1), now - last > .milliseconds(100) else { return }
    last = now
    isVisible = true
    let width = 30
    let filled = min(width, done * width / total)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    Terminal.write("\r\u{1B}[K\(title) [\(bar)] \(min(100, done * 100 / total)) %")
  }

  func clear() { if isVisible { Terminal.write("\r\u{1B}[K") } }
}
