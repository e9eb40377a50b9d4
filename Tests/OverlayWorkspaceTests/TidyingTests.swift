import Testing

@testable import Overlay
@testable import OverlayWorkspace

@Suite struct TidyingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var before: [String] = []
    var after: [String] = []
    var removed: [String] = []
    var times: [String: UInt32] = [:]
    var keepsCaches = false
  }

  @Test(arguments: [
    Case(testDescription: "what the command made stays", after: ["opt/", "opt/tool"]),
    Case(
      testDescription: "caches go, and the directories that were copied for them",
      after: ["var/", "var/cache/", "var/cache/apt/", "var/cache/apt/pkgcache.bin"],
      removed: ["var/cache/apt/pkgcache.bin", "var/cache/apt", "var/cache", "var"]),
    Case(
      testDescription: "caches stay when they are wanted",
      after: ["var/", "var/cache/", "var/cache/apt/", "var/cache/apt/pkgcache.bin"], keepsCaches: true),
    Case(
      testDescription: "what the overlay had before the command stays",
      before: ["var/", "var/log/", "var/log/dpkg.log@3"], after: ["var/", "var/log/", "var/log/dpkg.log@3"]),
    Case(
      testDescription: "a cache that the command changed goes",
      before: ["var/", "var/log/", "var/log/dpkg.log@3"], after: ["var/", "var/log/", "var/log/dpkg.log@4"],
      removed: ["var/log/dpkg.log"]),
    Case(
      testDescription: "a directory that says what the base image says goes", after: ["etc/@9"], removed: ["etc"]),
    Case(testDescription: "a new empty directory stays", after: ["srv/"]),
    Case(
      testDescription: "a directory of the overlay stays, though it says what the base image says",
      before: ["etc/"], after: ["etc/"]),
    Case(testDescription: "a whiteout of the base image stays", after: ["etc/", "!etc/hosts"]),
    Case(
      testDescription: "a whiteout of nothing goes", after: ["etc/", "!etc/gone", "etc/new"], removed: ["etc/gone"]),
    Case(
      testDescription: "a whiteout that the overlay had stays: it may be meant for another base image",
      before: ["etc/", "!etc/gone"], after: ["etc/", "!etc/gone"]),
    Case(
      testDescription: "a whiteout of a cache of the base image stays",
      after: ["var/", "var/cache/", "var/cache/apt/", "!var/cache/apt/srcpkgcache.bin"]),
    Case(
      testDescription: "a directory with the same contents gets its time back",
      before: ["root/@5", "root/x"], after: ["root/@8", "root/.bash_history", "root/x"],
      removed: ["root/.bash_history"], times: ["root": 5]),
    Case(
      testDescription: "a directory with other contents keeps its new time",
      before: ["root/@5", "root/x"], after: ["root/@8", "root/x", "root/y"]),
  ])
  func whatIsLeftOut(_ example: Case) throws {
    let base = try FakeBase(
      "etc/", "etc/hosts", "var/", "var/cache/", "var/cache/apt/", "var/cache/apt/srcpkgcache.bin", "root/")
    let tidying = Tidying(
      before: try example.before.map(entry), after: try example.after.map(entry), base: base,
      keepsCaches: example.keepsCaches)
    #expect(tidying.removals == (try example.removed.map { try OverlayPath($0) }))
    #expect(
      Dictionary(uniqueKeysWithValues: tidying.times.map { ($0.key.description, $0.value) }) == example.times)
  }

  @Test func aDirectoryWithOtherPermissionsThanTheBaseImagesStays() throws {
    var changed = try entry("etc/")
    changed.permissions = 0o700
    let tidying = Tidying(before: [], after: [changed], base: try FakeBase("etc/"), keepsCaches: false)
    #expect(tidying.removals.isEmpty)
  }
}

@Suite struct OpaqueDirectoriesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var base: [String]
    var opaque: [String]
    var present: [String]
    var whiteouts: [String]
  }

  @Test(arguments: [
    Case(
      testDescription: "all that the overlay does not have", base: ["d/", "d/a", "d/b"], opaque: ["d"],
      present: ["d/", "d/b"], whiteouts: ["d/a"]),
    Case(
      testDescription: "a hidden directory is one whiteout", base: ["d/", "d/s/", "d/s/a"], opaque: ["d"],
      present: ["d/"], whiteouts: ["d/s"]),
    Case(
      testDescription: "directories under it are opaque too", base: ["d/", "d/s/", "d/s/a", "d/s/b"], opaque: ["d"],
      present: ["d/", "d/s/", "d/s/b"], whiteouts: ["d/s/a"]),
    Case(
      testDescription: "nothing for a directory that the base image does not have", base: ["e/"], opaque: ["d"],
      present: ["d/"], whiteouts: []),
    Case(
      testDescription: "nothing for a directory in place of a file", base: ["d"], opaque: ["d"], present: ["d/"],
      whiteouts: []),
    Case(
      testDescription: "a file in place of a directory hides it by itself", base: ["d/", "d/s/", "d/s/a"],
      opaque: ["d"], present: ["d/", "d/s"], whiteouts: []),
    Case(
      testDescription: "one in another", base: ["d/", "d/a", "d/s/", "d/s/b"], opaque: ["d/s", "d"],
      present: ["d/", "d/s/"], whiteouts: ["d/a", "d/s/b"]),
  ])
  func becomeWhiteouts(_ example: Case) throws {
    var base = try FakeBase()
    for path in example.base { base.add(try entry(path)) }
    let present = try example.present.map { ($0, try entry($0)) }
    let found = try OpaqueDirectories.whiteouts(
      hiding: try example.opaque.map { try OverlayPath($0) },
      present: Dictionary(uniqueKeysWithValues: present.map { ($1.path, $1.isDirectory) }), base: base)
    #expect(found.map(\.description) == example.whiteouts)
  }
}
