import Testing

@testable import Overlay

@Suite struct ManifestTests {
  private static let names: [[UInt8]] = [
    Array("plain".utf8), Array("with blank".utf8), Array("tab\tline\nreturn\r".utf8), Array(#"back\slash \101"#.utf8),
    Array("#comment".utf8), Array("ä".utf8), [0xFF, 0xFE], [0x61, 0xCC, 0x81], [1], [0x7F],
  ]

  @Test func survivesBeingWritten() throws {
    let device = Entry.DeviceNumber(major: 4095, minor: 1_048_575)
    let kinds: [Entry.Kind] = [
      .file(size: 3), .directory, .symlink(target: [0x61]), .fifo, .socket, .characterDevice(device),
      .blockDevice(device),
    ]
    var entries = [Entry(.root, .directory, permissions: 0o1777, owner: 5, group: 6, modified: 7)]
    for (number, name) in Self.names.enumerated() {
      let path = try OverlayPath(archiveName: name)
      entries.append(
        Entry(
          path, kinds[number % kinds.count], permissions: 0o7777, owner: .max, group: UInt32(number), modified: .max))
    }
    let manifest = Manifest(entries)
    let read = try Manifest(Array(manifest.text.utf8), name: "m")
    #expect(read.lines == manifest.lines)
    #expect(read.lines.map(\.path) == entries.map(\.path))
  }

  @Test(arguments: ["\n", "\r\n"])
  func readsWhatPeopleWrite(_ lineEnd: String) throws {
    let text = [
      "# a comment", "", "  dev/console\tc 600 0 5  5 1 # too", "x f 4755 0 0", "y d 0755 1 2 - - -",
      "ü l 777 0 0 - - 9",
    ]
    .joined(separator: lineEnd)
    let lines = try Manifest(Array(text.utf8), name: "m").lines
    #expect(lines.map(\.path.description) == ["dev/console", "x", "y", "ü"])
    #expect(lines[0].device == Entry.DeviceNumber(major: 5, minor: 1))
    #expect(lines.map(\.permissions) == [0o600, 0o4755, 0o755, 0o777])
    #expect(lines.map(\.modified) == [nil, nil, nil, 9])
  }

  @Test(arguments: [
    ("x", "expected"), ("x f", "expected"), ("x f 644 0", "expected"), ("x f 644 0 0 0", "expected"),
    ("x q 644 0 0", "expected"), ("x ff 644 0 0", "expected"), ("x f 8 0 0", "expected"), ("x f 10000 0 0", "expected"),
    ("x f -1 0 0", "expected"), ("x f 644 -1 0", "expected"), ("x f 644 4294967296 0", "expected"),
    ("x f 644 0 0 5 1", "expected"), ("x c 600 0 0", "expected"), ("x c 600 0 0 - -", "expected"),
    ("x c 600 0 0 5 -", "expected"), ("x f 644 0 0 - - soon", "expected"), ("x f 644 0 0 - - 1 2", "expected"),
    ("/x f 644 0 0", "absolute"), ("../x f 644 0 0", "leads out"), (#"\057x f 644 0 0"#, "absolute"),
    (#"\056\056/x f 644 0 0"#, "leads out"), (#"a\000b f 644 0 0"#, "NUL"), (#"a\x f 644 0 0"#, "octal"),
    (#"a\12 f 644 0 0"#, "octal"), (#"a\400 f 644 0 0"#, "octal"), (#"a\+12 f 644 0 0"#, "octal"),
    ("a f 644 0 0\u{A0}", "expected"),
  ])
  func namesTheBadLine(_ line: String, _ reason: String) {
    let error = #expect(throws: OverlayError.self) {
      try Manifest(Array("# fine\nfine f 644 0 0\n\(line)\n".utf8), name: "devices.txt")
    }
    #expect(error?.description.hasPrefix("devices.txt, line 3: ") == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func namesBothLinesOfOnePath() {
    let error = #expect(throws: OverlayError.self) {
      try Manifest(Array("a/b f 644 0 0\n./a//b f 600 0 0\n".utf8), name: "m")
    }
    #expect(error?.description == "m, line 2: a/b stands in line 1 too")
  }
}
