import Foundation
import Testing

/// However a workspace ends, nothing is left of it, and the overlay is the old one or the new one.
@Suite(.enabled(if: ShellStage.isPossible, "needs root and loop devices"))
struct ShellEndTests {
  /// A command with a child in the background that ignores all signals but SIGKILL.
  private func busy(_ stage: ShellStage) -> String {
    "echo x >/x; (trap '' TERM HUP INT; exec setsid sh -c 'while :; do sleep 1; done' '\(stage.path("daemon"))') & echo ready; "
  }

  @Test(arguments: ["unpacking", "mounted", "packing", "packed"], [[], ["--work-dir", "work"]])
  func killedAtAPoint(_ point: String, _ options: [String]) async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir work")
    let (before, files) = (try stage.contents("x.overlay.cpio.gz"), stage.files)
    let process = try stage.start(
      busy(stage) + "true", options: options, environment: ["MONORAIL_OVERLAY_STOP_AT": point])
    try await process.waitUntilStopped()
    process.signal(SIGKILL)
    #expect(try await process.wait().code == 137)
    try await stage.expectNothingLeft()
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    #expect(stage.files == files)
    // The next run removes what the killed one left on the disk.
    #expect(try await stage.shell("true", options: ["--work-dir", "work"]).code == 0)
    #expect(try await stage.host("ls -A work") == "")
  }

  @Test(arguments: [[], ["--work-dir", "work"]])
  func killedWhileTheCommandRuns(_ options: [String]) async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir work")
    let (before, files) = (try stage.contents("x.overlay.cpio.gz"), stage.files)
    let process = try stage.start(busy(stage) + "wait", options: options)
    try await process.waitForOutput("ready")
    process.signal(SIGKILL)
    #expect(try await process.wait().code == 137)
    try await stage.expectNothingLeft()
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    #expect(stage.files == files)
  }

  @Test func killedBeforeADirectoryIsReplaced() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir d; echo a >d/a")
    let process = try stage.start("echo b >/b", on: "d", environment: ["MONORAIL_OVERLAY_STOP_AT": "exchanging"])
    try await process.waitUntilStopped()
    process.signal(SIGKILL)
    #expect(try await process.wait().code == 137)
    try await stage.expectNothingLeft()
    #expect(try await stage.host("ls d") == "a\n")
    #expect(stage.files.filter { $0.hasPrefix(".d.shell-") }.count == 1)
    #expect(try await stage.shell("echo c >/c", on: "d").code == 0)
    #expect(try await stage.host("ls d") == "a\nc\n")
    #expect(stage.files == ["base.img", "d", "x.overlay.cpio.gz"])
  }

  @Test func theWorkspacesFirstProcessIsKilled() async throws {
    let stage = try await ShellStage()
    let before = try stage.contents("x.overlay.cpio.gz")
    let process = try stage.start(busy(stage) + "wait")
    try await process.waitForOutput("ready")
    let first = try #require(process.children.first)
    kill(first, SIGKILL)
    let result = try await process.wait()
    #expect(result.code == 125)
    #expect(result.errors.contains("first process of the workspace was ended by SIGKILL"))
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    try await stage.expectNothingLeft()
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT], [[], ["--work-dir", "work"]])
  func aSignalEndsEverything(_ signal: Int32, _ options: [String]) async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir work")
    let before = try stage.contents("x.overlay.cpio.gz")
    let process = try stage.start("trap '' INT TERM HUP QUIT; " + busy(stage) + "wait", options: options)
    try await process.waitForOutput("ready")
    process.signal(signal)
    let result = try await process.wait()
    #expect(result.code == 128 + signal)
    #expect(result.errors.contains("ended by SIG") && result.errors.contains("is unchanged"))
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    #expect(try await stage.host("ls -A work") == "")
    try await stage.expectNothingLeft()
  }

  @Test(arguments: ["unpacking", "packing", "packed"])
  func aSignalEndsWorkOnTheArchive(_ point: String) async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir work")
    let (before, files) = (try stage.contents("x.overlay.cpio.gz"), stage.files)
    let process = try stage.start(
      "echo x >/x", options: ["--work-dir", "work"], environment: ["MONORAIL_OVERLAY_STOP_AT": point])
    try await process.waitUntilStopped()
    process.signal(SIGTERM)
    process.signal(SIGCONT)
    let result = try await process.wait()
    // On a busy machine the program may have started the command before it takes the signal; then it says what became of FILE.
    let said = ["", ": x.overlay.cpio.gz is unchanged"].map { "monorail-overlay: ended by SIGTERM\($0)\n" }
    #expect(result.code == 128 + SIGTERM && said.contains(result.errors), "\(result.errors)")
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    #expect(stage.files == files)
    #expect(try await stage.host("ls -A work") == "")
    try await stage.expectNothingLeft()
  }

  @Test func aSignalBeforeADirectoryIsReplacedEndsIt() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir d; echo a >d/a")
    let process = try stage.start("echo b >/b", on: "d", environment: ["MONORAIL_OVERLAY_STOP_AT": "exchanging"])
    try await process.waitUntilStopped()
    process.signal(SIGTERM)
    process.signal(SIGCONT)
    #expect(try await process.wait().code == 128 + SIGTERM)
    #expect(try await stage.host("ls d") == "a\n")
    #expect(stage.files == ["base.img", "d", "x.overlay.cpio.gz"])
    try await stage.expectNothingLeft()
  }

  /// Its exit code tells whether the archive has changed.
  @Test func aSignalThatComesTooLateChangesNothing() async throws {
    let stage = try await ShellStage()
    let process = try stage.start("echo x >/x", environment: ["MONORAIL_OVERLAY_STOP_AT": "replacing"])
    try await process.waitUntilStopped()
    process.signal(SIGTERM)
    process.signal(SIGCONT)
    let result = try await process.wait()
    #expect(result.code == 0 && result.errors == "")
    #expect(try await stage.names() == [".", "etc", "etc/own", "x"])
    try await stage.expectNothingLeft()
  }

  @Test func whatCannotBeWrittenInTheEndIsSaidAtOnce() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir fixed; cp x.overlay.cpio.gz fixed")
    let command = stage.arguments("echo ran", on: "fixed/x.overlay.cpio.gz").map { "'\($0)'" }.joined(separator: " ")
    let script = "mount --bind fixed fixed && mount -o remount,bind,ro fixed && exec \(command)"
    let result = try await ToolProcess(["unshare", "--mount", "sh", "-c", script], in: stage.directory).wait()
    #expect(result.code == 125 && result.output == "")
    #expect(result.errors.contains("cannot write into") && result.errors.contains("EROFS"))
    #expect(try await stage.shell("echo ran", options: ["--level", "6"]).code == 64)
    #expect(try await stage.shell("echo ran", options: ["-o", "fixed"]).code == 125)
  }

  @Test func onlyOneMayChangeAnOverlay() async throws {
    let stage = try await ShellStage()
    let gate = try Gate(stage.path("gate"))
    let first = try stage.start("echo ready; read -r line </gate; echo x >/x", options: ["--bind", "gate:/gate"])
    try await first.waitForOutput("ready")
    let second = try await stage.shell("echo ran")
    #expect(second.code == 125 && second.output == "" && second.errors.contains("is being changed by another"))
    gate.open()
    #expect(try await first.wait().code == 0)
    #expect(try await stage.shell("cat /x").output == "x\n")
  }

  @Test func aWorkDirectoryMayBeShared() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir work; cp x.overlay.cpio.gz y.overlay.cpio.gz")
    let gate = try Gate(stage.path("gate"))
    let options = ["--work-dir", "work"]
    let first = try stage.start(
      "echo ready; read -r line </gate; echo x >/x", options: options + ["--bind", "gate:/gate"])
    try await first.waitForOutput("ready")
    #expect(try await stage.shell("echo y >/y", options: options, on: "y.overlay.cpio.gz").code == 0)
    gate.open()
    #expect(try await first.wait().code == 0)
    #expect(try await stage.names().contains("x"))
    #expect(try await stage.names(in: "y.overlay.cpio.gz").contains("y"))
    #expect(try await stage.host("ls -A work") == "")
  }

  @Test func memoryThatIsFullIsNamed() async throws {
    let stage = try await ShellStage()
    let before = try stage.contents("x.overlay.cpio.gz")
    let result = try await stage.shell("dd if=/dev/zero of=/fill bs=64k", options: ["--memory", "2M"])
    #expect(result.code == 1)
    #expect(result.errors.contains("memory (2 MiB) was full: give --work-dir DIR"))
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    try await stage.host("mkdir work")
    let onDisk = try await stage.shell(
      "dd if=/dev/zero of=/fill bs=64k count=64 2>/dev/null", options: ["--memory", "2M", "--work-dir", "work"])
    #expect(onDisk.code == 0, "\(onDisk.errors)")
    #expect(try await stage.names().contains("fill"))
  }

  @Test(arguments: ["x.overlay.cpio.gz", "big"])
  func memoryThatTheOverlayDoesNotFitIntoIsNamed(overlay: String) async throws {
    let stage = try await ShellStage(overlay: "head -c 4000000 /dev/urandom >noise")
    try await stage.tool("unpack", stage.overlay, stage.path("big"))
    let before = try await stage.host("sha256sum x.overlay.cpio.gz big/noise")
    let result = try await stage.shell(":", options: ["--memory", "2M"], on: overlay)
    #expect(result.code == 125)
    #expect(result.errors.contains("No space left on device (ENOSPC)\n"))
    #expect(
      result.errors.hasSuffix(
        "the workspace's memory (2 MiB) was full: give --work-dir DIR on a disk, or more with --memory\n"))
    #expect(try await stage.host("sha256sum x.overlay.cpio.gz big/noise") == before)
    try await stage.host("mkdir work")
    let onDisk = try await stage.shell(":", options: ["--memory", "2M", "--work-dir", "work"], on: overlay)
    #expect(onDisk.code == 0, "\(onDisk.errors)")
  }

  @Test func memoryWithoutRoomForTheWorkspaceItselfIsNamed() async throws {
    let stage = try await ShellStage()
    let result = try await stage.shell(":", options: ["--memory", "4K"])
    #expect(result.code == 125)
    #expect(
      result.errors.contains("\nthe workspace's memory (4 KiB) was full: give --work-dir DIR"), "\(result.errors)")
  }

  /// A directory's result is made in the workspace, too.
  @Test func memoryThatTheResultDoesNotFitIntoIsNamed() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir d; echo x >d/x")
    let result = try await stage.shell(
      "dd if=/dev/urandom of=/fill bs=64k count=20 2>/dev/null", options: ["--memory", "2M"], on: "d")
    #expect(result.code == 125)
    #expect(
      result.errors.hasSuffix(
        "the workspace's memory (2 MiB) was full: give --work-dir DIR on a disk, or more with --memory\n"))
    #expect(try await stage.host("ls -A d") == "x\n")
  }

  @Test func whatAnArchiveCannotHoldIsRefused() async throws {
    let stage = try await ShellStage()
    let before = try stage.contents("x.overlay.cpio.gz")
    for (options, code, words) in [
      ([], Int32(125), "monorail-overlay: /tool has the attribute trusted.test, which"),
      (["--drop-xattrs"], 0, "warning: /tool loses the attribute trusted.test\n"),
    ] {
      let gate = try Gate(stage.path("gate"))
      let process = try stage.start(
        "echo x >/tool; echo ready; read -r line </gate", options: ["--bind", "gate:/gate"] + options)
      try await process.waitForOutput("ready")
      let first = try #require(process.children.first)
      try await stage.host("setfattr -n trusted.test -v 1 /proc/\(first)/root/tool")
      gate.open()
      let result = try await process.wait()
      #expect(result.code == code)
      #expect(result.errors.contains(words), "\(result.errors)")
      if code != 0 { #expect(try stage.contents("x.overlay.cpio.gz") == before) }
    }
    #expect(try await stage.names().contains("tool"))
  }

  @Test func whoIsNotRootIsTold() async throws {
    let stage = try await ShellStage()
    try await stage.host("chmod 755 . && cp '\(ShellStage.program)' tool && chmod 755 tool")
    let command = ["setpriv", "--reuid", "65534", "--clear-groups", stage.path("tool")]
    let result = try await ToolProcess(
      command + stage.arguments("echo ran").dropFirst(), in: stage.directory
    ).wait()
    #expect(result.code == 125 && result.output == "")
    #expect(result.errors.contains("only root may do") && result.errors.contains("sudo"))
  }

  @Test(arguments: [
    ("x.overlay.cpio.gz", "x.overlay.cpio.gz", "is no squashfs image"), ("none.img", "x.overlay.cpio.gz", "none.img"),
    ("cut.img", "x.overlay.cpio.gz", "cannot mount the base image"), ("base.img", "base.img", "it is a squashfs image"),
    ("base.img", "text", "text is no overlay archive: it is text"), ("text", "x.overlay.cpio.gz", "it is text"),
    ("fifo", "x.overlay.cpio.gz", "neither a file nor a block device"),
    ("base.img", "/dev/null", "neither an archive nor a directory"),
    ("base.img", "no/such.gz", "there is no directory no; \"mkdir -p no\" makes it"),
  ])
  func whatCannotBeUsedIsNamed(_ base: String, _ overlay: String, _ words: String) async throws {
    let stage = try await ShellStage()
    try await stage.host(
      "head -c 64 base.img >cut.img; head -c 8128 /dev/zero >>cut.img; echo words >text; mkfifo fifo")
    let files = stage.files
    let result = try await ToolProcess(
      [ShellStage.program, "shell", "--base", base, "--no-required", overlay, "--", "true"], in: stage.directory
    ).wait()
    #expect(result.code == 125)
    #expect(result.errors.contains(words) && result.errors.split(separator: "\n").count <= 2, "\(result.errors)")
    #expect(stage.files == files)
    try await stage.expectNothingLeft()
  }
}

/// A person at a terminal.
@Suite(.enabled(if: ShellStage.isPossible, "needs root and loop devices"))
struct ShellTerminalTests {
  /// Starts the program on a terminal of its own.
  private func terminal(_ stage: ShellStage, _ words: [String] = []) throws -> (ToolProcess, Gate) {
    let keys = try Gate(stage.path("keys"))
    let command = ([ShellStage.program, "shell", "--base", stage.base, stage.overlay] + words).map { "'\($0)'" }
    return (
      try ToolProcess(
        ["script", "--quiet", "--flush", "--return", "--command", command.joined(separator: " "), "/dev/null"],
        in: stage.directory, input: keys.path), keys
    )
  }

  @Test(arguments: [
    ("exit\n", Int32(0), true), ("exit 1\n", 1, false), ("false\nexit\n", 0, true), ("exit 7\n", 7, false),
  ])
  func aShellKeepsOrDiscards(_ last: String, _ code: Int32, _ isKept: Bool) async throws {
    let stage = try await ShellStage()
    let (process, keys) = try terminal(stage)
    try await process.waitForOutput("does not")
    try await process.waitForOutput("# ")
    keys.type("tty -s && echo a terminal; sleep 1000 &\n")
    try await process.waitForOutput("\na terminal")
    // Ctrl-C ends what runs in the foreground, not the shell.
    keys.type("echo in the foreg''round; sleep 1000; echo $? >/code\n")
    try await process.waitForOutput("in the foreground")
    keys.type("\u{3}")
    keys.type("echo x >/x; \(last)")
    if last != "exit\n" {
      try await process.waitForOutput("keep the changes? [y/N]")
      keys.type(isKept ? "y\n" : "\n")
    }
    #expect(try await process.wait().code == code)
    #expect(try await stage.names().contains("x") == isKept)
    try await stage.expectNothingLeft()
  }

  @Test func whatCannotBePackedCanBeMended() async throws {
    let stage = try await ShellStage()
    let (process, keys) = try terminal(stage)
    try await process.waitForOutput("# ")
    keys.type("echo x >/tool; rm -r /data; mkdir /data; echo re''ady\n")
    try await process.waitForOutput("ready")
    let program = try #require(process.children.flatMap(ToolProcess.children).first)
    let first = try #require(ToolProcess.children(of: program).first ?? process.children.first)
    try await stage.host("setfattr -n trusted.test -v 1 /proc/\(first)/root/tool")
    keys.type("exit\n")
    try await process.waitForOutput("the shell goes on")
    keys.type("ls /data | wc -l; cp /tool /new && mv /new /tool; exit\n")
    let result = try await process.wait()
    #expect(result.code == 0, "\(result.output)")
    #expect(Set(["tool", "!data/one", "!data/sub"]).isSubset(of: try await stage.names()))
  }
}
