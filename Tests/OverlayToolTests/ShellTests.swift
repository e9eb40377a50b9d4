import Foundation
import Testing

@Suite(.enabled(if: ShellStage.isPossible, "needs root and loop devices"))
struct ShellTests {
  @Test(arguments: ["gzip", "zstd", "xz", "none"])
  func whatNothingChangesStaysByteForByte(_ compression: String) async throws {
    let stage = try await ShellStage(
      overlay: """
        mkdir -p etc data opt/t run; echo a >opt/t/a; ln opt/t/a opt/t/b; chmod 4755 opt/t/a; ln -s a opt/t/l
        mknod data/one c 0 0; mknod data/absent c 0 0; mknod opt/t/dev b 7 9; mkfifo opt/t/p; chown -h 12:34 opt/t/l
        mkdir -p var/lib/apt/lists; echo meant >var/lib/apt/lists/meant; echo x >run/x; echo nameserver ::7 >etc/resolv.conf
        mkdir proc; mknod tmp c 0 0; touch -d @1000 opt/t etc/resolv.conf etc data .
        """)
    let packed = stage.path("y.overlay.cpio")
    try await stage.tool("unpack", stage.overlay, stage.path("y"))
    try await stage.tool(
      "pack", stage.path("y"), "-o", packed, "--no-required", "--mtime", "keep", "--owner", "keep", "--compression",
      compression)
    let before = try stage.contents("y.overlay.cpio")
    let result = try await stage.shell("cat /etc/resolv.conf >/dev/null; find / -xdev >/dev/null", on: packed)
    #expect(result.code == 0, "\(result.errors)")
    #expect(try stage.contents("y.overlay.cpio") == before)
    #expect(result.errors == "")
  }

  @Test func theResultShowsOverTheBaseImageWhatTheCommandSaw() async throws {
    let stage = try await ShellStage(
      base:
        "mkdir -p replaced/deep kept/a; echo 1 >replaced/1; echo 2 >replaced/deep/2; echo 3 >kept/a/3; echo f >file",
      overlay: "mkdir -p etc replaced; echo own >etc/own; echo o >replaced/o; mknod data c 0 0")
    let listing = """
      cd /; for d in data etc replaced kept file opt; do [ ! -e $d ] || find $d; done | sort | while read -r f; do stat -c '%n %A %u:%g %N' "$f"; \
      [ -L "$f" ] || [ ! -f "$f" ] || cat "$f"; done
      """
    let result = try await stage.shell(
      """
      rm -r /replaced; mkdir -m 750 /replaced /replaced/deep; echo new >/replaced/new
      rm /etc/hostname; mkdir /data; echo back >/data/back; mv /kept/a /kept/b; rm /file; mkdir /file; echo in >/file/in
      mkdir -p /opt/x; ln -s /etc/own /opt/x/l; chown 5:6 /etc/own; chmod u+s /etc/own
      \(listing)
      """, options: ["--offline"])
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("replaced/new") && !result.output.contains("replaced/o"))
    let names = try await stage.names()
    #expect(Set(["!replaced/1", "!replaced/deep/2", "!etc/hostname", "!kept/a", "file/in"]).isSubset(of: names))
    #expect(!names.contains { $0.hasPrefix("usr") || $0.hasPrefix("proc") || $0.hasPrefix("!replaced/o") })
    // The kernel's own overlayfs, with nothing of the program's.
    let seen = try await stage.host(
      """
      exec unshare --mount sh -euc '
        mkdir m; mount -t tmpfs m m; mkdir m/base m/upper m/work m/root; mount -o loop,ro base.img m/base
        (cd m/upper && gzip -dc "$1" | cpio -idm --quiet)
        mount -t overlay -o lowerdir=m/base,upperdir=m/upper,workdir=m/work o m/root
        exec chroot m/root /bin/sh -c "$2"' sh '\(stage.overlay)' '\(listing.replacing("'", with: "'\\''"))'
      """)
    #expect(seen == result.output)
  }

  @Test(arguments: [
    ("echo x >/x; exit 3", 3, "ended with 3"), ("echo x >/x; kill -9 $$", 137, "ended by SIGKILL"),
    ("echo x >/x; exec /no/such", 127, "ended with 127"),
  ])
  func aCommandThatFailsChangesNothing(_ script: String, _ code: Int32, _ words: String) async throws {
    let stage = try await ShellStage()
    let (before, files) = (try stage.contents("x.overlay.cpio.gz"), stage.files)
    let result = try await stage.shell(script)
    #expect(result.code == code)
    #expect(result.errors.contains(words) && result.errors.contains("x.overlay.cpio.gz is unchanged"))
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    #expect(stage.files == files)
    try await stage.expectNothingLeft()
  }

  @Test(arguments: ["new.overlay.cpio.gz", "x.overlay.cpio.gz"])
  func aCommandThatFailsMakesNoArchive(_ overlay: String) async throws {
    let stage = try await ShellStage()
    let (options, files) = (["--no-required", "-o", "result.overlay.cpio.gz"], stage.files)
    let result = try await stage.shell("exit 3", options: options, on: overlay)
    #expect(result.code == 3 && result.errors.contains("ended with 3: result.overlay.cpio.gz was not made"))
    #expect(stage.files == files)
  }

  @Test func theCommandFindsASystemOfItsOwn() async throws {
    let stage = try await ShellStage()
    let result = try await stage.shell(
      """
      echo "pid $$"; id -u; pwd; ls /proc | grep -c '^[0-9]'; echo >/dev/null && head -c 3 /dev/zero | wc -c
      [ -c /dev/ptmx ] && [ -d /dev/shm ] && [ -d /proc/self/fd ] && [ -d /sys/class ] && [ -w /tmp ] && echo system
      echo 1 >/proc/sys/kernel/printk 2>/dev/null || echo read-only; /usr/sbin/policy-rc.d; echo "policy $?"
      readlink /proc/self/fd | grep -q . ; ls /proc/self/fd | wc -l; grep CapBnd /proc/self/status; umask
      """)
    #expect(result.code == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines[0] == "pid 2" && lines[1] == "0" && lines[2] == "/root")
    #expect(lines.contains("system") && lines.contains("read-only") && lines.contains("policy 101"))
    // stdin, stdout, stderr, and the directory that ls reads.
    #expect(lines.contains("4"))
    #expect(lines.last == "0022")
    #expect(try await stage.names() == [".", "etc", "etc/own"])
  }

  @Test func processesThatTheCommandLeftAreEnded() async throws {
    let stage = try await ShellStage()
    let marker = stage.path("daemon")
    let result = try await stage.shell(
      "(trap '' TERM HUP; exec setsid sh -c 'while :; do sleep 1; done' '\(marker)') >/dev/null 2>&1 & echo started")
    #expect(result.code == 0 && result.output == "started\n")
    try await stage.expectNothingLeft()
  }

  @Test func withoutARouteToAnywhere() async throws {
    let stage = try await ShellStage()
    let result = try await stage.shell(
      "ls /sys/class/net; cat /proc/net/route | wc -l; [ -e /etc/resolv.conf ] || echo none; ping -c 1 -W 5 127.0.0.1 | grep -c ' 0% packet loss'",
      options: ["--offline"])
    #expect(result.output == "lo\n1\nnone\n1\n", "\(result.errors)")
  }

  @Test func `The first process of a workspace keeps nothing open but its streams and two pipes`() async throws {
    let stage = try await ShellStage()
    let result = try await stage.shell("ls /proc/1/fd | wc -w; ls -l /proc/1/fd >&2")
    #expect(result.output == "5\n", "\(result.errors)")
  }

  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: "/etc/resolv.conf")),
    arguments: [
      (":", "mkdir etc"), ("mkdir run; ln -s ../run/resolve/stub etc/resolv.conf", "mkdir etc"),
      ("echo base >etc/resolv.conf", "mkdir etc; mknod etc/resolv.conf c 0 0"),
      ("echo base >etc/resolv.conf", "mkdir etc; echo own >etc/resolv.conf"),
      (":", "mkdir etc; echo own >etc/resolv.conf; ln etc/resolv.conf etc/other"),
      (":", "mkdir etc; ln -s /opt/resolve/stub etc/resolv.conf"),
    ])
  func thisMachinesResolverIsThereWithoutATrace(_ base: String, _ overlay: String) async throws {
    let stage = try await ShellStage(base: base, overlay: overlay)
    let before = try stage.contents("x.overlay.cpio.gz")
    let result = try await stage.shell("cat /etc/resolv.conf")
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output == (try String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)))
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
  }

  @Test func aResolverThatTheCommandWritesIsKept() async throws {
    let stage = try await ShellStage(overlay: "mkdir etc; echo own >etc/resolv.conf")
    #expect(try await stage.shell("echo nameserver ::1 >/etc/resolv.conf").code == 0)
    #expect(
      try await stage.host("gzip -dc x.overlay.cpio.gz | cpio -i --quiet --to-stdout etc/resolv.conf")
        == "nameserver ::1\n")
    #expect(try await stage.shell("rm /etc/resolv.conf").code == 0)
    #expect(try await stage.names() == [".", "etc"])
  }

  @Test func bindsShowThisMachinesFilesAndLeaveNoTrace() async throws {
    let stage = try await ShellStage(base: "mkdir srv; ln -s srv there; echo hidden >srv/hidden")
    try await stage.host("mkdir debs; echo deb >debs/deb; echo f >one")
    let result = try await stage.shell(
      "cat /opt/a/b/deb /deep/one /there/deb /tmp/in/deb /etc/hostname; ls /srv; echo made >/opt/a/b/made; echo kept >/opt/kept",
      options: [
        "--bind", "debs:/opt/a/b", "--bind", "\(stage.path("one")):/deep/one", "--bind", "debs:/there", "--bind",
        "debs:/tmp/in", "--bind", "one:/etc/hostname",
      ])
    #expect(result.output == "deb\nf\ndeb\ndeb\nf\ndeb\n", "\(result.errors)")
    #expect(try stage.contents("debs/made") == Data("made\n".utf8))
    #expect(try await stage.names() == [".", "etc", "etc/own", "opt", "opt/kept"])
    let failed = try await stage.shell("true", options: ["--bind", "nothing:/opt"])
    #expect(failed.code == 125 && failed.errors.contains("cannot find nothing"))
    #expect(try await stage.shell("true", options: ["--bind", "debs"]).code == 64)
  }

  @Test func cachesThatTheCommandLeftAreNotPacked() async throws {
    let stage = try await ShellStage()
    let script = """
      mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives /var/log/apt /opt
      for f in /var/lib/apt/lists/l /var/cache/apt/archives/a.deb /var/cache/apt/base.bin /var/log/apt/history.log \
        /var/log/dpkg.log /var/lib/dpkg/status-old /root/.ash_history /tmp/t /opt/tool; do echo x >$f; done
      """
    #expect(try await stage.shell(script, options: ["-o", stage.path("kept.cpio.gz"), "--keep-caches"]).code == 0)
    #expect(try await stage.shell(script).code == 0)
    #expect(
      try await stage.names() == [
        ".", "etc", "etc/own", "opt", "opt/tool", "var", "var/lib", "var/lib/apt", "var/lib/apt/lists", "var/log",
        "var/log/apt",
      ])
    let kept = try await stage.names(in: stage.path("kept.cpio.gz"))
    #expect(Set(["var/cache/apt/base.bin", "var/lib/dpkg/status-old", "root/.ash_history"]).isSubset(of: kept))
    #expect(!kept.contains("tmp/t"))
  }

  @Test func aDirectoryIsReplacedAsAWhole() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir -m 750 d; cd d; echo a >a; ln a b; chown 7:8 a; touch -d @1000 a; touch -d @2000 .")
    let look = "ls -dli --time-style=+%s d d/*"
    let before = try await stage.host(look)
    #expect(try await stage.shell("rm /a; exit 1", on: "d").code == 1)
    #expect(try await stage.host(look) == before)
    let result = try await stage.shell("rm -r /data/sub /b; echo c >/c", on: "d")
    #expect(result.code == 0, "\(result.errors)")
    #expect(
      try await stage.host("cd d; find . | sort; stat -c '%F %t:%T %a %u:%g' data/sub . ; stat -c '%u:%g %Y %h' a")
        == """
        .
        ./a
        ./c
        ./data
        ./data/sub
        character special file 0:0 0 0:0
        directory 0:0 750 0:0
        7:8 1000 1

        """)
    #expect(stage.files == ["base.img", "d", "x.overlay.cpio.gz"])
  }

  @Test func aNewArchiveGetsTheRequiredFiles() async throws {
    let stage = try await ShellStage(overlay: nil)
    try await stage.host(
      "mkdir -p skel/etc skel/opt/monorail; echo skel >skel/s; echo '#!/bin/sh' >rc; echo agent >agent")
    let required = ["--skeleton", "skel", "--rc-local", "rc", "--agent", "agent"]
    let result = try await stage.shell("echo x >/opt-file", options: required, on: "new.cpio.gz")
    #expect(result.code == 0, "\(result.errors)")
    #expect(
      try await stage.names(in: "new.cpio.gz") == [
        ".", "etc", "etc/rc.local", "opt", "opt/monorail", "opt/monorail/monorail-agent", "opt-file", "s",
      ])
    #expect(try await stage.shell("echo x >/x", options: ["--no-required"], on: "bare.cpio.gz").code == 0)
    #expect(try await stage.names(in: "bare.cpio.gz") == [".", "x"])
    let missing = try await stage.shell("echo ran", options: required + ["--agent", "none"], on: "third.cpio.gz")
    #expect(missing.code == 125 && missing.errors.contains("there is no none") && missing.output == "")
  }

  @Test func theResultCanGoElsewhere() async throws {
    let stage = try await ShellStage()
    let before = try stage.contents("x.overlay.cpio.gz")
    let result = try await stage.shell(
      "echo x >/x", options: ["-o", "y.cpio.zst", "--compression", "zstd", "--mtime", "7"])
    #expect(result.code == 0, "\(result.errors)")
    #expect(try stage.contents("x.overlay.cpio.gz") == before)
    #expect(try stage.contents("y.cpio.zst").prefix(4) == Data([0x28, 0xB5, 0x2F, 0xFD]))
    #expect(try await stage.names(in: "y.cpio.zst") == [".", "etc", "etc/own", "x"])
  }

  @Test func theArchiveKeepsItsOwnerAndPermissions() async throws {
    let stage = try await ShellStage()
    try await stage.host("chown 12:34 x.overlay.cpio.gz; chmod 640 x.overlay.cpio.gz; ln -s x.overlay.cpio.gz link")
    #expect(try await stage.shell("echo x >/x", on: "link").code == 0)
    #expect(
      try await stage.host("stat -c '%u:%g %a %F' x.overlay.cpio.gz link")
        == "12:34 640 regular file\n0:0 777 symbolic link\n")
    #expect(try await stage.names().contains("x"))
  }

  @Test func aDebianPackageCanBeInstalled() async throws {
    let stage = try await ShellStage()
    try await stage.host(
      """
      mkdir -p p/DEBIAN p/opt/tool; echo '#!/bin/sh' >p/opt/tool/run; chmod 755 p/opt/tool/run; mkdir debs
      printf 'Package: tool\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' >p/DEBIAN/control
      printf '#!/bin/sh\\nset -e\\n/usr/sbin/policy-rc.d && exit 1\\necho configured >/opt/tool/state\\n' >p/DEBIAN/postinst
      chmod 755 p/DEBIAN/postinst; dpkg-deb -Zgzip --root-owner-group -b p debs/tool.deb >/dev/null
      """)
    let result = try await stage.shell("dpkg -i /debs/tool.deb && /opt/tool/run", options: ["--bind", "debs:/debs"])
    #expect(result.code == 0, "\(result.errors)\(result.output)")
    let names = try await stage.names()
    #expect(Set(["opt/tool/run", "opt/tool/state", "var/lib/dpkg/status"]).isSubset(of: names))
    #expect(!names.contains { $0.hasPrefix("debs") || $0.hasPrefix("usr") || $0.hasPrefix("tmp") })
  }

  /// As in a container, whose /dev does not get the devices that the kernel makes as they are wanted.
  @Test func aLoopDeviceNeedsNoNameInDev() async throws {
    let stage = try await ShellStage()
    try await stage.host("mkdir dev")
    let script = """
      mount -t tmpfs none dev
      mknod -m 666 dev/null c 1 3; mknod -m 666 dev/zero c 1 5; mknod -m 666 dev/full c 1 7
      mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9; mknod -m 666 dev/tty c 5 0
      mknod dev/loop-control c 10 237; mkdir dev/pts dev/shm; ln -s /proc/self/fd dev/fd
      mount --move dev /dev
      ls /dev >before
      "$@"
      ls /dev | diff before -
      """
    let result = try await ToolProcess(
      ["unshare", "--mount", "sh", "-euc", script, "sh"] + stage.arguments("cat /etc/own"), in: stage.directory
    ).wait()
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output == "own\n")
  }
}
