import Foundation
import JSONDocument
import Testing

@Suite struct ListCommandTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p tree/etc tree/usr/bin
      printf 1234 >tree/usr/bin/tool
      chmod 4755 tree/usr/bin/tool
      ln tree/usr/bin/tool tree/usr/bin/twin
      ln -s ../bin tree/usr/bin/away
      mkfifo tree/etc/fifo
      : >"tree/etc/$(printf 'a\nb\377 c\\')"
      chmod 1777 tree/etc
      printf 'etc/gone c 0 0 0 0 0\ndev d 755 0 0\ndev/console c 600 0 5 5 1 1714564800\n' >manifest
      printf 'dev/sda b 660 0 6 8 0\n' >>manifest
      SOURCE_DATE_EPOCH=1714564800 "$tool" pack tree -o x.cpio.gz --no-required --manifest manifest --mtime 1714564800
      """#)
  }

  @Test func listsLikeLs() throws {
    let run = try scratch.tool("list", "x.cpio.gz")
    #expect(run.status == 0)
    #expect(run.errors.isEmpty)
    let epoch = "1970-01-01 00:00:00"
    let lines = run.lines.map { line in
      // The times of what lies in the directory are those of this test.
      line.hasPrefix("d") || !line.contains("2024-05-01") ? line : line.replacing("2024-05-01 12:00:00", with: "T")
    }
    #expect(lines.contains("crw-------     0     5        5,1 T dev/console"))
    #expect(lines.contains("brw-rw----     0     6        8,0 \(epoch) dev/sda"))
    #expect(lines.contains("c---------     0     0        0,0 \(epoch) etc/gone (whiteout)"))
    #expect(lines.contains("prw-r--r--     0     0          0 T etc/fifo"))
    #expect(lines.contains("-rw-r--r--     0     0          0 T etc/a\\012b\\377 c\\134"))
    #expect(lines.contains("lrwxrwxrwx     0     0          6 T usr/bin/away -> ../bin"))
    #expect(lines.contains("-rwsr-xr-x     0     0          0 T usr/bin/tool"))
    #expect(lines.contains("-rwsr-xr-x     0     0          4 T usr/bin/twin link to usr/bin/tool"))
    #expect(lines.contains("drwxrwxrwt     0     0          0 2024-05-01 12:00:00 etc"))
    #expect(lines.count == 13)
  }

  @Test func printsJSON() throws {
    let run = try scratch.tool("list", "--json", "x.cpio.gz")
    let entries = try #require(try JSON(parsing: run.output).arrayValue)
    func entry(_ path: String) throws -> JSON { try #require(entries.first { $0["path"] == .string(path) }) }
    #expect(entries.count == 13)
    #expect(
      try entry("usr/bin/twin").text
        == #"{"path":"usr/bin/twin","type":"file","mode":"4755","uid":0,"gid":0,"size":4,"mtime":1714564800,"links":"usr/bin/tool"}"#
    )
    #expect(try entry("usr/bin/away")["target"] == "../bin")
    #expect(try entry("dev/sda")["major"] == 8)
    #expect(try entry("dev/sda")["minor"] == 0)
    #expect(try entry("dev/sda")["type"] == "block device")
    #expect(try entry("etc/gone")["type"] == "whiteout")
    #expect(try entry("etc")["mode"] == "1777")
    #expect(try entry("etc/a\nb\u{FFFD} c\\")["pathHex"] == "6574632f610a62ff20635c")
    #expect(try entry("etc/fifo")["pathHex"] == nil)
  }

  /// GNU cpio writes the names of a file when it has met all of them.
  @Test func listsWhatOtherProgramsMadeInItsOrder() throws {
    try scratch.shell(
      "cd tree && printf '%s\\n' usr/bin/tool . usr/bin/twin usr | cpio --quiet -H newc -o >../cpio.cpio")
    let names = try scratch.tool("list", "cpio.cpio").lines.map { String($0.dropFirst(54)) }
    #expect(names == [".", "usr/bin/tool", "usr/bin/twin link to usr/bin/tool", "usr"])
  }

  @Test func listsWhatStandsBeforeTheDamage() throws {
    try scratch.shell("gzip -dc x.cpio.gz | head -c 900 >cut.cpio")
    let run = try scratch.tool("list", "cut.cpio")
    #expect(run.status == 2)
    #expect(run.lines.count > 2)
    #expect(run.errors.hasPrefix("monorail-overlay: cut.cpio: the archive is cut off or damaged"))
  }

  @Test(arguments: [["list", "none.cpio"], ["list", "tree"], ["list", "manifest"]])
  func saysWhatItCannotRead(_ arguments: [String]) throws {
    let run = try ToolRun(arguments, in: scratch.path)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains(arguments[1]))
    #expect(run.errors.hasPrefix("monorail-overlay: "))
    #expect(run.errors.filter { $0 == "\n" }.count == 1)
  }

  @Test func aFullDiskIsNoSuccess() throws {
    try scratch.shell("status=0; \"$tool\" list x.cpio.gz >/dev/full 2>errors || status=$?; test $status = 2")
    try scratch.shell("grep -q 'cannot write the output: No space left' errors")
  }

  @Test func anEmptyArchiveIsAnEmptyList() throws {
    try scratch.shell("cpio --quiet -H newc -o </dev/null >empty.cpio")
    #expect(try scratch.tool("list", "empty.cpio").output == "")
    #expect(try scratch.tool("list", "--json", "empty.cpio").output == "[]\n")
  }
}
