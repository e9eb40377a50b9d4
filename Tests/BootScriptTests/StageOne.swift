import Foundation
@_exported import TestSupport
import Testing

/// The shells that the boot script must run under: busybox, which the initramfs has, and dash, which is Debian's `sh`.
enum Shell: String, CaseIterable, CustomTestStringConvertible {
  case busybox
  case dash

  var command: [String] { self == .busybox ? ["/bin/busybox", "sh"] : ["/bin/dash"] }
  var testDescription: String { rawValue }
}

/// A directory that the boot script takes for a machine in the initramfs: it has its own proc, sys, dev and run,
/// programs that note their calls, and a clock that only `sleep` moves.
final class StageOne {
  /// The real program, for tests that need a device. The boot script gets a fake one.
  static let mknod = "/usr/bin/mknod"

  private let scratch: ScratchDirectory
  private let shell: Shell

  /// - Parameter commandLine: what `/proc/cmdline` says.
  init(_ shell: Shell, _ commandLine: String = "") throws {
    self.shell = shell
    scratch = try ScratchDirectory()
    try write("proc/cmdline", commandLine + "\n")
    try write("proc/uptime", "2.00 3.00\n")
    try write("proc/meminfo", "MemTotal: 524288 kB\nMemAvailable: 262144 kB\n")
    try write("proc/filesystems", "nodev\ttmpfs\nnodev\toverlay\n")
    try write("proc/sys/kernel/printk_devkmsg", "")
    try write("sys/class/tty/console/active", "tty0 ttyS0\n")
    for empty in ["dev", "run", "etc", "root/etc", "programs"] { try makeDirectory(empty) }
    try write("scripts/monorail", try Self.part("initramfs/scripts/monorail"))
    try write("scripts/monorail-functions", try Self.part("initramfs/scripts/monorail-functions"))
    try write("scripts/monorail-lease", try Self.part("root/usr/lib/microkernel/lease"))
    for name in ["parameters", "consoles", "load-modules"] {
      try write("scripts/monorail-\(name)", try Self.part("root/usr/lib/microkernel/\(name)"))
      try write("root/usr/lib/microkernel/\(name)", try Self.part("root/usr/lib/microkernel/\(name)"))
    }
    // What the kernel has said.
    try write("dmesg", "")
    try program("dmesg", #"cat "$D/dmesg""#, notes: false)
    for name in ["ip", "mount", "losetup", "modprobe", "mknod", "sync", "setsid"] { try program(name) }
    // Another process of the script reports progress every five seconds. It must not move the clock: its sleep fails,
    // which ends that process.
    try program(
      "sleep",
      """
      case $1 in 5) exit 1 ;; 3600) kill -9 "$PPID" ;; esac
      awk -v more="$1" '{ printf "%.2f\\n", $1 + more }' "$D/proc/uptime" >"$D/proc/uptime.new" &&
        mv "$D/proc/uptime.new" "$D/proc/uptime"
      """, notes: false)
    try program("reboot", "kill -9 $PPID")
    try program(
      "udhcpc",
      """
      interface=$4
      export interface; [ -e "$D/lease.$interface" ] || exit 1
      set -a; . "$D/lease.$interface"; set +a
      exec sh "$6" bound
      """)
    // Each call takes a line of `answers`, an exit code and a message. When no line is left, it copies the file.
    try program(
      "agent",
      """
      if [ -s "$D/answers" ]; then
        read -r code words <"$D/answers"; sed -i 1d "$D/answers"
        [ "$code" = 0 ] || { echo "$words" >&2; exit "$code"; }
      fi
      cp "$D/files/${2##*/}" "$4"
      """)
    try write("files/base.img", "an image")
  }

  var directory: String { scratch.path }
  func path(_ name: String) -> String { scratch(name) }
  func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  func write(_ name: String, _ text: String) throws {
    try makeDirectory((name as NSString).deletingLastPathComponent)
    try scratch.write(text, to: name)
  }

  func text(_ name: String) -> String { scratch.text(of: name) }

  /// Adds a network interface as the kernel shows it in /sys.
  ///
  /// - Parameter lease: what a DHCP server answers; `nil` for no answer.
  func addNIC(_ name: String, mac: String, lease: String? = "ip=10.1.1.7 mask=24 router=10.1.1.1 dns=10.1.1.2") throws {
    try write("sys/class/net/\(name)/address", mac + "\n")
    try write("sys/class/net/\(name)/type", "1\n")
    try write("sys/class/net/\(name)/carrier", "1\n")
    try makeDirectory("sys/class/net/\(name)/device")
    if let lease { try write("lease.\(name)", lease.replacing(" ", with: "\n") + "\nserverid=10.1.1.1\n") }
  }

  /// Makes a program that notes its call and then runs `script`, in which `$D` is the machine's directory.
  func program(_ name: String, _ script: String = "", notes: Bool = true) throws {
    let note = notes ? "echo \"\(name) $*\" >>\"$D/calls\"\n" : ""
    try write("programs/\(name)", "\(note)\(script)\n")
  }

  /// Sources the boot script and runs the lines.
  ///
  /// - Returns: what they print, and their exit code, or 128 and the number of the signal that ended them.
  ///
  /// The programs are shell functions, since busybox prefers its own `ip`, `mount` and `reboot` to those in PATH, and
  /// every shell prefers functions. The script runs in namespaces of its own, so that even a real program could not
  /// change this machine's network, mounts and processes.
  func run(_ lines: String, under shell: Shell? = nil) throws -> (output: String, status: Int32) {
    let shell = shell ?? self.shell
    let names = try FileManager.default.contentsOfDirectory(atPath: path("programs")).sorted()
    let functions =
      names
      .map { "\($0)() { /bin/dash \"$D/programs/\($0)\" \"$@\"; }" }.joined(separator: "\n")
    let confined = [
      "/usr/bin/unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
      // The script kills itself, which the first process of a namespace cannot do: so it is the second one.
      "/usr/bin/timeout", "--kill-after=1", "600",
    ]
    // A shell writes it, not this process: a child that another test starts at the same moment would inherit the open
    // file, and the kernel runs no file that is open for writing (ETXTBSY).
    let notedIP = #"printf '#!/bin/dash\necho "ip $*" >>"$D/calls"\n' >"$D/noted-ip" && chmod 755 "$D/noted-ip""#
    let lease = #"cd "$D/scripts" && cp monorail-lease new && chmod 755 new && mv -f new monorail-lease; cd /"#
    let script = [notedIP, lease, functions, ". \"$D/scripts/monorail\"", lines].joined(separator: "\n")
    var environment = [
      "PATH": "\(path("programs")):/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "D": directory,
      "rootmnt": path("root"), "monorail_scripts": path("scripts"), "monorail_agent": "agent",
      "LEASE_IP": path("noted-ip"),
    ]
    for name in ["proc", "sys", "dev", "run", "etc"] { environment["monorail_\(name)"] = path(name) }
    let result = try ChildProcess.run(
      confined + shell.command + ["-c", script], environment: environment, errorsToOutput: true)
    return (result.output, result.code)
  }

  private static func part(_ name: String) throws -> String {
    try String(contentsOfFile: Repository.path("scripts/microkernel.d/\(name)"), encoding: .utf8)
  }
}
