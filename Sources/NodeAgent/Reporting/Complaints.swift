/// Keeps a failure that lasts from filling the console: it is logged when it begins, when it changes, and once a minute.
struct Complaints {
  private static let interval = 60_000

  private let log: Log
  private var current: String?
  private var since = 0
  private var loggedAt = 0
  private var count = 0

  init(log: Log) { self.log = log }

  mutating func add(_ message: String) {
    let now = Ticks.now()
    if current == nil { since = now }
    count = current == message ? count + 1 : 1
    if current != message {
      log.warning("\(message); trying again")
      loggedAt = now
    } else if now - loggedAt >= Self.interval {
      log.warning("\(message); tried \(count) times in \((now - since) / 1000) s, and trying on")
      loggedAt = now
    }
    current = message
  }

  /// How long it has been failing, in milliseconds; 0 when it is not.
  var duration: Int { current == nil ? 0 : Ticks.now() - since }

  mutating func end(_ message: String) {
    guard current != nil else { return }
    log.notice("\(message), after \((Ticks.now() - since) / 1000) s")
    (current, count) = (nil, 0)
  }
}
