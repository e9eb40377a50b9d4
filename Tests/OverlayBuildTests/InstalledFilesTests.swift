import Foundation
import Overlay
import TestSupport
import Testing

@testable import OverlayBuild

struct InstalledFilesTests {
  private func package(_ name: String, _ architecture: String = "amd64") -> Lock.Package {
    Lock.Package(
      name: name, version: "1", architecture: architecture, url: nil, size: 1, sha256: "", isRequested: true)
  }

  @Test func `dpkg's lists tell which package brought a file, also where directories are merged into usr`() throws {
    let scratch = try ScratchDirectory()
    let lists = "tree/var/lib/dpkg/info"
    try FileManager.default.createDirectory(atPath: scratch(lists), withIntermediateDirectories: true)
    try scratch.write("/.\n/lib\n/lib/one.so\n/usr/share/both\n/usr/share/one\n../x\n", to: "\(lists)/one:amd64.list")
    try scratch.write("/usr/share/both\n/usr/bin/two\n", to: "\(lists)/two.list")
    try scratch.write("x", to: "\(lists)/two.md5sums")
    try scratch.write("/usr/bin/other\n", to: "\(lists)/other.list")
    try Packer().pack(scratch("tree"), to: scratch("x.cpio.gz"))

    let changed = try [
      "usr/lib/one.so", "usr/share/both", "usr/bin/two", "usr/bin/other", "etc/none", "var/lib/dpkg/info/two.md5sums",
      "var/lib/dpkg/info/one:amd64.list",
    ].map { (path: String) throws in try OverlayPath(path) }
    let owners = try InstalledFiles(changed: Set(changed), packages: [package("one"), package("two", "all")]).owners(
      in: scratch("x.cpio.gz"))
    #expect(
      Dictionary(owners.map { ("\($0)", $1.name) }) { $1 } == [
        "usr/lib/one.so": "one", "usr/bin/two": "two", "var/lib/dpkg/info/two.md5sums": "two",
        "var/lib/dpkg/info/one:amd64.list": "one",
      ])
  }
}
