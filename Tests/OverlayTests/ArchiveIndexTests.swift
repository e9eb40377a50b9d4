import Digests
import Foundation
import Overlay
import Testing

@Suite struct ArchiveIndexTests {
  private let scratch: ScratchDirectory
  init() throws { scratch = try ScratchDirectory() }

  private func index(_ lines: String, digests: Bool = true) throws -> ArchiveIndex {
    try ArchiveIndex(OverlayText(lines).write(to: scratch("x.cpio")), digests: digests)
  }

  @Test func entriesAreSortedLikeAWalkAndFoundByTheirPaths() throws {
    let index = try index(
      """
      f 644 0:0 etc-x = 1
      f 600 1:2 etc/b = 22
      d 755 0:0 etc
      d 755 0:0 .
      """)
    #expect(index.entries.map(\.path.description) == [".", "etc", "etc/b", "etc-x"])
    #expect(try index[OverlayPath("etc/b")]?.size == 2)
    #expect(try index[OverlayPath("etc/b")]?.group == 2)
    #expect(try index[OverlayPath("etc/c")] == nil)
    #expect(index[.root]?.isDirectory == true)
    #expect(index.duplicates.isEmpty)
  }

  @Test func theLastEntryOfANameWins() throws {
    let index = try index(
      """
      f 644 0:0 a = old
      l 777 0:0 b > a
      f 755 0:0 a = newer
      d 700 0:0 b
      f 600 0:0 a = newest
      """)
    #expect(index.lines == ["f 600 0:0 a = \(digest("newest").prefix(8))", "d 700 0:0 b"])
    #expect(index.duplicates.map(\.description) == ["a", "b"])
  }

  /// Archives behind one another, as in an initrd.
  @Test func laterArchivesInOneFileWin() throws {
    let first = try OverlayText("f 644 0:0 a = one\nf 644 0:0 b = two").write(to: scratch("1"), compression: .gzip)
    let second = try OverlayText("f 644 0:0 b = three").write(to: scratch("2"), compression: .xz)
    let both = try Data(contentsOf: URL(filePath: first)) + Data(contentsOf: URL(filePath: second))
    try both.write(to: URL(filePath: scratch("3")))
    let index = try ArchiveIndex(scratch("3"), digests: true)
    #expect(try index.digest(of: OverlayPath("b")) == digest("three"))
    #expect(index.duplicates.map(\.description) == ["b"])
  }

  @Test func eachNameOfAFileHasItsSizeAndDigest() throws {
    let index = try index(
      """
      f 644 0:0 z = data
      f 644 0:0 a & z
      f 644 0:0 m & z
      f 644 0:0 other = data
      """)
    let paths = try ["a", "m", "z"].map { try OverlayPath($0) }
    for path in paths {
      #expect(index[path]?.size == 4)
      #expect(index.digest(of: path) == digest("data"))
    }
    #expect(Set(paths.map { index[$0]?.links }).count == 1)
    #expect(try index[OverlayPath("other")]?.links == nil)
  }

  /// The data stands with the last name, which is somebody else's later.
  @Test func aFileKeepsItsDataWhenItsLastNameIsTaken() throws {
    let index = try index(
      """
      f 640 0:0 a = data
      f 640 0:0 b & a
      f 755 0:0 b = taken
      """)
    let (a, b) = try (OverlayPath("a"), OverlayPath("b"))
    #expect(index.digest(of: a) == digest("data"))
    #expect(index[a]?.links == nil)
    #expect(index.digest(of: b) == digest("taken"))
    #expect(index[b]?.permissions == 0o755)
  }

  /// Some programs write the data with each name.
  @Test func gnuCpioAndBsdcpioAreReadAlike() throws {
    let tree = scratch("tree")
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
    try "data".write(toFile: "\(tree)/b", atomically: false, encoding: .utf8)
    #expect(link("\(tree)/b", "\(tree)/a") == 0)
    try run("cd '\(tree)' && ls | cpio --quiet -H newc -o >../gnu && ls | bsdcpio --quiet -H newc -o >../bsd")
    for name in ["gnu", "bsd"] {
      let index = try ArchiveIndex(scratch(name), digests: true)
      #expect(try index.digest(of: OverlayPath("a")) == digest("data"))
      #expect(try index[OverlayPath("a")]?.links == index[OverlayPath("b")]?.links)
      #expect(try index[OverlayPath("a")]?.size == 4)
    }
  }

  /// A writer can give the data with any of the names, or with several: the last data counts, as when it is unpacked.
  @Test(arguments: [
    (["data", "", ""], "data"), (["", "data", ""], "data"), (["old", "data", ""], "data"), (["", "", ""], ""),
  ])
  func theDataMayStandWithAnyName(_ pieces: [String], _ contents: String) throws {
    let names = zip(["a", "b", "c"], pieces).map { name, text in Self.newc(name, text, mode: 0o100644, links: 3) }
    try Data((names.joined() + Self.newc("TRAILER!!!", "", mode: 0, links: 1)).utf8).write(
      to: URL(filePath: scratch("x")))
    let index = try ArchiveIndex(scratch("x"), digests: true)
    for name in ["a", "b", "c"] {
      #expect(try index.digest(of: OverlayPath(name)) == digest(contents))
      #expect(try index[OverlayPath(name)]?.size == contents.utf8.count)
    }
  }

  /// An entry of inode 7, written by hand.
  private static func newc(_ name: String, _ text: String, mode: Int, links: Int) -> String {
    let numbers = [7, mode, 0, 0, links, 0, text.utf8.count, 0, 0, 0, 0, name.utf8.count + 1, 0]
    let header = numbers.map { String(format: "%08X", $0) }.joined()
    func padded(_ text: String) -> String { text + String(repeating: "\0", count: -text.utf8.count & 3) }
    return padded("070701\(header)\(name)\0") + padded(text)
  }

  @Test func emptyFilesHaveADigestAndOthersNone() throws {
    let index = try index("d 755 0:0 d\nf 644 0:0 e")
    #expect(try index.digest(of: OverlayPath("e")) == digest(""))
    #expect(try index.digest(of: OverlayPath("d")) == nil)
    #expect(try index.digest(of: OverlayPath("none")) == nil)
  }

  @Test func withoutDigestsOnlyTheEntriesAreRead() throws {
    let index = try index("f 644 0:0 a = x", digests: false)
    #expect(try index[OverlayPath("a")]?.size == 1)
    #expect(try index.digest(of: OverlayPath("a")) == nil)
  }

  @Test func limitsHold() throws {
    let path = try OverlayText("f 644 0:0 a = 1\nf 644 0:0 b = 2").write(to: scratch("x"))
    #expect(throws: OverlayError.self) { try ArchiveIndex(path, limits: ArchiveLimits(entries: 1)) }
  }
}

func digest(_ text: String) -> String {
  var digest = Digest(.sha256)
  Array(text.utf8).withUnsafeBytes { digest.update($0) }
  return digest.finish()
}

/// Runs a shell script that must succeed.
func run(_ script: String) throws {
  let result = try ChildProcess.run(["/bin/sh", "-ec", script])
  guard result.end == .exited(0) else { throw Failure("failed with \(result.code): \(script)\n\(result.errors)") }
}
