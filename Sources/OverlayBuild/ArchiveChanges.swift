import Overlay

/// What a step did to the entries of an overlay. Times do not count.
struct ArchiveChanges: Equatable {
  /// Entries that are new, or have another type, content, mode or owner; sorted.
  var made: [OverlayPath] = []
  /// Entries that are there no longer; sorted.
  var gone: [OverlayPath] = []

  /// - Parameters:
  ///   - before: with digests; `nil` for an overlay that has nothing yet.
  ///   - after: with digests.
  init(from before: ArchiveIndex?, to after: ArchiveIndex) {
    var old = (before?.entries ?? [])[...]
    for entry in after.entries {
      while let first = old.first, first.path < entry.path { gone.append(old.removeFirst().path) }
      guard let first = old.first, first.path == entry.path else {
        made.append(entry.path)
        continue
      }
      old.removeFirst()
      if !Self.isSame(first, entry) || before?.digest(of: entry.path) != after.digest(of: entry.path) {
        made.append(entry.path)
      }
    }
    gone += old.map(\.path)
  }

  private static func isSame(_ old: Entry, _ new: Entry) -> Bool {
    // A whiteout is a mark, not a file: its owner and mode have no effect.
    if old.isWhiteout && new.isWhiteout { return true }
    return old.kind == new.kind && old.permissions == new.permissions && old.owner == new.owner
      && old.group == new.group
  }
}
