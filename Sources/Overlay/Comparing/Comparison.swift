/// How one overlay differs from another.
public struct Comparison: Sendable {
  /// What became of one name.
  public enum Change: Sendable {
    case added(Entry)
    case removed(Entry)
    case changed(from: Entry, to: Entry, [Difference])

    public var path: OverlayPath {
      switch self {
      case .added(let entry), .removed(let entry), .changed(_, let entry, _): entry.path
      }
    }
  }

  /// Sorted by path; empty when both are the same.
  public let changes: [Change]

  /// Compares by names. Contents are compared by their digests.
  ///
  /// - Parameter ignoresTimes: whether entries that differ only in their times are the same.
  public init(_ old: OverlayContents, _ new: OverlayContents, ignoresTimes: Bool = false) throws(OverlayError) {
    var changes: [Change] = []
    var (left, right) = (old.entries[...], new.entries[...])
    while true {
      switch (left.first, right.first) {
      case (nil, nil):
        self.changes = changes
        return
      case (let entry?, nil):
        changes.append(.removed(entry))
        left.removeFirst()
      case (nil, let entry?):
        changes.append(.added(entry))
        right.removeFirst()
      case (let before?, let after?) where before.path == after.path:
        var differences = Difference.between(before, after)
        if ignoresTimes { differences.removeAll { $0.attribute == .time } }
        if let content = try Self.contents(old, before, new, after) { differences.insert(content, at: 0) }
        if let links = Self.links(old, before, new, after) { differences.append(links) }
        if !differences.isEmpty { changes.append(.changed(from: before, to: after, differences)) }
        left.removeFirst()
        right.removeFirst()
      case (let before?, let after?):
        if before.path < after.path {
          changes.append(.removed(before))
          left.removeFirst()
        } else {
          changes.append(.added(after))
          right.removeFirst()
        }
      }
    }
  }

  private static func contents(
    _ old: OverlayContents, _ before: Entry, _ new: OverlayContents, _ after: Entry
  ) throws(OverlayError) -> Difference? {
    guard case .file = before.kind, case .file = after.kind, before.size > 0 || after.size > 0,
      let oldDigest = try old.digest(of: before), let newDigest = try new.digest(of: after)
    else { return nil }
    return Difference.ofContents(oldDigest, newDigest).first
  }

  private static func links(
    _ old: OverlayContents, _ before: Entry, _ new: OverlayContents, _ after: Entry
  ) -> Difference? {
    guard case .file = before.kind, case .file = after.kind else { return nil }
    let (oldNames, newNames) = (old.otherNames(of: before), new.otherNames(of: after))
    return oldNames == newNames ? nil : Difference(.links, text(oldNames), text(newNames))
  }

  private static func text(_ names: [OverlayPath]) -> String {
    guard !names.isEmpty else { return "none" }
    let most = 3
    let shown = names.prefix(most).map(\.description).joined(separator: " and ")
    return names.count > most ? "\(shown) and \(names.count - most) more" : shown
  }
}
