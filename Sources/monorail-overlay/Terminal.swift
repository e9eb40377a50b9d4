import Foundation

/// What people see beside the results.
enum Terminal {
  static func say(_ text: String) { FileHandle.standardError.write(Data("monorail-overlay: \(text)\n".utf8)) }

  static func warn(_ text: String) { say("warning: \(text)") }
}

/// How far a long step is, in one line of the terminal; shown only there, and only for what takes over a second.
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
    write("\r\u{1B}[K\(title) [\(bar)] \(min(100, done * 100 / total)) %")
  }

  func clear() { if isVisible { write("\r\u{1B}[K") } }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
