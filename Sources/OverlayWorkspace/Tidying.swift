import Glibc
import Overlay

/// What is taken out of an overlay after a command has changed it, and which of its directories get back the time that they
/// had, because nothing in them is other than before.
struct Tidying: Equatable {
  /// What is under a directory comes before it.
  private(set) var removals: [OverlayPath] = []
  private(set) var times: [OverlayPath: UInt32] = [:]

  /// - Parameters:
  ///   - before: what the overlay held before the command.
  ///   - after: what it holds now, a directory before its contents.
  init(before: [Entry], after: [Entry], base: some BaseListing, keepsCaches: Bool) {
    let old = Dictionary(before.map { ($0.path, $0) }) { $1 }
    var oldNames: [OverlayPath: Set<OverlayPath>] = [:]
    for entry in before {
      if let parent = entry.path.parent { oldNames[parent, default: []].insert(entry.path) }
    }
    var kept: [OverlayPath: Set<OverlayPath>] = [:]
    for entry in after.reversed() {
      let contents = kept[entry.path] ?? []
      let known = old[entry.path]
      if !entry.path.isRoot,
        Self.isLeftOut(entry, isEmpty: contents.isEmpty, known: known, base: base, keepsCaches: keepsCaches)
      {
        removals.append(entry.path)
        continue
      }
      if let parent = entry.path.parent { kept[parent, default: []].insert(entry.path) }
      if entry.isDirectory, var same = known, same.modified != entry.modified,
        contents == oldNames[entry.path] ?? []
      {
        let time = same.modified
        same.modified = entry.modified
        if same == entry { times[entry.path] = time }
      }
    }
  }

  private static func isLeftOut(
    _ entry: Entry, isEmpty: Bool, known: Entry?, base: some BaseListing, keepsCaches: Bool
  ) -> Bool {
    if entry.isDirectory {
      guard known == nil, isEmpty else { return false }
      let same = BaseEntry(
        isDirectory: true, permissions: entry.permissions, owner: entry.owner, group: entry.group)
      return base.entry(at: entry.path) == same || (!keepsCaches && Leftovers.contain(entry.path))
    }
    // What the overlay had before, it keeps: it may be meant for another base image, or meant to be there.
    if var known {
      known.links = entry.links
      if known == entry { return false }
    }
    if entry.isWhiteout { return known?.isWhiteout != true && base.entry(at: entry.path) == nil }
    return !keepsCaches && Leftovers.contain(entry.path)
  }

  func apply(to upper: Tree) throws(OverlayError) {
    for path in removals {
      try upper.keepingTime(of: path.parent ?? .root) { () throws(OverlayError) in
        try check("leave \(path) out of the overlay") { remove(upper.systemName(path)) }
      }
    }
    for (path, time) in times {
      let time = timespec(tv_sec: Int(time), tv_nsec: 0)
      try check("set the time of \(path)") {
        utimensat(AT_FDCWD, upper.systemName(path), [time, time], AT_SYMLINK_NOFOLLOW)
      }
    }
  }
}
