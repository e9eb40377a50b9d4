import Glibc
import HTTPTransport

/// `monorail-agent fetch`: one verified download, for scripts and for the initramfs.
struct FetchCommand {
  private let arguments: Arguments.FetchArguments
  private let client: HTTPClient

  init(_ arguments: Arguments.FetchArguments, userAgent: String) {
    self.arguments = arguments
    var options = HTTPClient.Options()
    options.certificateAuthorities = arguments.certificateAuthorities
    options.userAgent = userAgent
    client = HTTPClient(options: options)
  }

  func run() -> Int32 {
    let progress = ProgressLine()
    let downloader = Downloader(
      client: client,
      pause: { usleep(useconds_t(1000 * $0)) },
      onRetry: { progress.say("monorail-agent fetch: \($0)") },
      onProgress: { progress.show($0, of: $1) })
    var download = Download(url: arguments.url, path: arguments.output)
    download.sha256 = arguments.sha256
    do throws(DownloadError) {
      try downloader.fetch(download)
      progress.end()
      return 0
    } catch {
      progress.say("monorail-agent fetch: \(error.message)")
      return error.isRetryable ? Program.temporaryFailureCode : 1
    }
  }
}

/// Shows a download's progress in one line of a terminal, written anew each time. Where stderr is no terminal, shows nothing.
private final class ProgressLine {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var shownAt = 0
  private let startedAt = Ticks.now()
  private var isShown = false

  func show(_ bytes: Int, of total: Int?) {
    let now = Ticks.now()
    let isComplete = bytes == total
    guard isTerminal, isComplete || now - shownAt >= 100 else { return }
    shownAt = now
    isShown = true
    let speed = bytes / max(1, now - startedAt) * 1000
    let share = total.map { $0 > 0 ? " of \(Self.size($0)), \(100 * bytes / $0) %" : "" } ?? ""
    write("\r\u{1B}[K\(Self.size(bytes))\(share), \(Self.size(speed))/s")
  }

  /// Ends the line of the progress, and prints the text on a line of its own.
  func say(_ text: String) {
    end()
    write(text + "\n")
  }

  func end() {
    if isShown { write("\n") }
    isShown = false
  }

  private func write(_ text: String) { _ = Glibc.write(STDERR_FILENO, text, text.utf8.count) }

  private static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<10_000: "\(bytes) B"
    case ..<10_000_000: "\(bytes / 1000) kB"
    default: "\(bytes / 1_000_000) MB"
    }
  }
}
