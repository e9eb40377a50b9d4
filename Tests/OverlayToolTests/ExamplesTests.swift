import Foundation
import TestSupport
import Testing

/// The recipes and scripts of scripts/examples, with real packages, on a real base image. They run one after another, since
/// each of them keeps the machine busy.
@Suite(.serialized, .enabled(if: ExampleStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(60)))
struct ExamplesTests {
  private static let required: [String: ExampleStage.Entry] = [
    "etc/rc.local": .init(path: "etc/rc.local", type: "file", mode: "0755", uid: 0, gid: 0),
    "opt/monorail/monorail-agent": .init(
      path: "opt/monorail/monorail-agent", type: "file", mode: "0755", uid: 0, gid: 0),
  ]

  private func expectRequiredFiles(_ entries: [String: ExampleStage.Entry]) {
    for (path, entry) in Self.required { #expect(entries[path] == entry) }
  }

  @Test func `A file is added, one changed and one removed, without any privilege`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed("setpriv --bounding-set=-all --inh-caps=-all \(stage.command("simple"))")

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    #expect(entries["usr/local/bin/where-am-i"]?.mode == "0755")
    #expect(entries["etc/issue.net"]?.type == "whiteout")
    #expect(entries["."]?.mode == "0755")
    let node = try await stage.onNode(
      "x.overlay.cpio.gz",
      """
      where-am-i | grep -q 00:00:00:00:00:00
      test ! -e /etc/issue.net && ls /etc/issue
      cat /etc/motd
      """)
    #expect(node.code == 0, "\(node.text)")
    #expect(node.text == "/etc/issue\nThis node is booted for maintenance.\n")
  }

  @Test func `Packages are installed, and leave no caches`() async throws {
    let stage = try await ExampleStage()
    try await stage.build("packages")

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    #expect(entries["usr/bin/lspci"]?.mode == "0755")
    let waste = entries.keys.filter { path in
      ["var/lib/apt/lists/", "var/cache/apt/", "usr/share/man/", "tmp/", "run/"].contains { path.hasPrefix($0) }
    }
    #expect(waste.isEmpty)
    let node = try await stage.onNode("x.overlay.cpio.gz", "lspci --version; dpkg-query -W -f '${Status}' pciutils")
    #expect(node.code == 0, "\(node.text)")
    #expect(node.text.hasPrefix("lspci version "))
    #expect(node.text.hasSuffix("install ok installed"))
  }

  @Test func `An existing overlay is changed by hand, by a merge, and from inside`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed(
      """
      mkdir -p -m 755 tree/opt/tool && ln -s tool/run tree/opt/run && echo 'etc/issue c 0 0 0 0 0' >manifest
      monorail-overlay pack tree --manifest manifest -o old.overlay.cpio.gz
      """)
    let before = try await stage.succeed("sha256sum old.overlay.cpio.gz")

    let text = try await stage.succeed("change-existing --base $base old.overlay.cpio.gz new.overlay.cpio.gz")
    #expect(try await stage.succeed("sha256sum old.overlay.cpio.gz") == before)
    let differences = text.split(separator: "\n").filter { $0.hasPrefix("added") || $0.hasPrefix("removed") }
    #expect(differences.map { $0.prefix { $0 != ":" } } == ["added    etc/motd", "added    etc/overlay-release"])
    let node = try await stage.onNode(
      "new.overlay.cpio.gz", "cat /etc/overlay-release /etc/motd; readlink /opt/run; test ! -e /etc/issue")
    #expect(node.code == 0, "\(node.text)")
    let lines = node.text.split(separator: "\n")
    #expect(lines.first == "changed by hand")
    #expect(lines.dropFirst().first?.hasPrefix("built on Debian ") == true)
    #expect(lines.suffix(2) == ["This node is booted for maintenance.", "tool/run"])
  }

  @Test func `A vendor's tool runs on the node with its library`() async throws {
    let stage = try await ExampleStage()
    try await stage.makeStandIns()
    try await stage.build("vendor-tool")

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    let tool = entries.filter { $0.key.hasPrefix("opt/MegaRAID/MegaCli/") }.mapValues { "\($0.type) \($0.mode)" }
    #expect(
      tool == [
        "opt/MegaRAID/MegaCli/MegaCli": "file 0755", "opt/MegaRAID/MegaCli/MegaCli64": "file 0755",
        "opt/MegaRAID/MegaCli/libstorelibir-2.so.14.07-0": "file 0644",
      ])
    let node = try await stage.onNode("x.overlay.cpio.gz", "/opt/MegaRAID/MegaCli/MegaCli64; MegaCli64")
    #expect(node.text == "stand-in for the vendor's library\nstand-in for the vendor's library\n")

    let failure = try await stage.run(
      "rm examples/megacli/MegaCli64; \(stage.command("vendor-tool", to: "none.overlay.cpio.gz"))")
    #expect(failure.code == 2)
    #expect(failure.text.hasPrefix("examples/vendor-tool.yaml:12: "), "\(failure.text)")
    #expect(failure.text.contains("megacli/MegaCli64"))
    #expect(!FileManager.default.fileExists(atPath: stage.path("none.overlay.cpio.gz")))
  }

  @Test func `A tool with libraries and data comes with the packages that it needs`() async throws {
    let stage = try await ExampleStage()
    try await stage.makeStandIns()
    try await stage.build("emc")

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    let placed = entries.filter { $0.key.hasPrefix("usr/local/") && $0.value.type != "directory" }
    #expect(
      placed.mapValues { $0.target ?? $0.mode } == [
        "usr/local/bin/test_eses": "0755", "usr/local/lib/libtesteses.a": "0644",
        "usr/local/lib/libtesteses.la": "0755",
        "usr/local/lib/libtesteses.so": "libtesteses.so.0.0.0",
        "usr/local/lib/libtesteses.so.0": "libtesteses.so.0.0.0",
        "usr/local/lib/libtesteses.so.0.0.0": "0755", "usr/local/share/test_eses/test_eses.xsl": "0644",
      ])
    #expect(placed.values.allSatisfy { $0.uid == 0 && $0.gid == 0 })
    let node = try await stage.onNode(
      "x.overlay.cpio.gz",
      """
      test_eses | xsltproc /usr/local/share/test_eses/test_eses.xsl - && echo
      dpkg-query --show --showformat '${Package}: ${Status}\n' xsltproc libxslt1.1
      """)
    #expect(
      node.text == """
        the enclosure is a stand-in
        libxslt1.1: install ok installed
        xsltproc: install ok installed

        """)
  }

  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["MONORAIL_KERNEL"] != "none", "MONORAIL_KERNEL=none: no machines"))
  func `A kernel module is built for the base's kernel, and the hooks load it into that kernel`() async throws {
    let stage = try await ExampleStage.withKernel()
    try await stage.build("kernel-module")

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    let modules = entries.values.filter { $0.path.hasSuffix(".ko") }
    #expect(modules.map(\.mode) == ["0644"])
    #expect(entries["opt/rc.local.hooks"]?.mode == "0755")
    let tools = entries.keys.filter {
      $0.hasPrefix("usr/src") || $0.hasPrefix("usr/bin") || $0.hasPrefix("var/lib/dpkg")
    }
    #expect(tools.isEmpty, "what the build needed is in the overlay")
    let node = try await stage.onNode(
      "x.overlay.cpio.gz",
      """
      cd /lib/modules/* && grep -q ^kernel/ modules.dep && echo "the base's modules are in the index, too"
      modprobe -S "${PWD##*/}" --dry-run --verbose hello_overlay | sed 's,/[^/]*/extra,/RELEASE/extra,'
      """)
    #expect(
      node.text == """
        the base's modules are in the index, too
        insmod /lib/modules/RELEASE/extra/hello_overlay.ko\u{20}

        """)

    // The base's kernel, with busybox for a root, and the overlay behind it: the kernel unpacks both.
    let console = try await stage.succeed(
      """
      kernel=$(unsquashfs -l "$base" | sed -n 's,^squashfs-root/\\(boot/vmlinuz-.*\\),\\1,p')
      unsquashfs -cat "$base" "$kernel" >vmlinuz
      mkdir -p tree/bin tree/proc && cp "$(command -v busybox)" tree/bin/busybox && ln -s usr/lib tree/lib
      for name in sh modprobe dmesg; do ln -s busybox tree/bin/$name; done
      cat >tree/init <<'END'
      #!/bin/sh
      export PATH=/bin
      busybox mount -t proc proc /proc
      echo "the hooks begin"
      /opt/rc.local.hooks
      echo "the hooks ended with $?"
      dmesg | busybox sed -n 's/^.*hello_overlay: a/hello_overlay: a/p'
      busybox poweroff -f
      END
      chmod 755 tree/init
      monorail-overlay pack tree --no-required -o busybox.cpio.gz 2>&1
      cat busybox.cpio.gz x.overlay.cpio.gz >initrd
      timeout -s KILL 600 qemu-system-x86_64 -accel tcg -m 512 -nodefaults -no-reboot -display none -serial stdio \
        -kernel vmlinuz -initrd initrd -append 'console=ttyS0 panic=-1 quiet loglevel=0 no_timer_check' </dev/null
      """)
    let lines = console.split(whereSeparator: \.isNewline).drop { $0 != "the hooks begin" }
    #expect(
      lines == ["the hooks begin", "the hooks ended with 0", "hello_overlay: a module of the overlay"], "\(console)")
  }

  @Test func `A debug overlay takes an SSH login with the key and with the password, and no other`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed(
      """
      for key in mine foreign; do ssh-keygen -q -t ed25519 -N '' -f $key; done
      openssl passwd -6 'a password' >hash
      \(stage.command("debug-password", #"--set key="$(cat mine.pub)" --set hash="$(cat hash)""#))
      """)

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    #expect(entries["root/.ssh"]?.mode == "0700")
    #expect(entries["root/.ssh/authorized_keys"]?.mode == "0600")
    #expect(!entries.keys.contains { $0.hasPrefix("etc/ssh/ssh_host_") }, "nodes would share their host keys")
    #expect(entries["root/password"] == nil)

    let node = try await stage.onNode(
      "x.overlay.cpio.gz", "/opt/rc.local.hooks",
      outside: """
        printf '#!/bin/sh\\necho "$PASSWORD"\\n' >askpass && chmod 755 askpass
        export SSH_ASKPASS="$PWD/askpass" SSH_ASKPASS_REQUIRE=force
        login() {
          ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=20 \
            -o IdentitiesOnly=yes -o NumberOfPasswordPrompts=1 "$@" root@127.0.0.1 'id -u; cat /etc/rc.local' | head -n 2
        }
        echo "key: $(login -i mine -o PasswordAuthentication=no)"
        echo "foreign key: $(login -i foreign -o PasswordAuthentication=no 2>&1)"
        echo "password: $(PASSWORD='a password' login -o PubkeyAuthentication=no)"
        echo "wrong password: $(PASSWORD=guessed login -o PubkeyAuthentication=no 2>&1)"
        """)
    #expect(node.code == 0, "\(node.text)")
    let answers = node.text.split(whereSeparator: \.isNewline).drop { !$0.hasPrefix("key: ") }
    #expect(
      answers == [
        "key: 0", "#!/bin/sh", "foreign key: root@127.0.0.1: Permission denied (publickey,password).",
        "password: 0", "#!/bin/sh", "wrong password: root@127.0.0.1: Permission denied (publickey,password).",
      ], "\(node.text)")

    for (recipe, variables, complaint) in [
      ("debug-ssh", #"--set key="$(cat mine)""#, #"the variable "key" has no public key"#),
      ("debug-ssh", "--set key=word", #"the variable "key" has no public key"#),
      ("debug-ssh", "", "key"),
      ("debug-password", "--set key= --set hash=secret", #"the variable "hash" has no hash of a password"#),
    ] {
      let failure = try await stage.run(stage.command(recipe, variables, to: "none.overlay.cpio.gz"))
      #expect(failure.code == 2)
      #expect(failure.text.contains(complaint) && failure.text.contains("examples/debug-"), "\(failure.text)")
      #expect(!FileManager.default.fileExists(atPath: stage.path("none.overlay.cpio.gz")))
    }
  }
}

struct ExampleHelpTests {
  static let scripts = ["change-existing", "stock-tools"]
  static let recipes = [
    "all", "debug-password", "debug-ssh", "emc", "kernel-module", "packages", "simple", "stock-tools", "vendor-tool",
  ]

  @Test func `Every example is tested, and named in the documentation`() throws {
    let found = Set(try FileManager.default.contentsOfDirectory(atPath: ExampleStage.examples))
    let known = Self.scripts + ["small-base", "kernel-module"] + Self.recipes.map { "\($0).yaml" }
    // A person may have built some, and put a vendor's files beside them.
    #expect(found.filter { !$0.hasSuffix(".lock") }.subtracting(["megacli", "eses"]) == Set(known))
    let page = try String(contentsOfFile: Repository.path("docs/overlays.md"), encoding: .utf8)
    for name in known { #expect(page.contains("scripts/examples/\(name)"), "\(name)") }
  }

  @Test(arguments: recipes) func `A recipe has no mistakes, and says how it is built`(name: String) async throws {
    let stage = try ExampleStage.withoutBase()
    let recipe = try String(contentsOfFile: stage.path("examples/\(name).yaml"), encoding: .utf8)
    #expect(recipe.contains("monorail-overlay build scripts/examples/\(name).yaml "))
    try await stage.makeStandIns()
    let variables = ["all": "--set key=k", "debug-ssh": "--set key=k", "debug-password": "--set key=k --set hash=h"]
    try await stage.succeed("monorail-overlay build examples/\(name).yaml --check \(variables[name] ?? "")")
  }

  @Test func `The recipes of the guide have no mistakes`() async throws {
    let stage = try ExampleStage.withoutBase()
    try await stage.succeed("touch my-tool old.overlay.cpio.gz")
    let page = try String(contentsOfFile: Repository.path("docs/overlays.md"), encoding: .utf8)
    let recipes = page.components(separatedBy: "```yaml\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    #expect(recipes.count == 2)
    for recipe in recipes {
      try recipe.write(toFile: stage.path("guide.yaml"), atomically: false, encoding: .utf8)
      try await stage.succeed("monorail-overlay build guide.yaml --check")
    }
  }

  @Test(arguments: scripts) func `An example explains itself, also when it is called wrongly`(name: String) async throws
  {
    let stage = try ExampleStage.withoutBase()
    let help = try await stage.succeed("\(name) --help")
    #expect(help.contains("Needs: monorail-overlay"))
    #expect(help.contains("  scripts/examples/\(name) "))
    let wrong = try await stage.run("\(name) --no-such-option")
    #expect(wrong.code == 64)
    #expect(wrong.text == help)
  }

  @Test func `The script that makes a base explains itself, also when it is called wrongly`() async throws {
    let stage = try ExampleStage.withoutBase()
    let help = try await stage.succeed("small-base --help")
    #expect(help.contains("  base=$(scripts/examples/small-base [--kernel])\n"))
    let wrong = try await stage.run("small-base --no-such-option")
    #expect(wrong.code == 64)
    #expect(wrong.text == help)
  }
}
