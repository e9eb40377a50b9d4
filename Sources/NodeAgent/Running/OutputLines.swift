import HTTPTransport

/// Shows a command's output on the log, line by line as it comes, but never more than a serial console can take: after a
/// first burst, 20 lines a second. What is not shown is counted.
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

  /// Shows what is left, and says how much was not shown.
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
