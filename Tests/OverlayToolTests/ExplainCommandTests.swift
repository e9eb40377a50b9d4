import Foundation
import JSONDocument
import Testing

@Suite struct ExplainCommandTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p base/etc base/usr/bin base/usr/share/doc/a base/opt
      printf 12345 >base/etc/motd; printf issue >base/etc/issue; printf x >base/usr/share/doc/a/b
      printf base >base/usr/bin/tool; ln -s usr/bin base/bin; chmod 700 base/opt
      mksquashfs base base.img -quiet -no-progress -all-root
      """#)
  }

  /// Builds an overlay of a recipe, as `x.cpio` with its notes.
  private func build() throws {
    try scratch.write("recipe", to: "motd")
    try scratch.write(
      """
      files:
        - source: motd
          target: /etc/motd
        - content: a tool
          target: /bin/tool
          mode: 755
        - content: only here
          target: /usr/bin/twoll
      remove:
        - /etc/issue
        - /usr/share/doc
        - /usr/bin/twoll
      """, to: "a.yaml")
    try scratch.write(
      """
      from: [a.yaml]
      files:
        - content: newer
          target: /etc/motd
      links:
        /usr/bin/link: tool
      """, to: "b.yaml")
    try scratch.shell(
      #"""
      "$tool" build b.yaml -o x.cpio --base base.img --agent /bin/busybox --force --cache cache 2>build.log ||
        { cat build.log >&2; exit 1; }
      """#)
  }

  @Test func `It tells what a build has noted`() throws {
    try build()
    let run = try scratch.tool(
      "explain", "x.cpio", "/", "/etc/motd", "etc/issue", "/bin/tool", "usr/share/doc", "etc/rc.local", "--base",
      "base.img")
    #expect(run.status == 0 && run.errors == "", "\(run.errors)")
    // Of the line of an entry the mode and the path.
    let lines = run.lines.map { $0.hasPrefix(" ") || $0.count < 54 ? $0 : "\($0.prefix(10)) \($0.dropFirst(54))" }
    #expect(
      lines == [
        "drwxr-xr-x .", "  from  the build itself, before the recipe's first step", "  hides  nothing",
        "-rw-r--r-- etc/motd", "  from  b.yaml:3, files: content", "  before that  a.yaml:2, files: motd",
        "  hides  the base image's file of 5 bytes, mode 0644",
        "c--------- etc/issue (whiteout)", "  removed by  a.yaml:10, remove",
        "  removes  the base image's file of 5 bytes, mode 0644",
        "bin/tool is reached through the symlink bin", "-rwxr-xr-x usr/bin/tool", "  from  a.yaml:4, files: content",
        "  hides  the base image's file of 4 bytes, mode 0644",
        "c--------- usr/share/doc (whiteout)", "  removed by  a.yaml:11, remove",
        "  removes  the base image's directory with 2 entries, mode 0755",
        "-rwxr-xr-x etc/rc.local", "  from  required file, from rc.local", "  hides  nothing",
      ], "\(run.output)")
  }

  @Test func `It says what is there instead of what is missing, and explains the rest`() throws {
    try build()
    let cases: [(path: String, words: [String])] = [
      ("usr/bin/twoll", ["no usr/bin/twoll", "a step of the build took it away: a.yaml:12, remove\n"]),
      ("usr/share/doc/a/b", ["usr/share/doc is a whiteout, which removes it"]),
      ("usr/bin/tol", ["x.cpio has no usr/bin/tol", "Did you mean usr/bin/tool?"]),
      ("lib/link", ["Did you mean usr/bin/link?"]), ("etc/motd/x", ["etc/motd is no directory"]),
      ("/../etc", ["\"/../etc\" leads out of the overlay"]),
      ("", ["\"\" is no path on the node: write one as /etc/hosts"]),
    ]
    for (path, words) in cases {
      let run = try scratch.tool("explain", "x.cpio", path, "--base", "base.img")
      #expect(run.status == 2 && run.output == "")
      for word in words { #expect(run.errors.contains(word), "\(run.errors)") }
    }
    let both = try scratch.tool("explain", "x.cpio", "nothing", "usr/bin/link", "--base", "base.img")
    #expect(both.status == 2 && both.output.contains("b.yaml:6, links: tool") && both.errors.contains("no nothing"))
    try scratch.shell(
      #"""
      mkdir -p t d/opt/dir; ln -s loop t/loop; : >d/opt/dir/file
      "$tool" pack t -o y.cpio --no-required
      cd d; echo opt/dir/file | cpio --quiet -H newc -o >../z.cpio
      """#)
    let circle = try scratch.tool("explain", "y.cpio", "loop/x", "--base", "base.img")
    #expect(circle.errors.contains("y.cpio has no loop/x: symlinks on the way lead in a circle"), "\(circle.errors)")
    let directory = try scratch.tool("explain", "z.cpio", "opt")
    #expect(directory.status == 2)
    #expect(directory.errors.contains("z.cpio has no entry for the directory opt, only 1 in it"), "\(directory.errors)")
    let base = try scratch.tool("explain", "y.cpio", "bin/tool", "--base", "base.img")
    #expect(base.errors.contains("nodes see the base image's usr/bin/tool, a file of 4 bytes, mode 0644"))
    let unknown = try scratch.tool("explain", "y.cpio", "etc/motd")
    #expect(unknown.errors.contains("--base IMAGE tells whether the base image has it"))
  }

  @Test func `A build in another directory, called from another one, writes the same`() throws {
    try build()
    try scratch.shell(
      #"""
      mkdir -p other/place; cp a.yaml b.yaml b.lock motd other/place
      "$tool" build other/place/b.yaml -o other/x.cpio --base base.img --agent /bin/busybox --force --cache cache2 \
        --locked 2>build.log || { cat build.log >&2; exit 1; }
      for name in x.cpio x.cpio.origins.json x.cpio.spdx.json; do cmp "$name" "other/$name"; done
      """#)
  }

  @Test func `Beside the archive stands a bill of materials that names it`() throws {
    try build()
    let document = try JSON(parsing: scratch.text(of: "x.cpio.spdx.json"))
    let packages = document["packages"]?.arrayValue ?? []
    #expect(packages.first?["checksums"]?.arrayValue?.first?["checksumValue"] == .string(try scratch.sha256("x.cpio")))
    #expect(packages.contains { $0["name"] == "base.img" } && packages.contains { $0["name"] == "etc/rc.local" })
  }

  @Test func `It prints JSON`() throws {
    try build()
    let run = try scratch.tool(
      "explain", "x.cpio", "bin/tool", "etc/motd", "usr/share/doc", "--json", "--base", "base.img")
    let list = try #require(try JSON(parsing: run.output).arrayValue)
    try #require(list.count == 3)
    #expect(list[0]["asked"] == "bin/tool" && list[0]["entry"]?["path"] == "usr/bin/tool")
    #expect(list[0]["from"] == ["recipe": "a.yaml", "line": 4, "key": "files", "detail": "content"])
    #expect(list[0]["replaced"] == [] && list[0]["hides"] == ["type": "file", "size": 4, "mode": "0644"])
    #expect(list[1]["replaced"]?.arrayValue?.first?["line"] == 2 && list[1]["asked"] == nil)
    #expect(list[1]["entry"]?["sha256"]?.stringValue?.count == 64)
    #expect(list[2]["hides"] == ["type": "directory", "entries": 2, "mode": "0755"])
  }

  /// An overlay without notes, with a package that dpkg has in its lists.
  private func pack() throws {
    try scratch.shell(
      #"""
      umask 022
      mkdir -p tree/var/lib/dpkg/info tree/usr/lib tree/usr/bin tree/opt tree/etc
      printf 'Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.3\n\n' \
        >tree/var/lib/dpkg/status
      printf '/.\n/usr\n/usr/bin\n/usr/bin/tool\n/lib\n/lib/old.so\n' >tree/var/lib/dpkg/info/tool.list
      printf '/.\n/usr\n/usr/bin\n' >tree/var/lib/dpkg/info/other:amd64.list
      : >tree/var/lib/dpkg/info/tool.md5sums
      printf 'usr/share/misc c 0 0 0 0 0\n' >manifest; echo /usr/share/misc >>tree/var/lib/dpkg/info/tool.list
      printf tool >tree/usr/bin/tool; printf so >tree/usr/lib/old.so; printf own >tree/opt/own
      printf '#!/bin/sh\n' >tree/etc/rc.local
      "$tool" pack tree -o x.cpio --agent /bin/busybox --manifest manifest
      """#)
  }

  @Test func `Without notes, the archive itself tells what it can`() throws {
    try pack()
    let run = try scratch.tool(
      "explain", "x.cpio", "usr/bin/tool", "usr/lib/old.so", "var/lib/dpkg/info/tool.md5sums", "usr/bin", "opt/own",
      "etc/rc.local", "etc/systemd/system/monorail-agent.service", "opt/monorail/monorail-agent", "usr/share/misc")
    #expect(run.status == 0)
    #expect(
      run.errors
        == "monorail-overlay: warning: there is no x.cpio.origins.json, which \"build\" writes, so that origins are"
        + " told from the archive alone\n")
    let package = "from  package tool 1:2.3, by dpkg's lists in the overlay"
    let unknown = "from  not known: nothing in the overlay tells it"
    let sources = run.lines.filter { $0.hasPrefix("  from") }.map { $0.trimmingCharacters(in: .whitespaces) }
    try #require(sources.count == 8)
    #expect(sources.prefix(5) == [package, package, package, unknown, unknown])
    #expect(sources[5].hasPrefix("from  not known; it has the place of a required file, but is another one than "))
    #expect(sources[6].hasPrefix("from  required file, the same as "))
    #expect(sources[7].hasPrefix("from  "))
    #expect(run.output.contains("(whiteout)\n  removed by  not known: nothing in the overlay tells it\n"))
    #expect(run.lines.filter { $0.hasPrefix("  hides") }.allSatisfy { $0 == "  hides  not known without --base IMAGE" })
    let based = try scratch.tool("explain", "x.cpio", "usr/bin/tool", "opt", "--base", "base.img")
    #expect(based.output.contains("hides  the base image's file of 4 bytes, mode 0644"))
    #expect(based.output.contains("changes  the base image's directory, which has the mode 0700"))
  }

  @Test func `Notes of a package name its version and the recipe's line`() throws {
    try pack()
    try scratch.shell(
      #"""
      cat >x.cpio.origins.json <<END
      {"format": 1, "archive": {"name": "x.cpio", "sha256": "$(sha256sum x.cpio | cut -c-64)"}, "recipe": "a.yaml",
       "base": {"name": "b", "sha256": "00"}, "hides": [],
       "origins": [{"recipe": "a.yaml", "line": 3, "package": "tool", "version": "1:2.3"}, {"required": "overlay-skel"}],
       "entries": [{"from": [1, 0], "paths": ["usr/bin/tool"]}]}
      END
      """#)
    let run = try scratch.tool("explain", "x.cpio", "usr/bin/tool")
    #expect(run.errors == "")
    #expect(
      run.lines.dropFirst() == [
        "  from  package tool 1:2.3, for a.yaml:3", "  before that  required file, from overlay-skel",
        "  hides  nothing",
      ])
  }

  @Test(arguments: [
    ("printf '{'", "not valid JSON"), ("printf '{\"format\": 9}'", "this program knows only 1"),
    ("cat other", "is about another archive than x.cpio"),
    ("sed 's/\"from\":\\[0/\"from\":[77/' other", "there is no origin 77"),
    ("head -c 30000 /dev/zero | tr '\\0' '['", "nesting too deep"),
    ("sed 's/\"origins\":\\[.*\\],\"entries\"/\"origins\":7,\"entries\"/' other", "origins: it is no list"),
  ])
  func `Notes that are damaged or foreign are a warning, and the archive is explained all the same`(
    _ script: String, _ reason: String
  ) throws {
    try build()
    try scratch.shell("mv x.cpio.origins.json other; rm x.cpio")
    try pack()
    try scratch.shell("{ \(script); } >x.cpio.origins.json")
    let run = try scratch.tool("explain", "x.cpio", "usr/bin/tool")
    #expect(run.status == 0 && run.output.contains("from  package tool 1:2.3"))
    #expect(run.errors.hasPrefix("monorail-overlay: warning: x.cpio.origins.json"), "\(run.errors)")
    #expect(run.errors.contains(reason) && run.errors.filter { $0 == "\n" }.count == 1, "\(run.errors)")
  }

  @Test func `A FIFO in the place of the notes holds nobody up`() throws {
    try pack()
    try scratch.shell("mkfifo x.cpio.origins.json")
    let run = try scratch.tool("explain", "x.cpio", "usr/bin/tool")
    #expect(run.status == 0 && run.errors.contains("not a file"))
  }

  @Test func `Control characters of names and notes do not reach the terminal`() throws {
    try scratch.shell(
      #"""
      mkdir tree; : >"tree/$(printf 'a\033b')"; "$tool" pack tree -o x.cpio --no-required
      cat >x.cpio.origins.json <<END
      {"format": 1, "archive": {"name": "x.cpio", "sha256": "$(sha256sum x.cpio | cut -c-64)"}, "recipe": "a.yaml",
       "base": {"name": "b", "sha256": "00"}, "hides": [{"path": "a\\u001bb", "type": "symlink", "target": "\\u001b", "mode": "777"}],
       "origins": [{"recipe": "\\u001b[2J", "line": 3, "key": "\\u001b", "detail": "\\n\\u009b"}],
       "entries": [{"from": [0], "paths": ["a\\u001bb"]}]}
      END
      """#)
    let run = try scratch.tool("explain", "x.cpio", "a\u{1B}b")
    #expect(run.status == 0 && run.errors == "")
    #expect(
      run.lines.dropFirst() == [
        "  from  \\033[2J:3, \\033: \\012\\302\\233", "  hides  the base image's symlink to \\033",
      ])
  }
}
