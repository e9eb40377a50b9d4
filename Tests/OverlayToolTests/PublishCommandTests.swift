import Foundation
import JSONDocument
import Testing

@Suite struct PublishCommandTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p tree root new
      "$tool" pack tree --agent /bin/busybox -o x.overlay.cpio --compression none
      echo changed >tree/file
      "$tool" pack tree --agent /bin/busybox -o new/x.overlay.cpio --compression none
      "$tool" pack tree --no-required -o bad.overlay.cpio.gz
      """#)
  }

  private var archive: String { scratch.path + "/root/common/x.overlay.cpio" }

  private func digest(of name: String) throws -> String {
    try String(
      ToolRun([name], in: scratch.path, program: "/usr/bin/sha256sum").output.prefix { $0 != " " })
  }

  private func names(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/\(directory)")) ?? []).sorted()
  }

  @Test func publishesWithADigestAndSaysWhatToGiveToNodes() throws {
    try scratch.shell(
      #"umask 077; "$tool" publish x.overlay.cpio --root root --no-base --server 10.1.1.1:8080 >said"#)
    let digest = try digest(of: "x.overlay.cpio")
    let said = try String(contentsOfFile: scratch.path + "/said", encoding: .utf8).split(separator: "\n").map(
      String.init)
    #expect(
      said.first?.hasSuffix(
        "/root/common/x.overlay.cpio (\(try Data(contentsOf: URL(filePath: archive)).count) bytes) is new") == true)
    #expect(
      said.dropFirst() == [
        "Kernel's command line:",
        "OVERLAYFS=http://10.1.1.1:8080/common/x.overlay.cpio",
        "OVERLAYFS_SHA256=\(digest)",
        "Options of the bootstrap task in a RackHD workflow:",
        "\"overlayfsFile\": \"x.overlay.cpio\",",
        "\"kargs\": {\"OVERLAYFS_SHA256\": \"\(digest)\"}",
      ])
    #expect(names(in: "root/common") == ["x.overlay.cpio", "x.overlay.cpio.sha256"])
    try scratch.shell(
      """
      cmp x.overlay.cpio root/common/x.overlay.cpio
      cd root/common && sha256sum -c --strict --quiet x.overlay.cpio.sha256
      test "$(stat -c %a . x.overlay.cpio x.overlay.cpio.sha256 | tr '\\n' ' ')" = "755 644 644 "
      """)
  }

  @Test func theDefaultServerIsNamedAsSuch() throws {
    let run = try scratch.tool("publish", "x.overlay.cpio", "--root", "root")
    #expect(run.output.contains("OVERLAYFS=http://172.31.128.1:9080/common/x.overlay.cpio\n"))
    #expect(
      run.output.contains("(172.31.128.1:9080 is where RackHD listens by default; --server says where yours does.)"))
    #expect(run.errors.hasPrefix("monorail-overlay: warning: no base image was given") && run.status == 0)
  }

  @Test func errorsKeepAnOverlayFromBeingPublished() throws {
    let run = try scratch.tool("publish", "bad.overlay.cpio.gz", "--root", "root", "--no-base")
    #expect(run.status == 1 && run.output.isEmpty)
    #expect(run.errors.contains("error: etc/rc.local: is missing"))
    #expect(
      run.errors.hasSuffix(
        "is not published: correct the errors, accept single ones with --ignore, or all with --force\n"))
    #expect(names(in: "root") == [])
    let forced = try scratch.tool("publish", "bad.overlay.cpio.gz", "--root", "root", "--no-base", "--force")
    #expect(forced.status == 0 && forced.errors.contains("error: etc/rc.local: is missing"))
    #expect(names(in: "root/common") == ["bad.overlay.cpio.gz", "bad.overlay.cpio.gz.sha256"])
  }

  @Test func singleErrorsCanBeAccepted() throws {
    let run = try scratch.tool(
      "publish", "bad.overlay.cpio.gz", "--root", "root", "--no-base", "--ignore", "etc/rc.local:start", "--ignore",
      "opt/monorail/monorail-agent:agent")
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(names(in: "root/common").count == 2)
  }

  @Test func anOverlayThatNothingStartsTheAgentOfIsNotPublished() throws {
    try scratch.shell(
      #"""
      mkdir -p base/etc base/bin base/sbin base/etc/rc2.d stock
      printf '#!/bin/sh -e\nexit 0\n' >base/etc/rc.local; chmod 755 base/etc/rc.local
      cp /bin/busybox base/bin/sh; : >base/etc/inittab
      cp /bin/busybox base/sbin/init; cp /bin/busybox base/etc/rc2.d/S05rc.local
      mksquashfs base base.img -quiet -no-progress
      "$tool" pack stock --agent /bin/busybox -o stock.overlay.cpio.gz
      "$tool" unpack stock.overlay.cpio.gz without && rm without/etc/rc.local
      "$tool" pack without --no-required -o without.overlay.cpio.gz
      """#)
    let run = try scratch.tool("publish", "without.overlay.cpio.gz", "--root", "root", "--base", "base.img")
    #expect(run.status == 1 && names(in: "root") == [])
    #expect(
      run.errors.contains("error: etc/rc.local: is not in the overlay, and the base's own does not start the agent"))
    let whole = try scratch.tool("publish", "stock.overlay.cpio.gz", "--root", "root", "--base", "base.img")
    #expect(whole.status == 0, "\(whole.errors)")
  }

  @Test func replacesAndSaysWhat() throws {
    _ = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--no-base")
    let again = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--no-base")
    #expect(again.lines.first?.hasSuffix(" was published already, the same") == true)
    let new = try scratch.tool("publish", "new/x.overlay.cpio", "--root", "root", "--no-base", "--json")
    let document = try JSON(parsing: new.output)
    #expect(document["published"] == true && document["unchanged"] == false)
    #expect(document["replaced"]?["sha256"]?.stringValue == (try digest(of: "x.overlay.cpio")))
    #expect(document["sha256"]?.stringValue == (try digest(of: archive)))
    #expect(document["OVERLAYFS_SHA256"] == document["sha256"])
    #expect(document["options"]?["overlayfsFile"] == "x.overlay.cpio")
    #expect(document["options"]?["kargs"]?["OVERLAYFS_SHA256"] == document["sha256"])
    #expect(document["verification"]?["errors"] == 0)
    try scratch.shell(
      "cmp new/x.overlay.cpio root/common/x.overlay.cpio; cd root/common; sha256sum -c --quiet *.sha256")
  }

  @Test func whatLiesThereAlreadyGetsItsDigest() throws {
    try scratch.shell(
      """
      mkdir root/common
      cp x.overlay.cpio root/common/
      echo wrong >root/common/x.overlay.cpio.sha256
      ls -i root/common/x.overlay.cpio >before
      "$tool" publish root/common/x.overlay.cpio --root root --no-base
      ls -i root/common/x.overlay.cpio | cmp - before
      cd root/common; sha256sum -c --quiet *.sha256
      """)
  }

  @Test func refusedWithJSONSaysSo() throws {
    let run = try scratch.tool("publish", "bad.overlay.cpio.gz", "--root", "root", "--no-base", "--json")
    let document = try JSON(parsing: run.output)
    #expect(run.status == 1 && run.errors.isEmpty)
    #expect(document["published"] == false && document["path"] == nil && document["verification"]?["errors"] == 2)
  }

  @Test func otherDirectories() throws {
    let run = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--dir", "a/b", "--no-base")
    #expect(run.output.contains("OVERLAYFS=http://172.31.128.1:9080/a/b/x.overlay.cpio\n"))
    #expect(run.output.contains("\"overlayfsUri\": \"{{ file.server }}/a/b/x.overlay.cpio\",\n"))
    #expect(names(in: "root/a/b").count == 2)
    let root = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--dir", ".", "--no-base")
    #expect(root.output.contains("OVERLAYFS=http://172.31.128.1:9080/x.overlay.cpio\n"))
  }

  @Test func nothingIsWrittenOutsideOfTheRoot() throws {
    try scratch.shell("mkdir out root/in; ln -s ../out root/away; ln -s in root/within")
    let away = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--dir", "away/x", "--no-base")
    #expect(away.status == 2 && away.errors.hasSuffix("/out, which is outside of \(scratch.path)/root\n"))
    for directory in ["..", "../out", "a/../../out", "/out", ""] {
      let run = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--dir", directory, "--no-base")
      #expect(run.status == 64, "\(directory)")
    }
    #expect(names(in: "out") == [] && names(in: "root") == ["away", "in", "within"])
    #expect(try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--dir", "within", "--no-base").status == 0)
    #expect(names(in: "root/in").count == 2)
  }

  @Test func aLinkUnderTheNameIsReplacedNotFollowed() throws {
    try scratch.shell(
      """
      mkdir root/common; echo precious >precious
      ln -s ../../precious root/common/x.overlay.cpio; ln -s ../../precious root/common/x.overlay.cpio.sha256
      "$tool" publish x.overlay.cpio --root root --no-base
      test "$(cat precious)" = precious
      cmp x.overlay.cpio root/common/x.overlay.cpio; cd root/common; sha256sum -c --quiet *.sha256
      """)
  }

  @Test func failuresInOneLine() throws {
    try scratch.shell("mkdir -p root/common/x.overlay.cpio; cp x.overlay.cpio 'a b.overlay.cpio'; : >root/file")
    for (arguments, reason) in [
      (["x.overlay.cpio", "--root", "none"], "cannot publish to none: there is no such directory; --root names"),
      (
        ["x.overlay.cpio", "--root", "root"], "cannot write \(scratch.path)/root/common/x.overlay.cpio: Is a directory"
      ),
      (
        ["x.overlay.cpio", "--root", "root", "--dir", "file"],
        "cannot publish to \(scratch.path)/root/file: Not a directory"
      ),
      (["none.overlay.cpio", "--root", "root"], "cannot read none.overlay.cpio: No such file or directory (ENOENT)"),
      (["a b.overlay.cpio", "--root", "root"], "cannot publish a b.overlay.cpio: its name cannot stand in a URL"),
      (["new", "--root", "root"], "cannot publish new: it is no regular file"),
      (
        ["x.overlay.cpio", "--root", "root", "--dir", "a,b"],
        "cannot publish to \"a,b\": its name cannot stand in a URL"
      ),
    ] {
      let run = try ToolRun(["publish", "--no-base"] + arguments, in: scratch.path)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.errors.hasPrefix("monorail-overlay: \(reason)"), "\(run.errors)")
      #expect(run.errors.split(separator: "\n").count == 1)
    }
  }

  @Test(arguments: ["", "http://", "a/b", "a b", "a,b", "x\"", "10.1.1.1:9080/common"])
  func wrongServers(_ server: String) throws {
    #expect(try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--server", server).status == 64)
  }

  @Test(arguments: ["h:99999", "h:65536", "h:0", "h:", "h:http", "h:+80", "http://h:99999", "[fd00::1]:x"])
  func wrongPorts(_ server: String) throws {
    let run = try scratch.tool("publish", "x.overlay.cpio", "--root", "root", "--no-base", "--server", server)
    #expect(run.status == 64)
    #expect(
      run.errors.contains("--server \(server): ") && run.errors.contains("is no port; those are the numbers 1 to 65535")
    )
    #expect(names(in: "root") == [])
  }

  @Test(.enabled(if: PublishCommandTests.hasNamespaces)) func aFullDiskLeavesTheOldPair() throws {
    try scratch.shell(
      #"""
      unshare -m sh -euc '
        mount -t tmpfs -o size=3m tmpfs root
        "$tool" publish x.overlay.cpio --root root --no-base >/dev/null
        code=0
        "$tool" publish new/x.overlay.cpio --root root --no-base 2>said || code=$?
        test "$code" = 2
        cmp x.overlay.cpio root/common/x.overlay.cpio
        cd root/common
        sha256sum -c --quiet x.overlay.cpio.sha256
        test "$(ls -A)" = "x.overlay.cpio
      x.overlay.cpio.sha256"'
      """#)
    let said = try String(contentsOfFile: scratch.path + "/said", encoding: .utf8)
    #expect(
      said.hasPrefix(
        "monorail-overlay: cannot write \(archive): No space left on device (ENOSPC)\nthe file system of "), "\(said)")
    #expect(said.contains("; the archive has ") && said.hasSuffix("or name a file on another file system.\n"))
  }

  /// Killed at each call that changes something: readers have a whole archive, and no digest but its own.
  @Test(.enabled(if: PublishCommandTests.canTrace), arguments: ["fsync", "/^unlink", "linkat", "/^rename"])
  func killedInTheMiddle(_ calls: String) throws {
    try scratch.shell(
      #"""
      published() { (cd root/common && sha256sum -c --quiet --strict x.overlay.cpio.sha256); }
      count=1
      while :; do
        "$tool" publish x.overlay.cpio --root root --no-base >/dev/null
        published
        code=0
        strace -f -qq -o trace -e "trace=$calls" -e "inject=$calls:signal=KILL:when=$count" \
          "$tool" publish new/x.overlay.cpio --root root --no-base >/dev/null || code=$?
        [ "$code" != 0 ] || break
        test "$code" = 137
        cmp -s x.overlay.cpio root/common/x.overlay.cpio || cmp new/x.overlay.cpio root/common/x.overlay.cpio
        [ ! -e root/common/x.overlay.cpio.sha256 ] || published
        count=$((count + 1))
      done
      test "$count" -gt 1
      published
      cmp new/x.overlay.cpio root/common/x.overlay.cpio
      """#, environment: ["calls": calls])
  }

  private static let hasNamespaces = succeeds("unshare -m true")
  private static let canTrace = succeeds("strace -qq -o /dev/null true")

  private static func succeeds(_ command: String) -> Bool {
    (try? ToolRun(["-c", command], in: NSTemporaryDirectory(), program: "/bin/sh").status) == 0
  }
}
