import Foundation
import Testing

/// What other programs and other users do while `shell` works: their changes are not lost, and they get no rights that they did not have.
@Suite(.enabled(if: ShellStage.isPossible, "needs root and loop devices"))
struct ShellOthersTests {
  /// Starts a run that waits in its command until the gate opens.
  private func waiting(_ stage: ShellStage, on overlay: String) async throws -> (ToolProcess, Gate) {
    let gate = try Gate(stage.path("gate"))
    let process = try stage.start(
      "echo ready; read -r line </gate; echo x >/x", options: ["--bind", "gate:/gate", "--no-required"], on: overlay)
    try await process.waitForOutput("ready")
    return (process, gate)
  }

  @Test func onlyOneMayMakeAnArchive() async throws {
    let stage = try await ShellStage(overlay: nil)
    let (first, gate) = try await waiting(stage, on: "new.cpio.gz")
    let second = try await stage.shell("echo ran", options: ["--no-required"], on: "new.cpio.gz")
    #expect(second.code == 125 && second.output == "", "\(second.errors)")
    #expect(second.errors.contains("new.cpio.gz is being made by another \"monorail-overlay shell\""))
    gate.open()
    #expect(try await first.wait().code == 0)
    #expect(try await stage.names(in: "new.cpio.gz") == [".", "x"])
    #expect(stage.files == ["base.img", "gate", "new.cpio.gz"])
    #expect(try await stage.shell("cat /x", on: "new.cpio.gz").output == "x\n")
  }

  /// A killed run leaves its lock's file, which keeps nobody away.
  @Test func aKilledRunKeepsNobodyFromMakingTheArchive() async throws {
    let stage = try await ShellStage(overlay: nil)
    let (first, _) = try await waiting(stage, on: "new.cpio.gz")
    first.signal(SIGKILL)
    #expect(try await first.wait().code == 137)
    #expect(try await stage.shell("echo x >/x", options: ["--no-required"], on: "new.cpio.gz").code == 0)
    #expect(stage.files == ["base.img", "gate", "new.cpio.gz"])
  }

  @Test func aSignalLeavesNoLock() async throws {
    let stage = try await ShellStage(overlay: nil)
    let process = try stage.start(
      ":", options: ["--no-required"], on: "new.cpio.gz", environment: ["MONORAIL_OVERLAY_STOP_AT": "mounted"])
    try await process.waitUntilStopped()
    process.signal(SIGTERM)
    process.signal(SIGCONT)
    #expect(try await process.wait().code == 128 + SIGTERM)
    #expect(stage.files == ["base.img"])
  }

  @Test func anArchiveThatPackHasMadeMeanwhileStays() async throws {
    let stage = try await ShellStage(overlay: nil)
    try await stage.host("mkdir tree; echo packed >tree/packed")
    let (process, gate) = try await waiting(stage, on: "new.cpio.gz")
    try await stage.tool("pack", "tree", "-o", "new.cpio.gz", "--no-required")
    gate.open()
    let result = try await process.wait()
    #expect(result.code == 125 && result.errors.contains("new.cpio.gz was made by another program meanwhile"))
    #expect(try await stage.names(in: "new.cpio.gz") == [".", "packed"])
  }

  @Test func packWaitsForNothingAndReplacesNothingThatIsChanged() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir tree; echo packed >tree/packed")
    let (process, gate) = try await waiting(stage, on: stage.overlay)
    let pack = try await ToolProcess(
      [ShellStage.program, "pack", "tree", "-o", stage.overlay, "--no-required"], in: stage.directory
    ).wait()
    #expect(
      pack.code == 2 && pack.errors.contains("is being changed by another \"monorail-overlay\""), "\(pack.errors)")
    gate.open()
    #expect(try await process.wait().code == 0)
    #expect(try await stage.names() == [".", "etc", "etc/own", "x"])
    try await stage.tool("pack", "tree", "-o", stage.overlay, "--no-required")
    #expect(try await stage.names() == [".", "packed"])
  }

  @Test func anArchiveThatAnotherProgramHasReplacedStays() async throws {
    let stage = try await ShellStage()
    let (process, gate) = try await waiting(stage, on: stage.overlay)
    try await stage.host("echo other >other; mv other x.overlay.cpio.gz")
    gate.open()
    let result = try await process.wait()
    #expect(
      result.code == 125 && result.errors.contains("was replaced by another program meanwhile"), "\(result.errors)")
    #expect(try stage.contents("x.overlay.cpio.gz") == Data("other\n".utf8))
  }

  /// Another user owns the directory around, and puts a symlink in its place that leads to a directory of the system's.
  @Test func aDirectoryThatThePathNoLongerLeadsToStays() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir -p outer/d system/d; echo old >outer/d/old; echo system >system/d/system")
    let (process, gate) = try await waiting(stage, on: "outer/d")
    try await stage.host("mv outer moved; ln -s system outer")
    gate.open()
    let result = try await process.wait()
    #expect(
      result.code == 125 && result.errors.contains("was replaced by another program meanwhile"), "\(result.errors)")
    #expect(
      try await stage.host("ls -A moved/d system system/d") == "moved/d:\nold\n\nsystem:\nd\n\nsystem/d:\nsystem\n")
  }

  /// Another user owns the directory, and puts a symlink to root's file there as soon as the new archive has its name. strace
  /// gives that user time before each call that could change the file's owner.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/strace"), "needs strace"))
  func nobodyGetsAFileOfRootsGiven() async throws {
    let stage = try await ShellStage()
    try await stage.host(
      """
      chmod 755 .; echo secret >secret; chmod 600 secret
      mkdir theirs; cp x.overlay.cpio.gz theirs/x.cpio.gz; chown -R 65534:65534 theirs; chmod 644 theirs/x.cpio.gz
      """)
    let attack = """
      import os
      first = os.lstat("theirs/x.cpio.gz").st_ino
      print("ready", flush=True)
      while os.lstat("theirs/x.cpio.gz").st_ino == first: pass
      os.symlink("../secret", "theirs/link")
      os.rename("theirs/link", "theirs/x.cpio.gz")
      print("exchanged", flush=True)
      """
    let attacker = try ToolProcess(
      ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c", attack],
      in: stage.directory)
    try await attacker.waitForOutput("ready")
    let traced = [
      "strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=chown,fchownat,chmod,fchmodat", "-e",
      "inject=chown,fchownat,chmod,fchmodat:delay_enter=200000",
    ]
    let result = try await ToolProcess(
      traced + stage.arguments("echo x >/x", on: "theirs/x.cpio.gz"), in: stage.directory
    ).wait()
    #expect(result.code == 0, "\(result.errors)")
    try await attacker.waitForOutput("exchanged")
    #expect(try await stage.host("stat -c '%u:%g %a' secret") == "0:0 600\n")
  }

  /// A signal comes while the archive, or the directory's result, is being unpacked: nothing is written any more to what is
  /// being removed.
  @Test(arguments: [("unpacking", "x.overlay.cpio.gz"), ("staging", "d")], 0..<3)
  func aSignalWhileFilesAreMadeLeavesNothing(_ at: (point: String, overlay: String), _ round: Int) async throws {
    let stage = try await ShellStage(
      overlay: "mkdir a b; (cd a; seq 2000 | xargs touch); (cd b; seq 2000 | xargs touch)")
    try await stage.host("mkdir work d; cd d; gzip -dc ../x.overlay.cpio.gz | cpio -idm --quiet")
    let files = stage.files
    let process = try stage.start(
      "echo x >/x", options: ["--work-dir", "work"], on: at.overlay,
      environment: ["MONORAIL_OVERLAY_STOP_AT": at.point])
    try await process.waitUntilStopped()
    process.signal(SIGCONT)
    process.signal(SIGTERM)
    let result = try await process.wait()
    #expect(result.code == 128 + SIGTERM && result.errors == "monorail-overlay: ended by SIGTERM\n", "\(result.errors)")
    #expect(stage.files == files)
    #expect(try await stage.host("ls -A work") == "")
  }

  /// The kernel takes the root's entry wherever it stands.
  @Test func theRootKeepsItsAttributesWhereverItsEntryStands() async throws {
    let stage = try await ShellStage(overlay: nil)
    try await stage.host(
      """
      mkdir -m 750 tree; echo x >tree/x; touch -d @1000 tree tree/x
      cd tree; printf 'x\\n.\\n' | cpio -o -H newc --quiet | gzip >../odd.cpio.gz
      """)
    #expect(try await stage.shell(":", on: "odd.cpio.gz").code == 0)
    let list = try await stage.tool("list", "odd.cpio.gz", "--json")
    #expect(list.contains("\"mode\": \"0750\"") || list.contains("0750") || list.contains("488"), "\(list)")
    try await stage.tool("unpack", "odd.cpio.gz", "out")
    #expect(try await stage.host("stat -c '%a %Y' out") == "750 1000\n")
  }

  /// Archives behind one another are one archive to the kernel, and to all commands.
  @Test func archivesBehindOneAnotherAreOneForEveryCommand() async throws {
    let stage = try await ShellStage(overlay: nil)
    try await stage.host(
      """
      mkdir one two both; echo 1 >one/a; echo 1 >one/b; echo 2 >two/b; echo 2 >two/c; cp one/* both; cp two/* both
      """)
    for (tree, name) in [("one", "one.cpio"), ("two", "two.cpio.zst"), ("both", "both.cpio.gz")] {
      try await stage.tool("pack", tree, "-o", name, "--no-required")
    }
    try await stage.host("cat one.cpio two.cpio.zst >joined")
    let names = [".", "a", "b", "c"]
    #expect(Set(try await stage.names(in: "joined")) == Set(names))
    try await stage.tool("unpack", "joined", "out")
    #expect(try await stage.host("cat out/a out/b out/c") == "1\n2\n2\n")
    #expect(try await stage.tool("diff", "joined", "both.cpio.gz") == "")
    try await stage.tool("merge", "joined", "joined", "-o", "merged.cpio.gz")
    #expect(try await stage.names(in: "merged.cpio.gz") == names)
    #expect(try await stage.shell("cat /a /b /c", on: "joined").output == "1\n2\n2\n")
    #expect(try await stage.names(in: "joined") == names)
  }
}
