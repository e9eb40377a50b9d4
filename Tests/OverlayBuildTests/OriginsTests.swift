import Foundation
import JSONDocument
import Overlay
import Recipes
import TestSupport
import Testing

@testable import OverlayBuild

struct OriginsTests {
  private let scratch: ScratchDirectory
  private static let required = Origin.required(source: "overlay-skel")
  private static let files = Origin.recipe(Place("a.yaml", line: 9), key: "files", detail: "motd")
  private static let package = Origin.package(Place("a.yaml", line: 3), name: "pciutils", version: "1:3.9.0-4")
  private static let commands = Origin.recipe(Place("b.yaml", line: 2), key: "commands", detail: "")

  init() throws { scratch = try ScratchDirectory() }

  private func paths(_ texts: [String]) throws -> [OverlayPath] { try texts.map { try OverlayPath($0) } }

  @Test func `What a step made and took away is told by kind, content, mode and owner`() throws {
    var overlay = try TestOverlay()
    for name in ["same", "touched", "content", "mode", "owner", "becomes-link", "whiteout", "gone"] {
      try overlay.file(name, name)
    }
    try overlay.symlink("link", to: "same")
    try overlay.whiteout("still-a-whiteout")
    let before = try overlay.write(to: scratch("before"))
    try overlay.file("touched", "touched", time: 77)
    try overlay.file("content", "CONTENT")
    try overlay.file("mode", "mode", mode: 0o600)
    try overlay.file("owner", "owner", owner: 5)
    try overlay.symlink("becomes-link", to: "same")
    try overlay.symlink("link", to: "mode")
    try overlay.whiteout("whiteout")
    try overlay.remove("gone")
    try overlay.file("dir/new", "")
    let after = try overlay.write(to: scratch("after"))

    let changes = ArchiveChanges(from: before, to: after)
    #expect(
      changes.made
        == (try paths(["becomes-link", "content", "dir/new", "link", "mode", "owner", "whiteout"])))
    #expect(changes.gone == (try paths(["gone"])))
    #expect(ArchiveChanges(from: after, to: after) == ArchiveChanges(from: before, to: before))
    #expect(ArchiveChanges(from: nil, to: before).made == before.entries.map(\.path))
  }

  /// Three steps, as a build does them.
  private func origins() throws -> Origins {
    var origins = Origins()
    var overlay = try TestOverlay()
    try overlay.file("etc/motd", "required")
    try overlay.file("etc/other", "required")
    let first = try overlay.write(to: scratch("1"))
    origins.apply(ArchiveChanges(from: nil, to: first), step: Self.required)
    try overlay.file("etc/motd", "package")
    try overlay.file("usr/bin/lspci", "package", mode: 0o755)
    try overlay.file("usr/share/gone", "package")
    try overlay.file([0x61, 0xFF], "not UTF-8")
    let second = try overlay.write(to: scratch("2"))
    origins.apply(
      ArchiveChanges(from: first, to: second), step: Self.commands,
      named: [
        try OverlayPath("etc/motd"): Self.package, try OverlayPath("usr/bin/lspci"): Self.package,
        try OverlayPath("etc/other"): Self.package,
      ])
    try overlay.file("etc/motd", "files")
    try overlay.remove("usr/share/gone")
    let third = try overlay.write(to: scratch("3"))
    origins.apply(ArchiveChanges(from: second, to: third), step: Self.files)
    return origins
  }

  @Test func `The last maker of an entry is known, and those before it`() throws {
    let origins = try origins()
    #expect(origins.makers(of: try OverlayPath("etc/motd")) == [Self.required, Self.package, Self.files])
    #expect(origins.makers(of: try OverlayPath("etc/other")) == [Self.required])
    #expect(origins.makers(of: try OverlayPath("usr/bin/lspci")) == [Self.package])
    #expect(origins.makers(of: try OverlayPath(archiveName: [0x61, 0xFF])) == [Self.commands])
    #expect(origins.makers(of: try OverlayPath("usr/share/gone")) == [Self.commands, Self.files])
    #expect(origins.isGone(try OverlayPath("usr/share/gone")))
    #expect(!origins.isGone(try OverlayPath("etc/motd")))
    #expect(origins.makers(of: try OverlayPath("nothing")) == [])
  }

  @Test func `A layer's origins are read as they were written, at the places of this build`() throws {
    let origins = try origins()
    let places = [Place("a.yaml", line: 3), Place("a.yaml", line: 9), Place("b.yaml", line: 2)]
    let path = scratch("layer.json")
    try origins.write(to: path, places: places)
    #expect(try Origins.read(path, places: places) == origins)
    // Two lines were put in before the packages, and the build runs in another directory.
    let moved = try #require(
      try Origins.read(
        path, places: [Place("d/a.yaml", line: 5), Place("d/a.yaml", line: 11), Place("d/b.yaml", line: 2)]))
    #expect(
      moved.makers(of: try OverlayPath("etc/motd")) == [
        Self.required, .package(Place("d/a.yaml", line: 5), name: "pciutils", version: "1:3.9.0-4"),
        .recipe(Place("d/a.yaml", line: 11), key: "files", detail: "motd"),
      ])
    #expect(try Origins.read(path, places: Array(places.dropLast())) == nil)
    #expect(try Origins.read(scratch("none"), places: places) == nil)
  }

  @Test func `The file beside an archive is read as it was written, and the same each time`() throws {
    let hidden: [OverlayPath: HiddenEntry] = [
      try OverlayPath("etc/motd"): HiddenEntry(.file(size: 286), permissions: 0o644),
      try OverlayPath("usr/share"): HiddenEntry(.directory, permissions: 0o1777, contained: 12),
      try OverlayPath("lib"): HiddenEntry(.symlink(target: [0x2F, 0xFE]), permissions: 0o777),
      try OverlayPath(archiveName: [0xFF]): HiddenEntry(.other, permissions: 0o4600),
    ]
    let file = OriginsFile(
      archive: Lock.File(name: "x.cpio", sha256: "aa"), base: Lock.File(name: "base.img", sha256: "bb"),
      recipe: "a.yaml", origins: try origins(), hidden: hidden)
    try file.write(beside: scratch("x.cpio"))
    let text = scratch.text(of: "x.cpio.origins.json")
    #expect(try OriginsFile.read(beside: scratch("x.cpio")) == file)
    try file.write(beside: scratch("x.cpio"))
    #expect(scratch.text(of: "x.cpio.origins.json") == text)
    let document = try JSON(parsing: text)
    #expect(document["format"] == 1 && document["archive"] == ["name": "x.cpio", "sha256": "aa"])
    #expect(document["entries"]?.arrayValue?.contains { $0["pathsHex"] == ["61ff"] } == true)
    #expect(document["hides"]?.arrayValue?.first?["path"] == "etc/motd")
    #expect(try OriginsFile.read(beside: scratch("none")) == nil)
  }

  @Test func `An overlay of 100,000 entries needs little more than their names`() throws {
    var overlay: [OverlayPath: Origins.History] = [:]
    for number in 0..<100_000 { overlay[try OverlayPath("usr/lib/\(number)")] = Origins.History(makers: [number % 3]) }
    let origins = Origins(table: [Self.required, Self.files, Self.package], histories: overlay)
    try origins.write(to: scratch("large"), places: [])
    #expect(scratch.text(of: "large").utf8.count < 100_000 * 20)
    #expect(try Origins.read(scratch("large"), places: []) == origins)
  }

  private static let good = """
    {"format":1,"archive":{"name":"x","sha256":"a"},"base":{"name":"b","sha256":"b"},"recipe":"r","origins":[\
    {"required":"rc.local"},{"recipe":"r","line":1,"key":"files"}],"entries":[{"from":[0,1],"paths":["a","b/c"]}],\
    "hides":[{"path":"a","type":"file","size":1,"mode":"0644"}]}
    """

  @Test(arguments: [
    ("", "", ""),
    (#"{"format":1,"#, "[", "not valid JSON"), (#""format":1"#, #""format":2"#, "it has the format 2"),
    (#""format":1"#, #""format":"1""#, "format: it is no whole number"), (#""format":1,"#, "", "it has no \"format\""),
    (#"{"name":"x","sha256":"a"}"#, #""x""#, "archive: it has no \"name\""),
    (#""sha256":"b""#, #""sha256":[]"#, "base: sha256: it is no text"),
    (#""line":1"#, #""line":-1"#, "origins[1]: line: it is no whole number from 0 on"),
    (#""line":1"#, #""line":99999999999999999999"#, "origins[1]: line: it is no whole number"),
    (#"{"required":"rc.local"}"#, "null", "origins[0]: it has no \"recipe\""),
    ("[0,1]", "[0,2]", "entries[0]: from: there is no origin 2"), ("[0,1]", "[]", "entries[0]: from is empty"),
    ("[0,1]", "[0.5]", "entries[0]: from[0]: it is no whole number"), ("[0,1]", "7", "entries[0]: from: it is no list"),
    (#"["a","b/c"]"#, #"["a","./a"]"#, "entries[0]: a stands twice"),
    (#""b/c""#, #""../c""#, "entries[0]: paths[1]: \"../c\" leads out of the overlay"),
    (#""b/c""#, "1", "entries[0]: paths[1]: it is no text"),
    (#""paths":["a","b/c"]"#, #""pathsHex":["6g"]"#, "entries[0]: pathsHex[0]: it is no hexadecimal text"),
    (#""mode":"0644""#, #""mode":"99""#, "hides[0]: mode: it is no mode"),
    (#""type":"file""#, #""type":"fi\u001ble""#, #"hides[0]: "fi\033le" is no type"#),
    (#""size":1,"#, "", "hides[0]: it has no \"size\""),
    (#""hides":["#, #""hides":[7,"#, "hides[0]: it has no \"path\""),
  ])
  func `A file that is not as it was written is refused, with the place`(
    _ old: String, _ new: String, _ reason: String
  ) throws {
    let text = old.isEmpty ? Self.good : Self.good.replacingOccurrences(of: old, with: new)
    #expect(old.isEmpty || text != Self.good)
    try scratch.write(text, to: "x.origins.json")
    guard !reason.isEmpty else {
      #expect(try OriginsFile.read(beside: scratch("x"))?.origins.makers(of: OverlayPath("b/c")).count == 2)
      return
    }
    let error = #expect(throws: OverlayError.self) { try OriginsFile.read(beside: scratch("x")) }
    #expect(error?.message.hasPrefix(scratch("x.origins.json")) == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ("printf '{\"format\":1,\"entries\":['; yes '0,' | tr -d '\\n' | head -c 8400000", "more than 4000000 values"),
    ("head -c 100000 /dev/zero | tr '\\0' '['", "nesting too deep"),
  ])
  func `A file that would take much memory is refused`(_ script: String, _ reason: String) throws {
    let made = try ChildProcess.run(["/bin/sh", "-c", "{ \(script); } >x.origins.json"], in: scratch.path)
    #expect(made.end == .exited(0))
    let error = #expect(throws: OverlayError.self) { try OriginsFile.read(beside: scratch("x")) }
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test func `What is no file, or too long, is not read`() throws {
    #expect(mkfifo(scratch("fifo.origins.json"), 0o644) == 0)
    try FileManager.default.createDirectory(atPath: scratch("d.origins.json"), withIntermediateDirectories: false)
    for name in ["fifo", "d"] {
      let error = #expect(throws: OverlayError.self) { try OriginsFile.read(beside: scratch(name)) }
      #expect(error?.message.hasSuffix("not a file") == true)
    }
    try scratch.write("", to: "long.origins.json")
    #expect(truncate(scratch("long.origins.json"), 1 << 40) == 0)
    let error = #expect(throws: OverlayError.self) { try OriginsFile.read(beside: scratch("long")) }
    #expect(error?.message.contains("it has more than") == true)
  }

  @Test func `What entries hide is told by the base image`() throws {
    let made = try ChildProcess.run(
      [
        "/bin/sh", "-euc",
        """
        umask 022; mkdir -p base/etc base/usr/share/doc/a base/opt base/srv; cd base
        printf 12345 >etc/motd; printf x >usr/share/doc/a/b; ln -s usr/lib lib; printf x >etc/same; chmod 4755 etc/same
        printf x >srv/1; printf x >srv/2; cd ..
        mksquashfs base base.img -quiet -no-progress
        """,
      ], in: scratch.path)
    #expect(made.end == .exited(0), "\(made.errors)")
    var overlay = try TestOverlay()
    try overlay.directory(".")
    try overlay.directory("etc", mode: 0o700)
    try overlay.whiteout("etc/motd")
    try overlay.file("etc/same", "y")
    try overlay.file("etc/new", "y")
    try overlay.directory("lib")
    try overlay.directory("usr")
    try overlay.whiteout("usr/share")
    try overlay.file("srv", "")
    let hidden = try BaseImage(scratch("base.img")).hidden(by: overlay.write(to: scratch("x")).entries)
    #expect(
      Dictionary(uniqueKeysWithValues: hidden.map { ("\($0.key)", $0.value.description) }) == [
        "etc": "directory, mode 0755", "etc/motd": "file of 5 bytes, mode 0644",
        "etc/same": "file of 1 byte, mode 4755", "lib": "symlink to usr/lib",
        "usr/share": "directory with 3 entries, mode 0755", "srv": "directory with 2 entries, mode 0755",
      ])
  }
}
