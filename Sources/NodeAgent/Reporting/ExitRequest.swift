import MonorailProtocol

/// What a set's `exit` asks for: that the agent ends, and with which code.
struct ExitRequest: Equatable {
  /// What the server wrote.
  let asked: String
  let code: Int32

  /// `nil` when the set has no `exit` that is a number.
  init?(_ set: TaskSet) {
    guard let asked = set.exit else { return nil }
    self.asked = asked
    let whole = Int(asked) ?? Double(asked).flatMap { Int(exactly: $0.rounded(.towardZero)) }
    code = whole.flatMap { Self.isMistakable($0) ? nil : Int32(exactly: $0) } ?? 1
  }

  /// Whether rc.local takes the code for the agent's own end: 75 for a lock that another agent holds, 78 for a wrong
  /// configuration, 126 for a program that cannot be run, and 128 or more for a crash. It would not reboot the node then.
  private static func isMistakable(_ code: Int) -> Bool {
    !(0..<128).contains(code) || [75, 78, 126].contains(code)
  }

  /// The line for the log.
  var description: String {
    let wish = "the server asked this agent to end with code \(asked)"
    return String(code) == asked ? wish : "\(wish); it ends with \(code)"
  }
}
