import Foundation
import Overlay
import OverlayBuild
import Recipes
import TestSupport
import Testing

/// What packages, Makefiles and commands of a recipe try, so that the build, which is root's, reads or changes this machine.
@Suite(.serialized, .enabled(if: PackageStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(20)))
struct WorkspaceEscapeTests {
  @Test(arguments: [("ln -s SECRET", "it is a symlink, not a file"), ("mkfifo", "it is a pipe, ")])
  func `A package's script cannot exchange apt's log for something else`(_ command: String, _ words: String)
    async throws
  {
    let stage = try await PackageStage()
    try stage.scratch.write("of the machine", to: "secret")
    let make = command.replacing("SECRET", with: stage.scratch("secret"))
    try await stage.make(
      "tool",
      more: "printf '#!/bin/sh\\nlog=/run/monorail-install/log\\nrm -f $log\\n\(make) $log\\nexit 1\\n'"
        + " >DEBIAN/postinst; chmod 755 DEBIAN/postinst")
    try await stage.index()
    let said = Lines()
    let error = await #expect(throws: OverlayError.self) {
      try await stage.build(stage.recipe([.named("tool", version: nil)]), said: said)
    }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    let all = "\(error?.description ?? "") \(said.all)"
    #expect(!all.contains("of the machine"))
  }

  @Test func `A recipe's own apt-get has no network`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool")
    try await stage.index()
    var own = stage.recipe([], name: "own")
    let port = try #require(URL(string: stage.url)?.port)
    let script = """
      #!/bin/bash
      exec 3<>/dev/tcp/127.0.0.1/\(port) || exit 1
      printf 'GET /from-the-recipe HTTP/1.0\\r\\n\\r\\n' >&3
      cat <&3

      """
    var file = Recipe.File(.text(script), target: try OverlayPath("usr/local/sbin/apt-get"))
    file.attributes.permissions = 0o755
    own.files = [Located(file, Place(own.file, line: 2))]
    _ = try await stage.failure(stage.recipe([.named("tool", version: nil)]), included: [own])
    #expect(!stage.requests.contains { $0.contains("from-the-recipe") }, "\(stage.requests)")
    #expect(stage.requests.contains { $0.hasSuffix("/Packages") }, "the base image's apt-get fetches the lists")
  }

  @Test func `A symlink in the place of apt's list of archives is not written through`() async throws {
    let stage = try await PackageStage()
    let port = try #require(URL(string: stage.url)?.port)
    var own = stage.recipe([], name: "own")
    own.archives = []
    own.links = [
      Located(
        Recipe.Link(try OverlayPath("etc/apt/sources.list"), to: "/usr/bin/apt-get"), Place(own.file, line: 2))
    ]
    var recipe = stage.recipe([.named("tool", version: nil)])
    let payload = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/\(port); echo GET /from-the-recipe >&3'"
    recipe.archives = [Located("deb \(stage.url) $(\(payload)) main", Place(recipe.file, line: 3))]
    _ = try await stage.failure(recipe, included: [own])
    #expect(!stage.requests.contains { $0.contains("from-the-recipe") }, "\(stage.requests)")
  }

  @Test func `Archives and keys that an earlier recipe adds are used`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool")
    try await stage.index()
    var sources = stage.recipe([], name: "sources")
    sources.archives = []
    for (path, text) in [
      ("etc/apt/sources.list.d/own.list", stage.archive + "\n"), ("etc/apt/sources.list", "# none\n"),
    ] {
      sources.files.append(
        Located(Recipe.File(.text(text), target: try OverlayPath(path)), Place(sources.file, line: 2)))
    }
    var recipe = stage.recipe([.named("tool", version: nil)])
    recipe.archives = []
    try await stage.build(recipe, included: [sources])
    #expect(try stage.entries()["usr/bin/tool"] != nil)
  }

  @Test func `A Makefile cannot exchange the directory of built modules for one of this machine`() async throws {
    let stage = try await PackageStage("--kernel")
    try await stage.shell("mkdir -p machine/0 recipe/hello; echo 'of the machine' >machine/0/leak.ko")
    var recipe = stage.recipe([])
    recipe.archives = []
    try stage.scratch.write(
      """
      obj-m := hello.o
      $(shell cd /run/monorail-modules && if [ ! -L built ]; then rm -rf built; mkdir -p \(stage.scratch("machine")); \
      ln -s \(stage.scratch("machine")) built; fi)

      """, to: "recipe/hello/Makefile")
    try stage.scratch.write(
      "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n", to: "recipe/hello/hello.c")
    recipe.modules = [
      Located(Recipe.Module(source: stage.scratch("recipe/hello")), Place(recipe.file, line: 7))
    ]
    let error = try await stage.failure(recipe)
    #expect(error.contains("a Makefile has replaced the directory of the built modules"), "\(error)")
  }

  /// A line for each: all must fail. What a kernel would refuse anyway is not among them.
  private static let forbidden = [
    "mount -t tmpfs none /mnt", "mount -o remount,rw,bind /proc/sys", "mount -t proc proc /mnt",
    "mount -t cgroup2 none /mnt", "umount /dev/shm", "chroot /proc/1/root mount -t tmpfs none /mnt",
    "{ echo x >/proc/sys/kernel/domainname; }", "{ echo 1 >/proc/irq/default_smp_affinity; }",
    "{ mknod /dev/disk b 7 0 && head -c 1 /dev/disk; }", "{ mknod /root/disk b 7 0 && head -c 1 /root/disk; }",
    "{ mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg; }", "{ echo x >/dev/tty; }", "hostname other", "dmesg -n 1",
    "chmod 755 /proc/1/exe", "cat /proc/1/environ", "readlink /proc/1/fd/1", "head -c 1 /proc/1/mem",
    "unshare -Ur true", "unshare -Ur -m -C mount -t cgroup2 none /mnt", "grep -q . /proc/1/cmdline",
  ]

  @Test func `A command can mount nothing, and use no device and no setting of this machine`() async throws {
    let stage = try await PackageStage()
    var recipe = stage.recipe([])
    recipe.archives = []
    let attempts = Self.forbidden.map { "if \($0) 2>/dev/null; then echo '\($0)' >>/root/done; fi" }
    recipe.commands = [
      Located(
        Recipe.Command(
          attempts.joined(separator: "\n") + """

            rm -f /root/disk
            sed -n 's/^CapEff:\\t//p' /proc/self/status >/root/capabilities
            echo written >/dev/null; head -c 4 /dev/zero | wc -c; hostname >/root/name
            mknod /root/null c 1 3; chown 33:33 /root/null
            touch -d @1 /dev/console
            kill -ABRT 1; kill -SEGV 1
            readlink /proc/self/fd/2 | sed 's/:.*//' >/root/errors
            """), Place(recipe.file, line: 2))
    ]
    try await stage.build(recipe)
    #expect(try await stage.text("root/done") == "", "these worked")
    // CAP_CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP
    #expect(try await stage.text("root/capabilities") == "00000000a80405fb\n")
    #expect(try await stage.text("root/name") == "localhost\n")
    #expect(try stage.entries()["root/null"]?.owner == 33)
    #expect(try await stage.text("root/errors") == "pipe\n", "not the standard error of the program")
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mtim.tv_sec != 1)
  }

  @Test func `A symlink in the place of /run does not lead to this machine`() async throws {
    let stage = try await PackageStage()
    try await stage.shell("mkdir there")
    var recipe = stage.recipe([])
    recipe.archives = []
    recipe.removals = [Located(try OverlayPath("run"), Place(recipe.file, line: 2))]
    var after = stage.recipe([], name: "after")
    after.archives = []
    after.links = [
      Located(Recipe.Link(try OverlayPath("run"), to: stage.scratch("there")), Place(after.file, line: 2))
    ]
    after.commands = [Located(Recipe.Command("true"), Place(after.file, line: 3))]
    #expect(try await stage.failure(after, included: [recipe]).contains("/run/lock"))
    #expect(try await stage.shell("ls there") == "")
  }

  @Test func `A base image that is replaced during a build is noticed, and nothing is kept`() async throws {
    let stage = try await PackageStage()
    try await stage.shell("cp \(stage.base) base.img; cp base.img other.img")
    var recipe = stage.recipe([])
    recipe.commands = [Located(Recipe.Command("echo one >/etc/one"), Place(recipe.file, line: 2))]
    var options = BuildOptions(
      recipes: RecipeSet(recipe), base: stage.scratch("base.img"), output: stage.scratch("x.overlay.cpio"),
      cache: stage.scratch("cache"))
    (options.isForced, options.epoch) = (true, 1_700_000_000)
    let (base, other) = (stage.scratch("base.img"), stage.scratch("other.img"))
    options.say = { if $0.hasSuffix("echo one >/etc/one") { rename(other, base) } }
    let built = options
    let result = await onThread { () -> Result<Builder.Summary?, any Error> in
      Result { try Builder(built).build(report: { _ in }) }
    }
    let error = #expect(throws: OverlayError.self) { try result.get() }
    #expect(error?.description.hasPrefix("the base image \(base) has changed during this build") == true)
    let layers = try FileManager.default.contentsOfDirectory(atPath: stage.scratch("cache/layers"))
    #expect(!layers.contains { $0.hasSuffix(".sha256") }, "\(layers)")
    #expect(!FileManager.default.fileExists(atPath: stage.scratch("x.overlay.cpio")) && stage.lock == "")
  }
}
