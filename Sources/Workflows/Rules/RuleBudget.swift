/// How many steps the regular expressions of rules may still take, for all that one command does.
///
/// One SKU or tag leaves steps for the others of the same node, a node for the other nodes, and the command for the
/// commands that wait for it.
public struct RuleBudget: Sendable {
  /// What reading the catalogs of a node counts, in steps.
  private static let stepsOfReading = 1000

  private var command: Int
  private var node: Int
  private let perNode: Int

  /// For one command: about a second in a build with optimization.
  public init() { self.init(command: 32_000_000, node: TextPattern.Budget.ofNode.steps) }

  init(command: Int, node: Int) { (self.command, self.node, perNode) = (command, node, node) }

  /// The rules about another node come next.
  ///
  /// - Returns: whether the command has steps left. If not, the node is passed over.
  public mutating func beginNode() -> Bool {
    command = max(command - Self.stepsOfReading, 0)
    node = perNode
    return command > 0
  }

  /// The steps that one SKU or tag may take for the node: a quarter of the node's at most.
  mutating func lend() -> TextPattern.Budget {
    let steps = min(perNode / 4, node, command)
    node -= steps
    command -= steps
    return TextPattern.Budget(steps: steps)
  }

  /// Takes back what is left of `lend`.
  mutating func takeBack(_ rest: TextPattern.Budget) {
    node += rest.steps
    command += rest.steps
  }
}
