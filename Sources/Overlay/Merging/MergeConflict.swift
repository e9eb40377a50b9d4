/// A name that two overlays both have, and not as the same: the later one's is taken.
public struct MergeConflict: Sendable, CustomStringConvertible {
  public let path: OverlayPath
  /// The archive whose entry is taken, or hides the other at least; and the one whose entry is hidden.
  public let winner: String
  public let loser: String
  /// From the loser's entry to the winner's.
  public let differences: [Difference]
  /// How many entries the loser's directory has that are hidden with it; 0 when both are directories.
  public let hidden: Int

  public var description: String {
    let list = differences.map(\.description).joined(separator: ", ")
    let also =
      switch hidden {
      case 0: ""
      case 1: ", with it 1 entry in that directory"
      default: ", with it \(hidden) entries in that directory"
      }
    return "\(path): \(winner) overrides \(loser): \(list)\(also)"
  }
}
