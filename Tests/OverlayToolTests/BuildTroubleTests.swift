import Foundation
import Overlay
import TestSupport
import Testing

/// What a build says when the machine, the cache or the environment is not as it should be.
struct BuildTroubleTests {
  private static let simple = "files: [{source: my-tool, target: /usr/local/bin/my-tool}]\n"
  private static let canMount = geteuid() == 0 && Namespaces.canMountImages

  @Test(arguments: [
    (":; : >cache", "cache is in the way: remove it, or all of the cache cache"),
    ("mkdir cache; : >cache/results", "cache/results is in the way: remove it"),
    ("mkdir cache; mkfifo cache/blobs", "cache/blobs is in the way: remove it"),
    (
      "\"$@\" 2>/dev/null; rm -r cache/results; for file in cache/layers/*.cpio.zst; do rm $file; mkdir $file; done",
      ".cpio.zst is in the way: remove it"
    ),
    (
      "\"$@\" 2>/dev/null; rm -r cache/results; for file in cache/layers/*.sha256; do rm $file; mkdir $file; done",
      ".sha256 is in the way: remove it"
    ),
    ("\"$@\" 2>/dev/null; for place in cache/results/*; do rm -r $place; : >$place; done", " is in the way: remove it"),
  ])
  func `What has a wrong kind in the cache is named, with what to do`(_ script: String, _ words: String) throws {
    let stage = try RecipeStage(Self.simple)
    let run = try ToolRun(
      ["-euc", "\(script); exec \"$@\"", "sh", ToolRun.program] + RecipeStage.arguments, in: stage.scratch.path,
      program: "/bin/sh")
    #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
    #expect(
      run.errors.contains("all of the cache cache, which can be made again; or give another directory with --cache"))
    try stage.scratch.shell("rm -r cache")
    #expect(try stage.build().status == 0)
  }

  @Test(.enabled(if: canMount)) func `A full disk of the cache is named, with another one as the way out`() throws {
    let stage = try RecipeStage("files: [{source: big, target: /opt/big}]\n")
    try stage.scratch.shell("head -c 3000000 /dev/urandom >r/big; mkdir cache")
    let run = try stage.build(after: "mount -t tmpfs -o size=1m tmpfs cache")
    #expect(run.status == 2, "\(run.errors)")
    #expect(
      run.errors.hasSuffix(
        "ENOSPC)\nThe disk of the cache cache is full: remove something there, or give another directory with --cache DIR.\n"
      ), "\(run.errors)")
    #expect(!stage.exists("x.overlay.cpio.gz") && !stage.exists("r/x.lock"))
  }

  @Test(.enabled(if: geteuid() == 0)) func `A home that cannot be written leads to --cache`() throws {
    let stage = try RecipeStage(Self.simple)
    try stage.scratch.shell(
      """
      chmod 755 .; mkdir home; mkdir -m 777 out; chmod 777 r
      \(ToolScratch.nobody)
      ! HOME=$PWD/home nobody "$tool" build r/x.yaml --base base.img -o out/x.cpio.gz 2>log
      """)
    let log = stage.scratch.text(of: "log")
    #expect(log.contains("cannot make the directory ") && log.contains("home/.cache: Permission denied"), "\(log)")
    #expect(
      log.contains("/home/.cache/monorail-node/build cannot be used: give another directory with --cache DIR"), "\(log)"
    )
  }

  @Test(.enabled(if: canMount))
  func `That the lock cannot be written is said before anything is made, and only when it would be`() throws {
    let stage = try RecipeStage(Self.simple)
    let readOnly = "mount --bind r r; mount -o remount,bind,ro r"
    let run = try stage.build(after: readOnly)
    #expect(run.status == 2, "\(run.errors)")
    #expect(
      run.errors == """
        monorail-overlay: cannot write the lock r/x.lock: Read-only file system (EROFS)
        Name another place for it with --lock FILE.

        """, "\(run.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: stage.scratch("cache/layers")) == [])

    #expect(try stage.build("--lock", "x.lock").status == 0)
    #expect(try stage.build().status == 0)
    // The lock stays as it is, so that nothing has to be written.
    #expect(try stage.build(after: readOnly + "; set -- \"$@\" --locked").status == 0)
    #expect(try stage.build(after: readOnly).status == 0)
    #expect(try stage.build(after: readOnly + "; set -- \"$@\" --update").status == 2)
    try stage.scratch.shell(
      "cp \(Repository.path("rc.local")) rc.local; echo '# other' >>rc.local; rm -r cache/results/*")
    let other = try stage.build(after: readOnly + "; set -- \"$@\" --rc-local rc.local")
    #expect(other.status == 2 && other.errors.contains("cannot write the lock r/x.lock"), "\(other.errors)")
    #expect(!other.errors.contains("packing"), "\(other.errors)")
  }

  @Test func `A lock that somebody has changed cannot steer a terminal`() throws {
    let stage = try RecipeStage(Self.simple)
    #expect(try stage.build().status == 0)
    try stage.scratch.shell(
      #"""
      sed -i 's/"name": "base.img"/"name": "\\u001b[31mred\\nmonorail-overlay: done"/' r/x.lock
      mksquashfs base other.img -quiet -no-progress -all-root -mkfs-time 1 >/dev/null
      """#)
    for option in ["--locked", "--force"] {
      let run = try stage.build("--base", "other.img", option)
      #expect(run.status == (option == "--locked" ? 2 : 0), "\(run.errors)")
      #expect(run.errors.contains("\\033[31mred\\012monorail-overlay: done"), "\(run.errors)")
      #expect(!run.errors.contains("\u{1B}"))
    }
  }

  @Test(.enabled(if: canMount)) func `A command cannot steer a terminal with its text`() throws {
    let stage = try RecipeStage("commands:\n  - \": '\\e[31m\\\\n'; false\"\n")
    let run = try stage.build()
    #expect(
      run.status == 2 && run.errors.hasSuffix("r/x.yaml:2: the command \": '\\033[31m\\n'; false\" ended with 1\n"),
      "\(run.errors)")
    #expect(!run.errors.contains("\u{1B}"))
  }

  @Test func `An empty SOURCE_DATE_EPOCH is none`() throws {
    let stage = try RecipeStage(Self.simple)
    let wrong = try stage.build(environment: ["SOURCE_DATE_EPOCH": "x"])
    #expect(wrong.status == 64 && wrong.errors.contains("SOURCE_DATE_EPOCH: \"x\" is no number"), "\(wrong.errors)")
    let run = try stage.build(environment: ["SOURCE_DATE_EPOCH": ""])
    #expect(run.status == 0, "\(run.errors)")
    try stage.scratch.shell("mkdir -m 755 tree; SOURCE_DATE_EPOCH= \"$tool\" pack tree -o tree.cpio --no-required")
  }

  /// 4000000000 is in the year 2096.
  @Test(.enabled(if: canMount), arguments: ["4000000000", "1000000000"])
  func `What a build makes has the time of the lock, also when that is still to come`(_ epoch: String) throws {
    let stage = try RecipeStage(
      "commands:\n  - mkdir /opt; echo x >/opt/new; echo x >/opt/old; touch -d @900000000 /opt/old\n",
      base: "for name in mkdir touch; do ln -s busybox bin/$name; done")
    let run = try stage.build(environment: ["SOURCE_DATE_EPOCH": epoch])
    #expect(run.status == 0, "\(run.errors)")
    let times = try ArchiveIndex(stage.scratch("x.overlay.cpio.gz")).entries.reduce(into: [:]) {
      $0["\($1.path)"] = "\($1.modified)"
    }
    #expect(times["opt"] == epoch && times["opt/new"] == epoch && times["opt/old"] == "900000000", "\(times)")
  }

  @Test func `A symlink at the output becomes the archive, and what it led to stays`() throws {
    let stage = try RecipeStage(Self.simple)
    try stage.scratch.shell("echo other >other; ln -s other x.overlay.cpio.gz")
    #expect(try stage.build().status == 0)
    try stage.scratch.shell("[ ! -L x.overlay.cpio.gz ] && [ \"$(cat other)\" = other ]")
  }

  @Test func `A source of more than 4 GiB is refused without being read`() throws {
    let stage = try RecipeStage("files:\n  - {source: big, target: /opt/big}\n")
    try stage.scratch.shell("truncate -s 1T r/big || truncate -s 5G r/big")
    let run = try stage.build()
    #expect(run.status == 2 && run.errors.contains("r/x.yaml:2: big has "), "\(run.errors)")
  }
}
