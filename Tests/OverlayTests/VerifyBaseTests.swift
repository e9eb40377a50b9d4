import Foundation
import Testing

@testable import Overlay

struct VerifyBaseTests {
  @Test func namesMayHoldAnything() throws {
    let scratch = try ScratchDirectory()
    let tree = scratch("tree")
    let lie = "a\n-rw-r--r-- 0/0  1 2026-01-01 00:00 squashfs-root/lie"
    let names = [
      "plain", "two  blanks", " blank", "arrow -> x", "line\nbreak", "\n", lie.replacingOccurrences(of: "/", with: "|"),
      "ü",
    ]
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
    for name in names { #expect(FileManager.default.createFile(atPath: "\(tree)/\(name)", contents: nil)) }
    #expect(close(open("\(tree)/".utf8CString.dropLast() + [-1, -2, 0], O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)) == 0)
    let links = ["l": "plain", "l -> m": "n -> o", "breaks\n": "\n/x\n"]
    for (name, target) in links { #expect(symlink(target, "\(tree)/\(name)") == 0) }
    try verifyTool(
      "mksquashfs", tree, scratch("image"), "-quiet", "-no-progress", "-p", "null c 666 0 0 1 3", "-p",
      "gone c 0 0 0 0 0",
      "-p", "fifo i 600 0 0 f")

    var expected: [[UInt8]: MergedTree.Node.Kind] = [
      []: .directory, Array("null".utf8): .other, Array("fifo".utf8): .other,
    ]
    for name in names { expected[Array(name.utf8)] = .file }
    expected[[0xFF, 0xFE]] = .file
    for (name, target) in links { expected[Array(name.utf8)] = .symlink(target: Array(target.utf8)) }
    let nodes = try BaseImage(scratch("image")).nodes
    #expect(Dictionary(uniqueKeysWithValues: nodes.map { ($0.bytes, $1.kind) }) == expected)
  }

  @Test(arguments: [0o755, 0o4755, 0o2710, 0o1777, 0o1666, 0o6644, 0o000])
  func modes(_ mode: mode_t) throws {
    let scratch = try ScratchDirectory()
    #expect(mkdir(scratch("tree"), 0o755) == 0 && mkdir(scratch("tree/x"), 0o755) == 0)
    #expect(chmod(scratch("tree/x"), mode) == 0)
    try verifyTool("mksquashfs", scratch("tree"), scratch("image"), "-quiet", "-no-progress")
    #expect(try BaseImage(scratch("image")).nodes[OverlayPath("x")]?.permissions == UInt32(mode))
  }

  @Test func contentsOfFilesWithWildcardsInTheirNames() throws {
    let scratch = try ScratchDirectory()
    let base = try VerifyLayer("f 644 d*r/[x] = this\nf 644 dir/x = not this").image(scratch("-base"))
    #expect(try base.contents(of: OverlayPath("d*r/[x]")) == Array("this".utf8))
    #expect(try base.contents(of: OverlayPath("d*r/[x]"), limit: 2) == Array("th".utf8))
  }

  @Test func saysWhyAnImageCannotBeRead() throws {
    let scratch = try ScratchDirectory()
    _ = try VerifyLayer(VerifyLayer.debian).image(scratch("whole"))
    let whole = try #require(FileManager.default.contents(atPath: scratch("whole")))
    try whole.prefix(300).write(to: URL(filePath: scratch("half")))
    try Data("hello".utf8).write(to: URL(filePath: scratch("text")))
    #expect(mkfifo(scratch("fifo"), 0o644) == 0)
    for (name, reason) in [
      ("none", "cannot open \(scratch("none")): No such file or directory (ENOENT)"),
      ("half", "cannot read the base image \(scratch("half")): unsquashfs failed"),
      ("text", "the base \(scratch("text")) is no squashfs image: it is text; --base takes a squashfs image"),
      ("", "the base \(scratch("")) is a directory: --base takes a squashfs image"),
      ("fifo", "the base \(scratch("fifo")) is neither a file nor a block device: --base takes a squashfs image"),
    ] {
      let error = #expect(throws: OverlayError.self) { try BaseImage(scratch(name)) }
      #expect(error?.description.hasPrefix(reason) == true, "\(error?.description ?? "")")
    }
  }

  @Test(arguments: [
    (["no-such-program"], "cannot run no-such-program: it is not installed; install the package the-package"),
    (["sh", "-c", "exit 3"], "sh failed with exit code 3"),
    (["sh", "-c", "echo first >&2; echo last >&2; exit 1"], "sh failed with exit code 1: last"),
    (["sh", "-c", "kill -9 $$"], "sh failed with signal 9"),
  ])
  func saysHowAToolFailed(_ command: [String], _ reason: String) {
    let error = #expect(throws: OverlayError.self) {
      try ToolOutput.read(command.map { Array($0.utf8) }, install: "the-package") { _ throws(OverlayError) in }
    }
    #expect(error?.description == reason)
  }

  @Test func takesOutputAndComplaintsOfAnySize() throws {
    var count = 0
    let script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"
    try ToolOutput.read(["sh", "-c", script].map { Array($0.utf8) }, install: "") { count += $0.count }
    #expect(count == 300_000)
  }

  @Test func endsAToolWhoseOutputIsNotWanted() {
    let error = #expect(throws: OverlayError.self) {
      try ToolOutput.read(["yes"].map { Array($0.utf8) }, install: "") { _ throws(OverlayError) in
        throw OverlayError("enough")
      }
    }
    #expect(error?.description == "enough")
  }

  @Test(arguments: [
    ("#!/bin/sh", "/bin/sh", ""), ("#!/bin/sh\n", "/bin/sh", ""),
    ("#! \t/bin/sh \t-e  -u \t\necho", "/bin/sh", "-e  -u"),
    ("#!/bin/sh\0x", "/bin/sh", ""), ("#!", "", ""), ("#!\n/bin/sh", "", ""),
    ("#!/" + String(repeating: "x", count: 300), "/" + String(repeating: "x", count: 253), ""),
  ])
  func firstLinesOfScripts(_ head: String, _ interpreter: String, _ argument: String) {
    let line = ScriptLine(head: head.utf8)
    #expect(line.map { String(decoding: $0.interpreter, as: UTF8.self) } == interpreter)
    #expect(line.map { String(decoding: $0.argument, as: UTF8.self) } == argument)
  }

  @Test(arguments: ["", "#", "# /bin/sh", "\u{7F}ELF", " #!/bin/sh"])
  func noScripts(_ head: String) { #expect(ScriptLine(head: head.utf8) == nil) }
}
