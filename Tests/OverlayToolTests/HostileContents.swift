// Archives that are odd in themselves, and directories that have something in them already.
extension HostileArchive {
  // MARK: One name twice

  private static let kinds: [(name: String, type: UInt32, data: String, test: String)] = [
    ("file", RawArchive.file, "data", "-f"), ("directory", RawArchive.directory, "", "-d"),
    ("symlink", RawArchive.symlink, "away", "-h"), ("fifo", RawArchive.fifo, "", "-p"),
    ("socket", RawArchive.socket, "", "-S"), ("whiteout", RawArchive.characters, "", "-c"),
  ]

  static let replacements =
    kinds.flatMap { first in
      kinds.map { second in
        HostileArchive(
          "a \(second.name) over a \(first.name): the last counts", .unpacked("test \(second.test) d/x; test -f y")
        ) { archive in
          archive.add("d/x", first.type, first.data)
          archive.add("d/x", second.type, second.data)
          archive.add("y")
        }
      }
    } + [
      HostileArchive("a file over a directory with files", .refused(#"cannot replace the directory "d""#)) { archive in
        archive.add("d/x")
        archive.add("d", RawArchive.file, "x")
      },
      HostileArchive("a file below a file", .refused(#""f" is needed as a directory"#)) { archive in
        archive.add("f", RawArchive.file, "x")
        archive.add("f/x", RawArchive.file, "x")
      },
      HostileArchive("a file below a device", .refused(#""c" is needed as a directory"#)) { archive in
        archive.add("c", RawArchive.characters, device: (1, 3))
        archive.add("c/x", RawArchive.file, "x")
      },
      HostileArchive("a directory twice", .unpacked("test \"$(stat -c %a d)\" = 750; test -f d/x")) { archive in
        archive.add("d", RawArchive.directory, mode: 0o700)
        archive.add("d/x")
        archive.add("d", RawArchive.directory, mode: 0o750)
      },
    ]

  // MARK: Headers

  static let headers = [
    HostileArchive("a header that is not hexadecimal", .refused("cut off or damaged")) { archive in
      archive.appendRaw(Array("070701".utf8) + Array(repeating: UInt8(ascii: "G"), count: 104) + [97, 0])
    },
    HostileArchive("a name of four billion bytes", .refused("damaged")) { $0.add("a", nameSize: .max) },
    HostileArchive("a name of two billion bytes", .refused("damaged")) { $0.add("a", nameSize: 0x8000_0000) },
    HostileArchive("data of four billion bytes that are not there", .refused(#"at or behind "big""#)) {
      $0.add("big", size: .max)
    },
    HostileArchive("data of two billion bytes that are not there", .refused(#"at or behind "big""#)) {
      $0.add("big", size: 0x8000_0000)
    },
    HostileArchive(
      "a file larger than the limit", .refused(#""big" is larger than 1048576 bytes"#), options: ["--max-size", "1M"]
    ) {
      $0.add("big", size: (1 << 20) + 1)
    },
    HostileArchive("a directory with data", .refused(#""d" is a directory, but has data"#)) {
      $0.add("d", RawArchive.directory, "data")
    },
    HostileArchive("a device with data", .refused(#""c" is a character device, but has data"#)) {
      $0.add("c", RawArchive.characters, "data", device: (1, 3))
    },
    HostileArchive("a fifo with data", .refused(#""p" is a fifo, but has data"#)) {
      $0.add("p", RawArchive.fifo, "data")
    },
    HostileArchive("a fifo with a size and no data", .refused(#""p" is a fifo, but has data"#)) {
      $0.add("p", RawArchive.fifo, size: .max)
    },
    HostileArchive("a type that does not exist", .refused(#""x" is of no known type"#)) { $0.add("x", 0o170000) },
    HostileArchive("no type", .refused(#""x" is of no known type"#)) { $0.add("x", 0) },
    HostileArchive("every bit of a mode", .refused(#""x" is of no known type"#)) { $0.add("x", .max) },
    HostileArchive("an owner that chown(2) takes for none", .unpacked("test -f x")) { $0.add("x", owner: .max) },
    HostileArchive("the format with checksums", .unpacked("test -f x")) {
      $0.add("x", RawArchive.file, "x", magic: "070702")
    },
    HostileArchive("no end", .refused("cut off"), bytes: Array(RawArchive.make { $0.add("a") }.bytes.prefix(112))),
    HostileArchive("nothing", .refused("it is empty"), bytes: []),
    HostileArchive("nothing but zeros", .refused("it is empty"), bytes: [UInt8](repeating: 0, count: 4096)),
    HostileArchive(
      "zeros before the archive", .unpacked("test -f a"),
      bytes: [UInt8](repeating: 0, count: 512) + RawArchive.make { $0.add("a") }.bytes),
    HostileArchive(
      "garbage behind the archive", .refused("what begins at byte"),
      bytes: RawArchive.make { $0.add("a") }.bytes + Array("garbage".utf8)),
    HostileArchive(
      "a digit behind the archive", .refused("at or behind \"a\""),
      bytes: RawArchive.make { $0.add("a") }.bytes + Array("0".utf8)),
    HostileArchive(
      "garbage between two entries", .refused("damaged"),
      bytes: RawArchive.make { archive in
        archive.add("a")
        archive.appendRaw(Array("garbage".utf8))
        archive.add("b")
      }.bytes),
  ]

  // MARK: Bombs

  private static let depth = 2000

  static let bombs = [
    HostileArchive(
      "more entries than the limit", .refused("more than 100 entries; --max-entries"),
      options: ["--max-entries", "100"]
    ) { archive in for number in 0...100 { archive.add("f\(number)") } },
    HostileArchive(
      "more directories without entries than the limit", .refused("--max-entries"), options: ["--max-entries", "10"]
    ) { archive in for number in 0..<4 { archive.add("\(number)/a/b/c") } },
    HostileArchive(
      "names of 4000 bytes", .refused("the names of its entries have more than 256 bytes"),
      options: ["--max-entries", "400"]
    ) { archive in
      for number in 0..<400 { archive.add(String(repeating: long + "/", count: 15) + "\(number)") }
    },
    HostileArchive(
      "2000 levels of directories", .unpacked("test \"$(find . -name end | wc -c)\" = \(2 + 2 * depth + 3 + 1)")
    ) { archive in
      for level in 1...depth { archive.add(String(repeating: "d/", count: level), RawArchive.directory) }
      archive.add(String(repeating: "d/", count: depth) + "end")
    },
    HostileArchive(
      "2000 levels of directories that have no entries",
      .unpacked("test \"$(find . -name end | wc -c)\" = \(2 + 2 * depth + 3 + 1)")
    ) { $0.add(String(repeating: "d/", count: depth) + "end") },
    HostileArchive("2000 levels, and then an error", .refused(#""/x" is an absolute name"#)) { archive in
      archive.add(String(repeating: "d/", count: depth) + "end")
      archive.add("/x")
    },
    HostileArchive("a symlink and 2000 levels", .refused(#""l" is needed as a directory"#)) { archive in
      archive.add("l", RawArchive.symlink, "../outside")
      archive.add("l/" + String(repeating: "d/", count: depth) + "end")
    },
  ]

  // MARK: Other formats

  static let formats = [
    HostileArchive(
      "the old portable format", .refused("a cpio archive in the odc format"),
      bytes: Array(
        ("070707" + "000001000001100644000000000000000001000000" + "00000000000" + "000002" + "00000000000" + "a\0"
          + "070707" + "000000000000000000000000000000000001000000" + "00000000000" + "000013" + "00000000000"
          + "TRAILER!!!\0").utf8)),
    HostileArchive(
      "the old binary format", .refused("a cpio archive in the old binary format"),
      bytes: [0xC7, 0x71] + [UInt8](repeating: 1, count: 100)),
    HostileArchive(
      "a tar archive", .refused("it is a tar archive"),
      bytes: Array("name".utf8) + [UInt8](repeating: 0, count: 253) + Array("ustar".utf8)
        + [UInt8](repeating: 0, count: 250)),
    HostileArchive("text", .refused("it is text"), bytes: Array("#!/bin/sh\n".utf8)),
    HostileArchive("text that begins like an archive", .refused("damaged"), bytes: Array("070701 is my number".utf8)),
    HostileArchive("a zip", .refused("it is a zip archive"), bytes: Array("PK\u{3}\u{4}".utf8)),
    HostileArchive("only the mark of gzip", .refused("its gzip data is damaged"), bytes: [0x1F, 0x8B]),
    HostileArchive(
      "gzip of an unknown method", .refused("its gzip data is damaged"),
      bytes: [0x1F, 0x8B, 9] + [UInt8](repeating: 0, count: 40)),
    HostileArchive(
      "only the mark of xz", .refused("its xz data is damaged"), bytes: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
    HostileArchive("only the mark of zstd", .refused("its zstd data is damaged"), bytes: [0x28, 0xB5, 0x2F, 0xFD]),
    HostileArchive(
      "zstd with a window of 2 GiB", .refused("its zstd data is damaged"),
      bytes: [0x28, 0xB5, 0x2F, 0xFD, 0, 21 << 3, 9, 0, 0, 0]),
  ]

  // MARK: Who unpacks

  static let privileges = [
    HostileArchive(
      "a program that runs as root", .unpacked("test \"$(stat -c '%a %u' x)\" = '4755 0'"),
      withoutRoot: .unpacked("test \"$(stat -c '%a %u' x)\" = '755 65534'; grep -q '^x f 4755 0 0 ' ../dir.manifest")
    ) { $0.add("x", RawArchive.file, "x", mode: 0o4755) },
    HostileArchive(
      "a directory that gives its group away", .unpacked("test \"$(stat -c '%a %g' d)\" = '2777 7'"),
      withoutRoot: .unpacked("test \"$(stat -c '%a %g' d)\" = '777 65534'; grep -q '^d d 2777 7 7 ' ../dir.manifest")
    ) { $0.add("d", RawArchive.directory, mode: 0o2777, owner: 7) },
    HostileArchive(
      "a disk", .unpacked("test \"$(stat -c '%t:%T %a' sda)\" = '8:0 666'"),
      withoutRoot: .unpacked("test ! -e sda; grep -q '^sda b 666 0 0 8 0 ' ../dir.manifest")
    ) { $0.add("sda", RawArchive.blocks, mode: 0o666, device: (8, 0)) },
    HostileArchive("device numbers of 32 bits", .refused(#"cannot make the character device "x""#)) {
      $0.add("x", RawArchive.characters, device: (.max, .max))
    },
    HostileArchive("a directory that nobody may enter", .unpacked("test -d d")) { archive in
      archive.add("d", RawArchive.directory, mode: 0)
      archive.add("d/x", RawArchive.file, "x", mode: 0)
      archive.add("d/d", RawArchive.directory, mode: 0)
    },
  ]

  // MARK: What is there already

  static let existing = [
    HostileArchive(
      "a file behind a symlink that was there", .refused(#""l" is needed as a directory"#),
      before: "ln -s ../outside l"
    ) { $0.add("l/x", RawArchive.file, "x") },
    HostileArchive(
      "a file behind a symlink that was there, with --force", .refused(#""l" is needed as a directory"#),
      options: ["--force"], before: "ln -s ../outside l"
    ) { $0.add("l/x", RawArchive.file, "x") },
    HostileArchive(
      "a file over a symlink that was there", .refused(#""f" exists in"#), before: "ln -s ../outside/file f"
    ) { $0.add("f", RawArchive.file, "x") },
    HostileArchive(
      "a file over a symlink that was there, with --force", .unpacked("test ! -h f; test \"$(cat f)\" = x"),
      options: ["--force"], before: "ln -s ../outside/file f"
    ) { $0.add("f", RawArchive.file, "x") },
    HostileArchive(
      "a directory over a symlink that was there", .refused(#""d" exists in"#), before: "ln -s ../outside d"
    ) { $0.add("d", RawArchive.directory, mode: 0o777) },
    HostileArchive(
      "a file over another name of a file outside", .refused(#""f" exists in"#), before: "ln ../outside/file f"
    ) { $0.add("f", RawArchive.file, "x") },
    HostileArchive(
      "a file over another name of a file outside, with --force", .unpacked("test \"$(cat f)\" = x"),
      options: ["--force"], before: "ln ../outside/file f"
    ) { $0.add("f", RawArchive.file, "x") },
    HostileArchive("a file over a fifo that was there", .refused(#""f" exists in"#), before: "mkfifo f") {
      $0.add("f", RawArchive.file, "x")
    },
    HostileArchive(
      "a file over a directory that was there, with --force", .refused(#"cannot replace the directory "d""#),
      options: ["--force"], before: "mkdir d; touch d/x"
    ) { $0.add("d", RawArchive.file, "x") },
    HostileArchive(
      "a file over an empty directory that was there", .refused(#""d" exists in"#), before: "mkdir d"
    ) { $0.add("d", RawArchive.file, "x") },
    HostileArchive(
      "its own file twice, where another one was before",
      .unpacked("test \"$(cat f)\" = two; test \"$(cat old)\" = old"),
      before: "echo old >old"
    ) { archive in
      archive.add("f", RawArchive.file, "one")
      archive.add("f", RawArchive.file, "two")
    },
  ]
}
