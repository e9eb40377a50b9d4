import Overlay

/// Files that commands leave and that no node needs: caches, package lists, locks, logs of the installation.
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
