/// Archives that mean harm, or that nobody would write: what each of them is, and how it must end.
struct HostileArchive: Sendable, CustomStringConvertible {
  enum End: Sendable {
    /// Exit code 2, and one sentence on stderr with these words in it.
    case refused(String)
    /// Exit code 0; a shell script, run in the directory with what was unpacked, that must succeed.
    case unpacked(String)
  }

  let description: String
  let bytes: [UInt8]
  /// For root and, where nothing else is said, for everybody.
  let end: End
  let endWithoutRoot: End
  let options: [String]
  /// Shell commands that make what is in the directory before; the directory does not exist when there are none.
  let before: String?

  init(
    _ description: String, _ end: End, withoutRoot: End? = nil, options: [String] = [], before: String? = nil,
    bytes: [UInt8]
  ) {
    (self.description, self.bytes, self.end, endWithoutRoot) = (description, bytes, end, withoutRoot ?? end)
    (self.options, self.before) = (options, before)
  }

  init(
    _ description: String, _ end: End, withoutRoot: End? = nil, options: [String] = [], before: String? = nil,
    _ body: (inout RawArchive) -> Void
  ) {
    self.init(
      description, end, withoutRoot: withoutRoot, options: options, before: before, bytes: RawArchive.make(body).bytes)
  }

  static let all = names + symlinks + hardLinks + replacements + headers + bombs + formats + privileges + existing

  // MARK: Names

  static let long = String(repeating: "n", count: 250)

  static let names = [
    HostileArchive("an absolute name", .refused(#""/etc/x" is an absolute name"#)) {
      $0.add("/etc/x", RawArchive.file, "x")
    },
    HostileArchive("an absolute name with two slashes", .refused(#""//x" is an absolute name"#)) { $0.add("//x") },
    HostileArchive("..", .refused(#""..""#)) { $0.add("..", RawArchive.directory) },
    HostileArchive(".. first", .refused(#""../outside" leads out"#)) { $0.add("../outside", RawArchive.file, "x") },
    HostileArchive(".. behind a dot", .refused(#""./../outside" leads out"#)) {
      $0.add("./../outside", RawArchive.file, "x")
    },
    HostileArchive(".. in the middle", .refused(#""a/../../outside" leads out"#)) { archive in
      archive.add("a", RawArchive.directory)
      archive.add("a/../../outside", RawArchive.file, "x")
    },
    HostileArchive(".. that stays inside", .refused(#""a/../b" leads out"#)) { $0.add("a/../b") },
    HostileArchive(".. at the end", .refused(#""a/..""#)) { $0.add("a/..", RawArchive.directory) },
    HostileArchive("a NUL in a name, where it ends for the kernel too", .unpacked("test -f a; test ! -e 'a/b'")) {
      $0.add([97, 0, 47, 98])
    },
    HostileArchive("a line break in a name", .unpacked(#"test -f "$(printf 'a\nb')""#)) { $0.add("a\nb") },
    HostileArchive("control characters in a name", .refused(#"\033[2J"#)) { $0.add("/\u{1B}[2J") },
    HostileArchive("a path of 4095 bytes", .unpacked(#"test "$(find . -type f -printf '%P' | wc -c)" = 4095"#)) {
      $0.add(String(repeating: long + "/", count: 16) + String(repeating: "n", count: 79))
    },
    HostileArchive("a path of 4096 bytes", .refused("is longer than 4095 bytes")) {
      $0.add(String(repeating: long + "/", count: 16) + String(repeating: "n", count: 80))
    },
    HostileArchive("a component of 255 bytes", .unpacked("test -f \(long)nnnnn")) { $0.add(long + "nnnnn") },
    HostileArchive("a component of 256 bytes", .refused("component of more than 255 bytes")) {
      $0.add(long + "nnnnnn")
    },
    HostileArchive("an empty name", .refused("an entry has an empty name")) { $0.add("") },
    HostileArchive("a name of no bytes, not even its NUL", .refused("an entry has an empty name")) {
      $0.appendRaw(Array("070701".utf8) + Array(repeating: UInt8(ascii: "0"), count: 104))
    },
    HostileArchive("a file for the root", .refused(#"the overlay's root, ".", is a file"#)) {
      $0.add(".", RawArchive.file, "x")
    },
    HostileArchive("a symlink for the root", .refused(#"the overlay's root, ".", is a symlink"#)) {
      $0.add("./", RawArchive.symlink, "/tmp")
    },
    HostileArchive("an entry named like the end, without data", .unpacked("test -e a; test ! -e b")) { archive in
      archive.add("a")
      archive.end()
    },
    HostileArchive("an entry named like the end, with data", .refused("neither an archive nor a compressed one")) {
      archive in
      archive.add("a")
      archive.add("TRAILER!!!", RawArchive.file, "data")
      archive.add("b")
    },
    HostileArchive("a file whose path only looks like the end", .unpacked("test -f 'TRAILER!!!'; test -e b")) {
      archive in
      archive.add("./TRAILER!!!", RawArchive.file, "data")
      archive.add("b")
    },
  ]

  // MARK: Symlinks on the way

  static let symlinks = [
    HostileArchive("a file through a relative symlink", .refused(#""l" is needed as a directory"#)) { archive in
      archive.add("l", RawArchive.symlink, "../outside")
      archive.add("l/x", RawArchive.file, "x")
    },
    HostileArchive("a file through an absolute symlink", .refused(#""l" is needed as a directory"#)) { archive in
      archive.add("l", RawArchive.symlink, "/tmp")
      archive.add("l/monorail-overlay-was-here", RawArchive.file, "x")
    },
    HostileArchive("a directory through a symlink", .refused(#""l" is needed as a directory"#)) { archive in
      archive.add("l", RawArchive.symlink, "../outside")
      archive.add("l/d", RawArchive.directory)
    },
    HostileArchive("a symlink through a symlink", .refused(#""l" is needed as a directory"#)) { archive in
      archive.add("l", RawArchive.symlink, "../outside")
      archive.add("l/m", RawArchive.symlink, "/etc")
    },
    HostileArchive("a file through two symlinks", .refused(#""a" is needed as a directory"#)) { archive in
      archive.add("a", RawArchive.symlink, "b")
      archive.add("b", RawArchive.symlink, "../outside")
      archive.add("a/x", RawArchive.file, "x")
    },
    HostileArchive("a file through a symlink deep inside", .refused(#""d/e/l" is needed as a directory"#)) { archive in
      archive.add("d/e/l", RawArchive.symlink, "../../../outside")
      archive.add("d/e/l/sub/x", RawArchive.file, "x")
    },
    HostileArchive("a file through a symlink to here", .refused(#""l" is needed as a directory"#)) { archive in
      archive.add("l", RawArchive.symlink, ".")
      archive.add("l/x", RawArchive.file, "x")
    },
    HostileArchive("a file through symlinks in a circle", .refused(#""a" is needed as a directory"#)) { archive in
      archive.add("a", RawArchive.symlink, "b")
      archive.add("b", RawArchive.symlink, "a")
      archive.add("a/x", RawArchive.file, "x")
    },
    HostileArchive("a directory that becomes a symlink", .refused(#""d" is needed as a directory"#)) { archive in
      archive.add("d", RawArchive.directory)
      archive.add("d", RawArchive.symlink, "../outside")
      archive.add("d/x", RawArchive.file, "x")
    },
    HostileArchive(
      "a directory that becomes a symlink after it was used", .refused(#"cannot replace the directory "d""#)
    ) { archive in
      archive.add("d", RawArchive.directory)
      archive.add("d/x", RawArchive.file, "x")
      archive.add("d", RawArchive.symlink, "../outside")
      archive.add("d/y", RawArchive.file, "y")
    },
    HostileArchive("a file over a symlink", .unpacked("test ! -h f; test \"$(cat f)\" = new")) { archive in
      archive.add("f", RawArchive.symlink, "../outside/file")
      archive.add("f", RawArchive.file, "new")
    },
    HostileArchive("a directory over a symlink", .unpacked("test ! -h d; test -f d/x")) { archive in
      archive.add("d", RawArchive.symlink, "../outside")
      archive.add("d", RawArchive.directory, mode: 0o777)
      archive.add("d/x")
    },
    HostileArchive("a symlink to nothing", .refused(#""l" is a symlink to nothing"#)) {
      $0.add("l", RawArchive.symlink)
    },
    HostileArchive("a symlink to 4096 bytes", .refused(#""l" is a symlink to a path of more than 4095 bytes"#)) {
      $0.add("l", RawArchive.symlink, String(repeating: "t", count: 4096))
    },
    HostileArchive("a symlink to two megabytes", .refused("damaged")) {
      $0.add("l", RawArchive.symlink, String(repeating: "t", count: 2 << 20))
    },
  ]

  // MARK: Hard links

  static let hardLinks = [
    HostileArchive("a hard link to a symlink that leads outside", .unpacked("test ! -s b; test ! -h b")) { archive in
      archive.add("a", RawArchive.symlink, "../outside/file", inode: 7, links: 2)
      archive.add("b", inode: 7, links: 2)
    },
    HostileArchive(
      "data through a hard link to a file that became a symlink",
      .refused(#""b" is another name of "a", which the archive has replaced"#)
    ) { archive in
      archive.add("a", inode: 7, links: 2)
      archive.add("a", RawArchive.symlink, "../outside/file", inode: 8)
      archive.add("b", RawArchive.file, "x", inode: 7, links: 2)
    },
    HostileArchive(
      "data through a hard link to a file that another replaced",
      .refused(#""b" is another name of "a", which the archive has replaced"#)
    ) { archive in
      archive.add("a", inode: 7, links: 2)
      archive.add("a", RawArchive.file, "another", inode: 8)
      archive.add("b", RawArchive.file, "x", inode: 7, links: 2)
    },
    HostileArchive("a hard link whose other names are missing", .unpacked("test -f a; test ! -s a")) {
      $0.add("a", inode: 7, links: 3)
    },
    HostileArchive(
      "names of one file with different data: the last counts",
      .unpacked("test \"$(cat a b c)\" = twotwotwo; test a -ef b; test b -ef c")
    ) { archive in
      archive.add("a", RawArchive.file, "one and more", mode: 0o400, inode: 7, links: 3)
      archive.add("b", RawArchive.file, "two", mode: 0o400, inode: 7, links: 3)
      archive.add("c", inode: 7, links: 3)
    },
    HostileArchive("one name of a file twice", .unpacked("test \"$(cat a)\" = data; test a -ef b")) { archive in
      archive.add("a", inode: 7, links: 2)
      archive.add("a", inode: 7, links: 2)
      archive.add("b", inode: 7, links: 2)
      archive.add("b", RawArchive.file, "data", inode: 7, links: 2)
    },
    HostileArchive("a link count of four billion", .unpacked("test a -ef b; test -c d || test ! -e d")) { archive in
      archive.add("a", inode: 7, links: .max)
      archive.add("b", inode: 7, links: .max)
      archive.add("d", RawArchive.characters, inode: 7, links: .max)
    },
    HostileArchive("a hard link over a directory with files", .refused(#"cannot replace the directory "d""#)) {
      archive in
      archive.add("a", inode: 7, links: 2)
      archive.add("d/x")
      archive.add("d", RawArchive.file, "x", inode: 7, links: 2)
    },
  ]
}
