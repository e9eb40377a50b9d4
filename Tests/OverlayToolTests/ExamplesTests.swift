import Foundation
import Testing

/// The scripts of scripts/examples, with real packages, on a real base image. One after the other: each is busy enough.
@Suite(.serialized, .enabled(if: ExampleStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(30)))
struct ExamplesTests {
  private static let required: [String: ExampleStage.Entry] = [
    "etc/rc.local": .init(path: "etc/rc.local", type: "file", mode: "0755", uid: 0, gid: 0),
    "opt/monorail/monorail-agent": .init(
      path: "opt/monorail/monorail-agent", type: "file", mode: "0755", uid: 0, gid: 0),
  ]

  private func expectRequiredFiles(_ entries: [String: ExampleStage.Entry]) {
    for (path, entry) in Self.required { #expect(entries[path] == entry) }
  }

  @Test func `A simple change adds, changes and removes a file, without any privilege`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed(
      "setpriv --bounding-set=-all --inh-caps=-all \(ExampleStage.examples)/simple-change --base $base x.overlay.cpio.gz"
    )

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
      grep -c -e '(overlay)' -e '/bin:' /etc/profile
      """)
    #expect(node.code == 0, "\(node.text)")
    #expect(node.text == "/etc/issue\n3\n")
  }

  @Test func `A complex change installs packages with apt, and leaves no caches`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed("complex-change --base $base x.overlay.cpio.gz")

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    #expect(entries["usr/bin/lspci"]?.mode == "0755")
    let waste = entries.keys.filter { path in
      ["var/lib/apt/lists/", "var/cache/apt/", "usr/share/doc/", "tmp/", "run/"].contains { path.hasPrefix($0) }
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
    try await stage.succeed(
      """
      mkdir files
      echo 'const char *name(void) { return "stand-in for the vendor'"'"'s library"; }' >library.c
      echo '#include <stdio.h>
      const char *name(void);
      int main(void) { puts(name()); return 0; }' >program.c
      library=libstorelibir-2.so.14.07-0
      gcc -shared -fPIC -Wl,-soname,$library -o files/$library library.c
      gcc -o files/MegaCli64 program.c files/$library
      cp files/MegaCli64 files/MegaCli
      chmod 600 files/*
      vendor-tool --files files --base $base megacli.overlay.cpio.gz
      """)

    let entries = try await stage.entries("megacli.overlay.cpio.gz")
    expectRequiredFiles(entries)
    let tool = entries.filter { $0.key.hasPrefix("opt/MegaRAID/MegaCli/") }.mapValues { "\($0.type) \($0.mode)" }
    #expect(
      tool == [
        "opt/MegaRAID/MegaCli/MegaCli": "file 0755", "opt/MegaRAID/MegaCli/MegaCli64": "file 0755",
        "opt/MegaRAID/MegaCli/libstorelibir-2.so.14.07-0": "file 0644",
      ])
    let node = try await stage.onNode("megacli.overlay.cpio.gz", "/opt/MegaRAID/MegaCli/MegaCli64; MegaCli64")
    #expect(node.text == "stand-in for the vendor's library\nstand-in for the vendor's library\n")

    let failure = try await stage.run("rm files/MegaCli64; vendor-tool --files files none.overlay.cpio.gz")
    #expect(failure.code == 1)
    #expect(failure.text == "vendor-tool: there is no MegaCli64 in files\n")
  }

  @Test func `Packages from files and libraries by hand come with their modes and links`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed(
      """
      package() {
        mkdir -p "$1/DEBIAN" "$1/usr/bin" debs
        printf '#!/bin/sh\\necho this is %s\\n' "$1" >"$1/usr/bin/$1" && chmod 755 "$1/usr/bin/$1"
        printf 'Package: %s\\nVersion: 1\\nArchitecture: all\\nMaintainer: N. N. <n@example.org>\\nDescription: test\\n%s' \
          "$1" "$2" >"$1/DEBIAN/control"
        dpkg-deb --root-owner-group --build "$1" "debs/$1.deb"
      }
      package first 'Depends: second
      '
      package second ''
      mkdir libraries && echo 'int vendor(void) { return 0; }' >library.c
      gcc -shared -fPIC -Wl,-soname,libvendor.so.1 -o libraries/libvendor.so.1.2.3 library.c
      packages-and-libraries --base $base --debs debs --libraries libraries x.overlay.cpio.gz
      """)

    let entries = try await stage.entries("x.overlay.cpio.gz")
    expectRequiredFiles(entries)
    #expect(entries["usr/local/lib/vendor/libvendor.so.1.2.3"]?.mode == "0644")
    #expect(entries["usr/local/lib/vendor/libvendor.so.1"]?.target == "libvendor.so.1.2.3")
    #expect(entries["usr/local/lib/vendor/libvendor.so"]?.target == "libvendor.so.1.2.3")
    #expect(!entries.keys.contains { $0.hasPrefix("mnt") })
    let node = try await stage.onNode(
      "x.overlay.cpio.gz", "first; second; dpkg --verify first second; ldconfig -p | grep -c 'libvendor.so.1 '")
    #expect(node.text == "this is first\nthis is second\n1\n")

    let failure = try await stage.run(
      "rm debs/second.deb; packages-and-libraries --base $base --debs debs --libraries libraries y.overlay.cpio.gz")
    #expect(failure.code != 0)
    #expect(failure.text.contains("first depends on second"))
    #expect(!FileManager.default.fileExists(atPath: stage.path("y.overlay.cpio.gz")))
  }

  @Test func `A debug overlay takes an SSH login with the key and with the password, and no other`() async throws {
    let stage = try await ExampleStage()
    try await stage.succeed(
      """
      for key in mine foreign; do ssh-keygen -q -t ed25519 -N '' -f $key; done
      hash=$(openssl passwd -6 'a password')
      debug-ssh --base $base --key mine.pub --password-hash "$hash" debug.overlay.cpio.gz
      """)

    let entries = try await stage.entries("debug.overlay.cpio.gz")
    expectRequiredFiles(entries)
    #expect(entries["root/.ssh"]?.mode == "0700")
    #expect(entries["root/.ssh/authorized_keys"]?.mode == "0600")
    #expect(!entries.keys.contains { $0.hasPrefix("etc/ssh/ssh_host_") }, "nodes would share their host keys")
    #expect(!entries.keys.contains { $0.hasPrefix("mnt") })

    let node = try await stage.onNode(
      "debug.overlay.cpio.gz", "/opt/rc.local.hooks",
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

    let failure = try await stage.run("debug-ssh --base $base --key mine none.overlay.cpio.gz")
    #expect(failure.code == 1)
    #expect(failure.text == "debug-ssh: mine is no public key; it is the file with .pub at its end\n")
  }
}

struct ExampleHelpTests {
  static let scripts = [
    "change-existing", "complex-change", "debug-ssh", "packages-and-libraries", "simple-change", "vendor-tool",
  ]

  @Test func `Every example is tested here, and named in the documentation`() throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: ExampleStage.examples).sorted()
    #expect(found == (Self.scripts + ["small-base"]).sorted())
    let page = try String(contentsOfFile: ExampleStage.examples + "/../../docs/overlays.md", encoding: .utf8)
    for name in found { #expect(page.contains("scripts/examples/\(name)"), "\(name)") }
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
}
