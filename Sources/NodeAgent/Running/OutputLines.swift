import HTTPTransport

/// Logs a command's output line by line, as it comes: at most 200 lines at once, and then 20 lines a second, so that a command
/// that prints much does not fill the log. The lines that are not logged are counted.
struct OutputLines {
  private static let burst = 200
  private static let perSecond = 20
  private static let longestLine = 400

  private let show: (String) -> Void
  private var line: [UInt8] = []
  private var allowance = Double(burst)
  private var lastRefill = Ticks.now()
  private var skipped = 0

  init(show: @escaping (String) -> Void) { self.show = show }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? rest.endIndex
      let room = Self.longestLine - line.count
      if room > 0 { line += rest[..<end].prefix(room) }
      if end < rest.endIndex { flush() }
      rest = end < rest.endIndex ? rest[(end + 1)...] : rest[rest.endIndex...]
    }
  }

  /// Logs the last line, even if no line end came, and how many lines were not logged.
  mutating func finish() {
    flush()
    if skipped > 0 { show("(\(skipped) more lines; the report has them)") }
    skipped = 0
  }

  private mutating func flush() {
    defer { line.removeAll(keepingCapacity: true) }
    guard !line.isEmpty else { return }
    let now = Ticks.now()
    allowance = min(Double(Self.burst), allowance + Double((now - lastRefill) * Self.perSecond) / 1000)
    lastRefill = now
    guard allowance >= 1 else {
      skipped += 1
      return
    }
    allowance -= 1
    show(URLText.printable(String(decoding: line, as: UTF8.self)))
  }
}
