import Foundation
import JSONDocument
import Testing

@Suite struct DiffCommandTests {
  private let scratch: ToolScratch

  /// Two trees that differ in one thing each, all of one time.
  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p old/d old/only
      cd old
      printf hello >content; printf 123 >size; printf x >mode; printf x >owner; printf x >type; printf x >time
      printf x >one; ln one two; ln one three
      printf same >same
      ln -s a link; ln -s a target
      touch "$(printf 'odd\033name')"
      cd ..
      cp -a old new
      cd new
      printf jello >content; printf 1234 >size; chmod 4755 mode
      rm type; ln -s x type
      rm -r only; mkdir added; printf text >added/file
      rm target; ln -s b target
      rm three; printf x >three
      rm odd*
      cd ..
      for tree in old new; do find $tree -exec touch -h -d @1714564800 {} +; done
      touch -d @1714564801 new/time
      cp -a new identical
      printf 'owner f 644 7 8\nnode c 600 0 0 1 3 1714564800\nwhite c 0 0 0 0 0 1714564800\n' >new.manifest
      printf 'owner f 644 0 0\nnode c 600 0 0 1 5 1714564800\nwhite c 0 0 0 0 0 1714564800\n' >old.manifest
      for tree in old new; do
        "$tool" pack $tree -o $tree.cpio.gz --no-required --mtime keep --manifest $tree.manifest
      done
      """#)
  }

  private static let differences = [
    "added    added: directory, mode 0755, owner 0:0",
    "added    added/file: file of 4 bytes, mode 0644, owner 0:0",
    "changed  content: content 2cf24dba5fb0 -> fa49bd6d9b94",
    "changed  mode: mode 0644 -> 4755",
    "changed  node: device 1,5 -> 1,3",
    "removed  odd\\033name: file of 0 bytes, mode 0644, owner 0:0",
    "changed  one: links three and two -> two",
    "removed  only: directory, mode 0755, owner 0:0",
    "changed  owner: owner 0 -> 7, group 0 -> 8",
    "changed  size: content a665a4592042 -> 03ac674216f3, size 3 -> 4",
    "changed  target: target a -> b",
    "changed  three: links one and two -> none",
    "changed  time: time 2024-05-01 12:00:00 -> 2024-05-01 12:00:01",
    "changed  two: links one and three -> one",
    "changed  type: type file of 1 byte -> symlink to x",
  ]

  @Test func oneLineForEachEntryThatDiffers() throws {
    let run = try scratch.tool("diff", "old.cpio.gz", "new.cpio.gz")
    #expect(run.status == 1)
    #expect(run.errors.isEmpty)
    let digests = try ["hello", "jello", "123", "1234"].map { text in
      try ToolRun(
        ["-c", "printf \(text) | sha256sum | cut -c 1-12"], in: scratch.path, program: "/bin/sh"
      ).lines.joined()
    }
    let expected = Self.differences.map { line in
      if line.contains("content:") { return "changed  content: content \(digests[0]) -> \(digests[1])" }
      return line.contains(" size:") ? "changed  size: content \(digests[2]) -> \(digests[3]), size 3 -> 4" : line
    }
    #expect(run.lines == expected)
  }

  @Test func timesCanBeIgnored() throws {
    let run = try scratch.tool("diff", "--ignore-times", "old.cpio.gz", "new.cpio.gz")
    #expect(run.lines.count == Self.differences.count - 1)
    #expect(!run.output.contains("time"))
  }

  @Test(arguments: [["new.cpio.gz", "new.cpio.gz"], ["new", "identical"]])
  func nothingIsPrintedWhenAllIsTheSame(_ sides: [String]) throws {
    let run = try ToolRun(["diff"] + sides, in: scratch.path)
    #expect(run.status == 0)
    #expect(run.output.isEmpty)
    #expect(run.errors.isEmpty)
    let json = try ToolRun(["diff", "--json"] + sides, in: scratch.path)
    #expect(json.status == 0)
    #expect(try JSON(parsing: json.output) == ["added": [], "removed": [], "changed": []])
  }

  @Test func compressionAndOrderDoNotCount() throws {
    try scratch.shell("cd identical && find . | sort -r | cpio --quiet -R 0:0 -H newc -o | xz >../reversed.xz")
    try scratch.shell("\"$tool\" pack identical -o packed.cpio.zst --compression zstd --no-required --mtime keep")
    let run = try scratch.tool("diff", "reversed.xz", "packed.cpio.zst")
    #expect(run.output == "")
    #expect(run.status == 0)
  }

  /// Nobody need be root: the directory's owner is whoever made it.
  @Test func aDirectoryIsComparedWithAnArchive() throws {
    let run = try scratch.tool("diff", "--ignore-times", "old.cpio.gz", "old")
    #expect(
      run.lines.filter { !$0.contains("owner 0 ->") } == [
        "removed  node: character device 1,5, mode 0600, owner 0:0", "removed  white: whiteout, mode 0000, owner 0:0",
      ])
  }

  @Test func printsJSON() throws {
    let run = try scratch.tool("diff", "--json", "old.cpio.gz", "new.cpio.gz")
    #expect(run.status == 1)
    let document = try JSON(parsing: run.output)
    #expect(document["added"]?.arrayValue?.map { $0["path"] } == ["added", "added/file"])
    #expect(document["removed"]?.arrayValue?.map { $0["path"] } == ["odd\u{1B}name", "only"])
    let changed = try #require(document["changed"]?.arrayValue)
    let size = try #require(changed.first { $0["path"] == "size" })
    #expect(size["differences"] == ["content", "size"])
    #expect(size["from"]?["size"] == 3)
    #expect(size["to"]?["size"] == 4)
    #expect(size["to"]?["sha256"]?.stringValue?.count == 64)
    let link = try #require(changed.first { $0["path"] == "one" })
    #expect(link["differences"] == ["links"])
    #expect(link["from"]?["links"] == "three")
  }

  @Test(arguments: [["none", "new"], ["old", "none"], ["new.manifest", "old"]])
  func saysWhatItCannotRead(_ sides: [String]) throws {
    let run = try ToolRun(["diff"] + sides, in: scratch.path)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains(sides[0] == "old" ? "none" : sides[0]))
  }
}
