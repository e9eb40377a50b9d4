import Foundation
import Overlay
import TestSupport
import Testing

@testable import OverlayBuild

struct LockFileTests {
  private static let digest = String(repeating: "0f", count: 32)

  private static func package(_ name: String, _ version: String, url: String? = "http://a/x.deb") -> Lock.Package {
    Lock.Package(
      name: name, version: version, architecture: "all", url: url, size: 3, sha256: digest, isRequested: url == nil)
  }

  private static func lock() -> Lock {
    var lock = Lock(base: Lock.File(name: "base.img", sha256: digest), epoch: 1_700_000_000)
    lock.files = [Lock.File(name: "../x.cpio", sha256: digest)]
    lock.downloads = [Lock.Download(url: "https://a/b?c", sha256: digest)]
    lock.packageSets = [
      Lock.PackageSet(
        recipe: "x.yaml", key: "packages", request: digest,
        packages: [package("a", "1:2~3+b"), package("b", "1", url: nil)]),
      Lock.PackageSet(recipe: "x.yaml", key: "modules", request: digest, packages: []),
    ]
    return lock
  }

  @Test(arguments: [
    ("discovery.yaml", "discovery.lock"), ("a/b.yml", "a/b.lock"), ("./x.yaml", "./x.lock"), ("x", "x.lock"),
    ("/.yaml", "/.yaml.lock"), ("x.json", "x.json.lock"),
  ])
  func `The lock is beside the recipe`(_ recipe: String, _ lock: String) {
    #expect(LockFile.path(for: recipe) == lock)
  }

  @Test func `What is written is read again`() throws {
    let scratch = try ScratchDirectory()
    #expect(try LockFile.read(scratch("x.lock")) == nil)
    try scratch.write(LockFile.text(Self.lock()), to: "x.lock")
    #expect(try LockFile.read(scratch("x.lock")) == Self.lock())
    #expect(LockFile.text(Self.lock()).hasPrefix("{\n  \"format\": 1,\n  \"base\": {\n    \"name\": \"base.img\",\n"))
  }

  @Test(arguments: [
    ("\"format\": 1", "\"format\": 2", "it has the format 2"),
    ("\"epoch\": 1700000000", "\"epoch\": -1", "epoch"),
    ("\"epoch\": 1700000000", "\"epoch\": 5000000000", "epoch"),
    ("\"epoch\": 1700000000,", "", "epoch"),
    ("\"name\": \"base.img\"", "\"name\": 7", "base: name"),
    (digest, String(repeating: "0F", count: 32), "sha256"),
    ("\"https://a/b?c\"", "\"file:///etc/shadow\"", "downloads[0]: url"),
    ("\"http://a/x.deb\"", "\"http://a/ x.deb\"", "packages[0]: packages[0]: url"),
    ("\"name\": \"a\"", "\"name\": \"../../a\"", "packages[0]: packages[0]"),
    ("\"name\": \"a\"", "\"name\": \"-a\"", "packages[0]: packages[0]"),
    ("\"1:2~3+b\"", "\"1 2\"", "packages[0]: packages[0]"),
    ("\"1:2~3+b\"", "\"1/2\"", "packages[0]: packages[0]"),
    ("\"architecture\": \"all\"", "\"architecture\": \"a_b\"", "packages[0]: packages[0]"),
    ("\"size\": 3", "\"size\": \"3\"", "size"),
    ("\"requested\": true", "\"requested\": 1", "requested"),
    ("\"downloads\": [", "<<<<<<< HEAD\n\"downloads\": [", "not valid JSON"),
    ("\"files\": [", "\"files\": {}, \"other\": [", "files"),
  ])
  func `A damaged lock is refused, with the file and the field`(
    _ good: String, _ bad: String, _ words: String
  ) throws {
    let scratch = try ScratchDirectory()
    let text = LockFile.text(Self.lock())
    let place = try #require(text.firstRange(of: good))
    try scratch.write(text.replacingCharacters(in: place, with: bad), to: "x.lock")
    let error = #expect(throws: OverlayError.self) { try LockFile.read(scratch("x.lock")) }
    let message = error?.message ?? ""
    #expect(
      message.hasPrefix("the lock cannot be used: \(scratch("x.lock")): ") && message.contains(words), "\(message)")
    #expect(error?.remedy?.isEmpty == false)
  }

  @Test func `A lock that is no file is refused`() throws {
    let scratch = try ScratchDirectory()
    _ = try ChildProcess.run(["mkfifo", scratch("x.lock")])
    #expect(throws: OverlayError.self) { try LockFile.read(scratch("x.lock")) }
    #expect(throws: OverlayError.self) { try LockFile.read(scratch.path) }
    try scratch.write("secret", to: "secret")
    #expect(symlink(scratch("secret"), scratch("y.lock")) == 0)
    let error = #expect(throws: OverlayError.self) { try LockFile.read(scratch("y.lock")) }
    #expect(error?.message.hasSuffix("it is a symlink, not a file") == true, "\(error?.description ?? "")")
  }

  @Test func `Each difference is a line`() {
    let old = Self.lock()
    #expect(LockDifferences.lines(from: old, to: old) == [])
    var new = old
    new.epoch += 1
    new.base = Lock.File(name: "new.img", sha256: String(repeating: "1", count: 64))
    new.files = [Lock.File(name: "y", sha256: Self.digest)]
    new.downloads[0].sha256 = new.base.sha256
    new.packageSets[0].packages = [Self.package("a", "1:3"), Self.package("c", "1.2")]
    new.packageSets[1].packages = [Self.package("make", "4")]
    #expect(
      LockDifferences.lines(from: old, to: new) == [
        "base image: base.img -> new.img 0f0f0f0f0f0f -> 111111111111", "epoch: 1700000000 -> 1700000001",
        "file: + y 0f0f0f0f0f0f", "file: - ../x.cpio", "download: https://a/b?c 0f0f0f0f0f0f -> 111111111111",
        "packages: a 1:2~3+b -> 1:3", "packages: - b 1", "packages: + c 1.2", "modules: + make 4",
      ])
    var other = old
    other.packageSets[0].packages[1].sha256 = new.base.sha256
    other.packageSets.append(
      Lock.PackageSet(recipe: "inner.yaml", key: "packages", request: Self.digest, packages: [Self.package("d", "1")]))
    #expect(
      LockDifferences.lines(from: old, to: other) == [
        "x.yaml: packages: b 1 has other contents: 0f0f0f0f0f0f -> 111111111111", "inner.yaml: packages: + d 1",
      ])
    #expect(LockDifferences.lines(from: nil, to: old).count == 6)
  }
}
