/// How much work the templates and schemas of one graph may make, so that short definitions cannot take a server's time and memory.
public struct RenderBudget: Sendable {
  private var tags: Int
  private var bytes: Int
  private var checks: Int

  /// - Parameters:
  ///   - tags: how many tags may be filled in.
  ///   - bytes: how long all texts may be that come of it.
  ///   - checks: how often a value may be compared with a part of a schema.
  public init(tags: Int = 20_000, bytes: Int = 16 << 20, checks: Int = 1_000_000) {
    (self.tags, self.bytes, self.checks) = (tags, bytes, checks)
  }

  /// Nothing more is rendered. That was said already.
  var isSpent: Bool { tags < 0 || bytes < 0 }

  mutating func take(tags count: Int = 0, bytes size: Int = 0) throws(WorkflowError) {
    tags -= count
    bytes -= size
    guard tags >= 0, bytes >= 0 else {
      throw WorkflowError("the templates in the options expand to more than this server takes")
    }
  }

  /// - Returns: whether that many comparisons are still to be had.
  mutating func takes(checks count: Int) -> Bool {
    checks -= count
    return checks >= 0
  }
}
