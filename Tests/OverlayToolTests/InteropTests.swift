import Foundation
import Testing

/// Other programs read what `pack` wrote, and `unpack` and `list` read what they write.
@Suite(.enabled(if: geteuid() == 0)) struct InteropTests {
  private static let extractors = [
    "cpio -id --quiet --no-absolute-filenames", "bsdcpio -id --quiet", "busybox cpio -id 2>/dev/null",
  ]

  @Test(arguments: extractors)
  func isExtractedByOtherPrograms(_ extractor: String) throws {
    let scratch = try ToolScratch()
    try scratch.shell(
      """
      mkdir tree out; (cd tree; \(ToolScratch.everything))
      "$tool" pack tree -o x.cpio.gz --no-required --owner keep --mtime keep
      cd out; gzip -dc ../x.cpio.gz | \(extractor)
      """)
    // bsdcpio unpacks sockets as plain files, and busybox does not set the owner of symlinks. The root directory is the test's own.
    let passedOver =
      extractor.hasPrefix("bsdcpio") ? "deep/socket'" : extractor.hasPrefix("busybox") ? "deep/dangling'" : "b'.'"
    func seen(_ tree: String) throws -> [String] {
      try scratch.look(at: scratch(tree), times: false).filter { !$0.contains(passedOver) }
    }
    #expect(try ToolScratch.differences(seen("tree"), seen("out")) == [])
  }

  @Test(arguments: [
    "cpio -oH newc --quiet", "cpio -oH crc --quiet", "bsdcpio -oH newc --quiet", "busybox cpio -oH newc 2>/dev/null",
  ])
  func readsWhatOtherProgramsWrite(_ writer: String) throws {
    let scratch = try ToolScratch()
    // These programs take a name with a line break for two names, and busybox makes hard links of symlinks without a target.
    try scratch.shell(
      """
      mkdir tree; cd tree; \(ToolScratch.everything)
      rm "$(printf 'line\\nbreak')" deep/twin-link
      find . | \(writer) >../x.cpio
      cd ..; "$tool" unpack x.cpio out; "$tool" list x.cpio >list
      """)
    #expect(try ToolScratch.differences(scratch.look(at: scratch("tree")), scratch.look(at: scratch("out"))) == [])
    let list = try String(decoding: Data(contentsOf: URL(filePath: scratch("list"))), as: UTF8.self)
    #expect(try list.split(separator: "\n").count == scratch.look(at: scratch("tree")).count)
  }

  @Test(arguments: ["cpio -oH newc --quiet", "bsdcpio -oH newc --quiet"])
  func readsLongNamesAndLongChainsOfLinks(_ writer: String) throws {
    let scratch = try ToolScratch()
    let name = String(repeating: "n", count: 150)
    try scratch.shell(
      """
      mkdir -p tree/\(name); cd tree
      echo long >\(name)/\(name)
      for i in $(seq 300); do ln \(name)/\(name) $i; done
      find . | \(writer) | gzip -1 >../x.cpio.gz
      cd ..; "$tool" unpack x.cpio.gz out; "$tool" pack out -o y.cpio.gz --no-required
      mkdir again; cd again; gzip -dc ../y.cpio.gz | cpio -id --quiet
      """)
    let tree = try scratch.look(at: scratch("tree"))
    #expect(tree.contains { $0.contains("\(name)/\(name)'") && $0.contains(" 301 0 ") })
    #expect(try scratch.look(at: scratch("out")) == tree)
    #expect(
      try scratch.look(at: scratch("again"), times: false).dropFirst()
        == scratch.look(at: scratch("tree"), times: false).dropFirst())
  }

  /// All of the machine's programs, through the other programs and back.
  @Test func movesAllOfUsrBin() throws {
    let scratch = try ToolScratch()
    try scratch.shell(
      """
      (cd /usr/bin; find . -xdev | cpio -oH newc --quiet) >gnu.cpio
      "$tool" unpack gnu.cpio gnu; rm gnu.cpio
      "$tool" pack gnu -o x.cpio.gz --no-required --owner keep --mtime keep --level 1
      mkdir bsd; (cd bsd; bsdcpio -idz --quiet <../x.cpio.gz)
      diff -r --no-dereference /usr/bin bsd
      """)
    let facts = #"cd "$1"; find . -mindepth 1 -xdev -printf '%p %y %m %U %G %s %n %l\n' | LC_ALL=C sort"#
    func seen(_ directory: String) throws -> String {
      try ToolRun(["-euc", facts, "sh", directory], in: scratch.path, program: "/bin/sh").output
    }
    let here = try seen("/usr/bin")
    #expect(here.split(separator: "\n").count > 300)
    #expect(try seen(scratch("gnu")) == here)
    #expect(try seen(scratch("bsd")) == here)
  }

  /// A file of three gigabytes with little in it needs little room, however it travels.
  @Test func keepsLargeFilesOfOtherProgramsSparse() throws {
    let scratch = try ToolScratch()
    try scratch.shell(
      """
      mkdir tree; cd tree; \(ToolScratch.sparse)
      echo ./big | cpio -oH newc --quiet --io-size=1048576 | zstd -q -1 >../x
      cd ..; "$tool" unpack x out; cd out; \(ToolScratch.isSparse)
      """)
  }
}
