/// How long to wait before the next try: exponential, capped, with full jitter, so that hundreds of nodes that lost one
/// server at the same moment do not come back to it at the same moment.
public struct Backoff: Sendable {
  /// The first upper limit and the last one, in milliseconds.
  public let base: Int
  public let cap: Int
  private var ceiling: Int

  public init(base: Int = 250, cap: Int) {
    self.cap = max(1, cap)
    self.base = min(base, self.cap)
    ceiling = self.base
  }

  /// A random time between 0 and the current limit, in milliseconds; the limit doubles.
  public mutating func next() -> Int {
    defer { ceiling = min(cap, ceiling * 2) }
    return Int.random(in: 0...ceiling)
  }

  public mutating func reset() { ceiling = base }
}
