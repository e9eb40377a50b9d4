import Glibc
import Overlay

/// What commands leave behind that nobody wants on a node: caches, lists, locks, logs of the installation.
enum Leftovers {
  /// A component matches with `*` for any characters; `**` at the end stands for everything under it.
  static let patterns = [
    "var/lib/apt/lists/**", "var/cache/apt/**", "var/log/apt/**",
    "var/cache/debconf/*-old", "var/lib/dpkg/*-old", "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/triggers/Lock", "var/lib/apt/daily_lock", "var/lib/apt/periodic/**",
    "var/log/dpkg.log", "var/log/alternatives.log", "var/log/bootstrap.log",
    "var/cache/ldconfig/aux-cache", "etc/.pwd.lock",
    "etc/passwd-", "etc/shadow-", "etc/group-", "etc/gshadow-", "etc/subuid-", "etc/subgid-",
    "root/.*_history", "root/.viminfo", "root/.lesshst", "root/.wget-hsts", "root/.cache/**",
    "tmp/**", "var/tmp/**", "run/**",
  ]

  private static let parsed = patterns.map { $0.utf8.split(separator: UInt8(ascii: "/")) }

  static func contain(_ path: OverlayPath) -> Bool {
    let components = path.components
    return parsed.contains { pattern in
      let isDeep = pattern.last.map { $0.elementsEqual("**".utf8) } ?? false
      let fixed = isDeep ? pattern.dropLast() : pattern[...]
      guard isDeep ? components.count > fixed.count : components.count == fixed.count else { return false }
      return zip(components, fixed).allSatisfy { matches($0, $1) }
    }
  }

  private static func matches(_ name: ArraySlice<UInt8>, _ pattern: Substring.UTF8View.SubSequence) -> Bool {
    guard let star = pattern.firstIndex(of: UInt8(ascii: "*")) else { return name.elementsEqual(pattern) }
    let (head, tail) = (pattern[..<star], pattern[pattern.index(after: star)...])
    return name.count >= head.count + tail.count && name.starts(with: head)
      && name.suffix(tail.count).elementsEqual(tail)
  }
}

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
