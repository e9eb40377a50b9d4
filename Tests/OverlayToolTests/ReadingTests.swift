import Foundation
import Testing

@testable import Overlay

/// What an archive reader takes: parts of every kind behind one another.
@Suite struct ReadingTests {
  /// Shell commands that make `x` of the archives `a`, `b` and `c`, each with a directory and a file named like it.
  private static let parts = [
    "cat a >x; gzip -c b >>x", "gzip -c a >x; gzip -c b >>x", "cat a >x; head -c 5000 /dev/zero >>x; xz -c b >>x",
    "cat a b | gzip >x", "cat a b >x", "xz -c a >x; zstd -qc b >>x", "zstd -qc a >x; gzip -c b >>x",
    "xz -c a >x; xz -c b >>x", "zstd -qc a >x; zstd -qc b >>x", "cat a b | zstd -qc >x", "cat a b | xz -c >x",
    "gzip -c a >x; head -c 512 /dev/zero >>x; gzip -c b >>x", "head -c 300000 /dev/zero >x; cat a b >>x",
    // One archive in two members, as parallel compressors make them.
    "cat a b >y; head -c 300 y | gzip -c >x; tail -c +301 y | gzip -c >>x", "cat a b | xz -c --check=sha256 >x",
    "cat a b | xz -c --block-size=100 >x", "cat a b | zstd -qc --no-check --long=27 >x", "cat a b | pigz -c >x",
    "cp a named; cat b >>named; gzip named; mv named.gz x", "cat a b | xz -9c >x", "cat a b; : >x; cat a b >>x",
    "cat a b | bzip2 -c | bzip2 -dc >x; head -c 100 /dev/zero >>x; gzip -c </dev/null >>x",
  ]

  @Test(arguments: parts)
  func readsOnePartAfterTheOther(_ making: String) throws {
    let scratch = try ToolScratch()
    try scratch.shell(
      """
      for name in a b; do
        mkdir -p $name.d/$name; echo "$name" >$name.d/$name/file
        # Filled up to a multiple of 512 bytes.
        (cd $name.d; find $name | sort | cpio -oH newc --quiet) >$name
      done
      \(making)
      """)
    let reader = try ArchiveReader(scratch("x"))
    var found: [String] = []
    while let entry = try reader.next() {
      var bytes: [UInt8] = []
      while let block = try reader.nextBlock() { bytes += block }
      found.append("\(entry.path) \(String(decoding: bytes, as: UTF8.self))")
    }
    #expect(found == ["a ", "a/file a\n", "b ", "b/file b\n"])
  }

  /// The numbers of hard links count only within their own archive.
  @Test func doesNotJoinFilesOfDifferentArchives() throws {
    let scratch = try ToolScratch()
    var bytes: [UInt8] = []
    for name in ["a", "b"] {
      bytes +=
        RawArchive.make { archive in
          archive.add("\(name)1", inode: 5, links: 2)
          archive.add("\(name)2", RawArchive.file, name, inode: 5, links: 2)
        }.bytes
    }
    try Data(bytes).write(to: URL(filePath: scratch("x")))
    let reader = try ArchiveReader(scratch("x"))
    var groups: [Entry.LinkGroup?] = []
    while let entry = try reader.next() { groups.append(entry.links) }
    try #require(groups.count == 4 && !groups.contains(nil))
    #expect(groups[0] == groups[1] && groups[2] == groups[3] && groups[1] != groups[2])
  }

  /// libarchive takes quadratic time for them.
  @Test func boundsTheWorkForHardLinks() throws {
    let scratch = try ToolScratch()
    let archive = RawArchive.make { archive in
      for number in 1...1000 { archive.add("\(number)", inode: UInt32(number), links: 2) }
    }
    try archive.write(to: scratch("x"))
    var limits = ArchiveLimits()
    limits.linkComparisons = 100_000
    let reader = try ArchiveReader(scratch("x"), limits: limits)
    let error = #expect(throws: OverlayError.self) { while try reader.next() != nil {} }
    #expect(error?.description.contains("link count above 1") == true)
  }
}
