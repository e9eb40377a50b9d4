/// A name of which two overlays have different entries: the later overlay's is taken.
public struct MergeConflict: Sendable, CustomStringConvertible {
  public let path: OverlayPath
  /// The archive whose entry hides the other, and the archive whose entry is hidden. Above the first there may be a third.
  public let winner: String
  public let loser: String
  /// From the loser's entry to the winner's.
  public let differences: [Difference]
  /// How many entries in the loser's directory are hidden with it; 0 when both entries are directories.
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
