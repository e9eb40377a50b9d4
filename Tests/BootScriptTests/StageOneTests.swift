import Foundation
import Testing

/// The whole of stage 1, with programs that stand in for the kernel, the network and the server.
@Suite(.timeLimit(.minutes(30))) struct StageOneTests {
  private static let mac = "00:1e:67:98:bc:7e"
  private static let urls = "BASEFS=http://10.1.1.1/common/base.img OVERLAYFS=http://10.1.1.1/common/one.cpio.gz"

  /// A machine with one NIC and one overlay that brings a file and a whiteout.
  private func machine(_ shell: Shell, _ commandLine: String = urls) throws -> StageOne {
    let machine = try StageOne(shell, commandLine)
    try machine.addNIC("eth0", mac: Self.mac)
    try addOverlay(machine, "one")
    return machine
  }

  private func addOverlay(_ machine: StageOne, _ name: String, compress: String = "gzip -n") throws {
    let made = try machine.run(
      """
      mkdir -p "$D/tree/etc" && cd "$D/tree" && echo \(name) >etc/motd && \(StageOne.mknod) etc/gone c 0 0
      find . | cpio -o -H newc --quiet | \(compress) >"$D/files/\(name).cpio.gz"
      """, under: .dash)
    try #require(made.status == 0, "\(made.output)")
  }

  /// Runs stage 1; gives what the last console shows.
  private func boot(_ machine: StageOne) throws -> String {
    let (output, status) = try machine.run("mountroot && echo switched")
    let console = machine.text("dev/ttyS0").replacing("\r\n", with: "\n")
    #expect(output.contains("switched") == (status == 0), "\(output)")
    #expect(machine.text("dev/tty0").replacing("\r\n", with: "\n") == console)
    #expect(machine.text("dev/kmsg").replacing("<7>", with: "") == console)
    #expect(
      console.split(separator: "\n").allSatisfy { $0.hasPrefix("monorail: ") && $0.contains(" s: ") }, "\(console)")
    return console
  }

  @Test("A node gets its lease, its images and its root", arguments: Shell.allCases)
  func everythingIsThere(shell: Shell) throws {
    let digest = String(repeating: "ab", count: 32)
    let machine = try machine(shell, "\(Self.urls) BOOTIF=01-00-1E-67-98-BC-7E BASEFS_SHA256=\(digest)")
    try machine.addNIC("eth1", mac: "00:1e:67:98:bc:7f")
    let console = try boot(machine)
    let calls = machine.text("calls")
    let state = machine.path("run/microkernel")
    #expect(!calls.contains("udhcpc -f -q -i eth1"), "only the NIC of BOOTIF is asked")
    #expect(
      calls.contains(
        "agent fetch http://10.1.1.1/common/base.img -o \(state)/image/base.img --sha256 \(digest)\n"))
    #expect(calls.contains("mount -t squashfs -o ro"))
    #expect(
      calls.contains(
        "mount -t overlay -o lowerdir=\(state)/base,upperdir=\(state)/overlay/1,workdir=\(state)/overlay/work root"))
    #expect(machine.text("run/microkernel/overlay/1/etc/motd") == "one\n")
    var status = stat()
    #expect(lstat(machine.path("run/microkernel/overlay/1/etc/gone"), &status) == 0)
    #expect(status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0, "the whiteout is there")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: machine.path("root/etc/resolv.conf"))
        == "/run/resolv.conf")
    #expect(machine.text("run/resolv.conf").contains("nameserver 10.1.1.2"))
    #expect(console.contains("eth0 has 10.1.1.7/24, router 10.1.1.1, name server 10.1.1.2, from 10.1.1.1\n"))
    #expect(console.contains("stages: kernel and drivers 2.00 s, lease "))
  }

  @Test("Later overlays lie above earlier ones", arguments: Shell.allCases)
  func severalOverlays(shell: Shell) throws {
    let machine = try machine(
      shell, Self.urls + ",http://10.1.1.1/two.cpio.gz OVERLAYFS_SHA256=,\(String(repeating: "1", count: 64))")
    try addOverlay(machine, "two", compress: "zstd -q")
    _ = try boot(machine)
    let layers = machine.path("run/microkernel/overlay")
    #expect(
      machine.text("calls").contains(
        "lowerdir=\(layers)/1:\(machine.path("run/microkernel/base")),upperdir=\(layers)/2,"))
    #expect(machine.text("run/microkernel/overlay/2/etc/motd") == "two\n")
    #expect(machine.text("calls").contains("two.cpio.gz -o \(layers)/archive --sha256 1111"))
    #expect(machine.text("calls").contains("one.cpio.gz -o \(layers)/archive\n"))
  }

  @Test(
    "Overlays are unpacked whatever their compression", arguments: ["gzip", "zstd -q", "xz", "cat"], Shell.allCases)
  func compression(_ program: String, shell: Shell) throws {
    let machine = try machine(shell)
    try addOverlay(machine, "one", compress: program)
    _ = try boot(machine)
    #expect(machine.text("run/microkernel/overlay/1/etc/motd") == "one\n")
  }

  /// A boot that must end in a sentence and a reboot.
  struct Failure: Sendable, CustomTestStringConvertible {
    var name: String
    var commandLine = StageOneTests.urls
    /// What the agent's `fetch` ends with: an exit code and a message for each call.
    var answers = ""
    var overlay: String?
    var says: [String]
    var testDescription: String { name }
  }

  @Test(
    "Every failure is said on all consoles, and then the node reboots",
    arguments: [
      Failure(
        name: "no BASEFS", commandLine: "quiet", says: ["cannot boot: there is no BASEFS= on the kernel command line"]),
      Failure(name: "no URL", commandLine: "BASEFS=/base.img", says: ["\"/base.img\" is no http or https URL"]),
      Failure(
        name: "bad digest", commandLine: urls + " BASEFS_SHA256=12",
        says: ["the SHA-256 \"12\" for http://10.1.1.1/common/base.img is not"]),
      Failure(
        name: "empty digest", commandLine: urls + " BASEFS_SHA256=",
        says: ["BASEFS_SHA256= is empty on the kernel command line: give it a SHA-256, or leave it out"]),
      Failure(
        name: "a second, empty digest",
        commandLine: urls + " BASEFS_SHA256=\(String(repeating: "1", count: 64)) BASEFS_SHA256",
        says: ["BASEFS_SHA256= is empty"]),
      Failure(
        name: "empty overlay digest", commandLine: urls + " OVERLAYFS_SHA256=\"\"",
        says: ["OVERLAYFS_SHA256= is empty"]),
      Failure(
        name: "no overlay digest", commandLine: urls + ",http://h/2 OVERLAYFS_SHA256=,",
        says: ["OVERLAYFS_SHA256= is empty"]),
      Failure(
        name: "too few digests", commandLine: urls + ",http://h/2 OVERLAYFS_SHA256=12",
        says: ["OVERLAYFS= names 2 overlays, OVERLAYFS_SHA256= has 1 digests"]),
      Failure(
        name: "refused",
        answers: "1 GET http://10.1.1.1/common/base.img: the SHA-256 is 1, but it should be 2; not used\n",
        says: ["cannot boot: GET http://10.1.1.1/common/base.img: the SHA-256 is 1, but it should be 2; not used"]),
      Failure(
        name: "server down", answers: String(repeating: "75 GET x: connection refused\n", count: 100),
        says: ["GET x: connection refused; trying again in 1 s", "connection refused; so for 3"]),
      Failure(
        name: "killed", answers: "137 Killed\n",
        says: [
          "cannot boot: fetching http://10.1.1.1/common/base.img was ended by signal 9: too little memory? "
            + "256 MiB of it are available"
        ]),
      Failure(name: "no archive", overlay: "echo '<html>' >", says: ["one.cpio.gz is no cpio archive"]),
      Failure(
        name: "cut archive", overlay: "truncate -s 100", says: ["cannot unpack http://10.1.1.1/common/one.cpio.gz"]),
    ], Shell.allCases)
  func failures(_ failure: Failure, shell: Shell) throws {
    let machine = try machine(shell, failure.commandLine)
    if let overlay = failure.overlay { _ = try machine.run("\(overlay) \"$D/files/one.cpio.gz\"") }
    try machine.write("answers", failure.answers)
    let console = try boot(machine)
    for sentence in failure.says { #expect(console.contains(sentence), "\(console)") }
    #expect(console.contains("rebooting in 300 s; boot with monorail.debug for a shell"))
    #expect(console.hasSuffix(": rebooting\n"))
    #expect(machine.text("calls").hasSuffix("sync \nreboot -f\n"))
  }

  @Test("A server that comes up is found", arguments: Shell.allCases)
  func serverComesUp(shell: Shell) throws {
    let machine = try machine(shell)
    try machine.write("answers", String(repeating: "75 GET x: connection refused\n", count: 4))
    let console = try boot(machine)
    #expect(console.contains("trying again in 8 s"))
    #expect(console.contains("switching to the root"))
  }

  @Test("Without a lease a node asks on, says so, and reboots at last", arguments: Shell.allCases)
  func noLease(shell: Shell) throws {
    let machine = try StageOne(shell, Self.urls + " monorail.reboot=25")
    try machine.addNIC("eth0", mac: Self.mac, lease: nil)
    let console = try boot(machine)
    #expect(console.contains("asking for a lease on eth0 (00:1e:67:98:bc:7e, link)"))
    #expect(console.contains("no DHCP server answers after 20 s on eth0 (00:1e:67:98:bc:7e, link)"))
    #expect(console.contains("cannot boot: no lease in 25 s: is the DHCP server up"))
    #expect(machine.text("calls").hasSuffix("reboot -f\n"))
  }

  @Test("A BOOTIF that no NIC has leads to every NIC, after a while", arguments: Shell.allCases)
  func strangeBOOTIF(shell: Shell) throws {
    let machine = try machine(shell, Self.urls + " BOOTIF=01-00-00-00-00-00-01")
    let console = try boot(machine)
    #expect(console.contains("there is no NIC with the MAC address 00:00:00:00:00:01 after 10 s; found: eth0"))
    #expect(console.contains("no NIC has the MAC address 00:00:00:00:00:01 of BOOTIF: trying every NIC"))
    #expect(console.contains("eth0 has 10.1.1.7/24"))
  }

  @Test("A NIC of BOOTIF without DHCP leads to every NIC, after a minute", arguments: Shell.allCases)
  func silentBOOTIF(shell: Shell) throws {
    let machine = try machine(shell, Self.urls + " BOOTIF=01-00-1e-67-98-bc-01")
    try machine.addNIC("aaa0", mac: "00:1e:67:98:bc:01", lease: nil)
    let console = try boot(machine)
    #expect(
      console.contains(
        "no DHCP server answers after 60 s on aaa0 (00:1e:67:98:bc:01, link), the NIC of BOOTIF: trying every NIC"))
    #expect(console.contains("eth0 has 10.1.1.7/24"))
  }

  @Test(
    "A node in a VLAN gets its lease there", arguments: [("eth0", "eth0.77"), ("enx001e6798bc7e", "001e6798bc7e.77")],
    Shell.allCases)
  func vlan(names: (nic: String, vlan: String), shell: Shell) throws {
    let machine = try StageOne(shell, Self.urls + " monorail.vlan=77")
    try machine.addNIC(names.nic, mac: Self.mac, lease: nil)
    try machine.write("lease.\(names.vlan)", "ip=10.1.1.7\nmask=24\nserverid=10.1.1.1\n")
    let console = try boot(machine)
    #expect(console.contains("asking for a lease on \(names.nic) (00:1e:67:98:bc:7e, link), in VLAN 77"))
    #expect(console.contains("\(names.vlan) has 10.1.1.7/24"))
    let calls = machine.text("calls")
    #expect(calls.contains("ip link add link \(names.nic) name \(names.vlan) type vlan id 77\n"))
    #expect(calls.contains("ip link set dev \(names.vlan) up\n"))
  }

  @Test("What is no VLAN is refused", arguments: ["0", "4095", "x", ""], Shell.allCases)
  func noVLAN(value: String, shell: Shell) throws {
    let console = try boot(try machine(shell, Self.urls + " monorail.vlan=\(value)"))
    #expect(console.contains("cannot boot: monorail.vlan=\(value) is no VLAN: those have the numbers 1 to 4094"))
  }

  /// - Parameter longest: the largest ping that comes back.
  @Test(
    "An MTU that the network does not carry is not used, also by renewals",
    arguments: [(1472, true), (8972, false), (0, false)], Shell.allCases)
  func mtu(longest: (bytes: Int, isTooShort: Bool), shell: Shell) throws {
    let machine = try StageOne(shell, Self.urls)
    try machine.addNIC("eth0", mac: Self.mac, lease: "ip=10.1.1.7 mask=24 mtu=9000")
    // ping -c N -W N -s BYTES HOST
    try machine.program("ping", "[ $6 -le \(longest.bytes) ]")
    let console = try boot(machine)
    let warned = console.contains(
      "eth0 has an MTU of 9000 from the DHCP server, but frames of that length do not come through to ")
    #expect(warned == longest.isTooShort, "\(console)")
    #expect(machine.text("calls").contains("ip link set dev eth0 mtu 9000\n"))
    try machine.write("calls", "")
    _ = try machine.run("LEASE_RUN=$D/run sh \"$D/scripts/monorail-lease\" apply \"$D/run/microkernel/lease\"")
    #expect(machine.text("calls").hasSuffix("ip link set dev eth0 mtu \(longest.isTooShort ? 1500 : 9000)\n"))
  }

  @Test("The first NIC with a lease wins, and the others go down", arguments: Shell.allCases)
  func severalNICs(shell: Shell) throws {
    let machine = try machine(shell)
    try machine.addNIC("aaa0", mac: "00:1e:67:98:bc:01", lease: nil)
    try machine.makeDirectory("sys/class/net/lo")
    let console = try boot(machine)
    #expect(console.contains("asking for a lease on aaa0") && console.contains("eth0 has 10.1.1.7/24"))
    #expect(machine.text("calls").contains("ip link set dev aaa0 down"))
    #expect(!console.contains(" lo "))
  }

  @Test("Firmware that a driver did not find is said once, with the NIC that wants it", arguments: Shell.allCases)
  func missingFirmware(shell: Shell) throws {
    let machine = try StageOne(shell, Self.urls + " monorail.reboot=25")
    try machine.addNIC("eth0", mac: Self.mac, lease: nil)
    for (address, parts) in [("0000:01:00.0", "net/eth0"), ("0000:02:00.0", "empty"), ("0000:03:00.0", "empty")] {
      try machine.makeDirectory("sys/bus/pci/devices/\(address)/\(parts)")
    }
    try machine.write("sys/bus/pci/devices/0000:02:00.0/class", "0x020000\n")
    try machine.write("sys/bus/pci/devices/0000:03:00.0/class", "0x0c0330\n")
    // The forms of Debian's kernels and of others; the first one comes again each time the NIC goes up.
    try machine.write(
      "dmesg",
      """
      [    3.1] bnx2 0000:01:00.0: firmware: failed to load bnx2/bnx2-mips-09-6.2.1b.fw (-2)
      [    3.1] firmware_class: See https://wiki.debian.org/Firmware for information about missing firmware
      [    3.2] bnx2x 0000:02:00.0: Direct firmware load for bnx2x/bnx2x-e2-7.13.21.0.fw failed with error -2
      [    3.3] xhci_hcd 0000:03:00.0: firmware: failed to load renesas_usb_fw.mem (-2)
      [    4.1] bnx2 0000:01:00.0: firmware: failed to load bnx2/bnx2-mips-09-6.2.1b.fw (-2)
      [    4.2] bnx2 0000:01:00.0: firmware: direct-loading firmware bnx2/bnx2-rv2p-09-6.0.17.fw
      """)
    let said = try boot(machine).split(separator: "\n").filter { $0.contains("firmware") }.map {
      String($0.drop { $0 != "s" }.dropFirst(3))
    }
    let end =
      ", which the initramfs does not have: build new images with scripts/build-base-image --firmware and"
      + " scripts/build-initrd"
    #expect(
      said == [
        "the NIC eth0 (bnx2, 0000:01:00.0) wants the firmware bnx2/bnx2-mips-09-6.2.1b.fw" + end,
        "the NIC (bnx2x, 0000:02:00.0) wants the firmware bnx2x/bnx2x-e2-7.13.21.0.fw" + end,
        "a device (xhci_hcd, 0000:03:00.0) wants the firmware renesas_usb_fw.mem" + end,
      ])
  }

  @Test("Names without a scheme are files of the task API's server", arguments: Shell.allCases)
  func relativeNames(shell: Shell) throws {
    let machine = try machine(shell, "BASEFS=common/base.img OVERLAYFS=common/one.cpio.gz API_CB=10.1.1.1:9080")
    #expect(try boot(machine).contains("switching to the root"))
    #expect(machine.text("calls").contains("agent fetch http://10.1.1.1:9080/common/base.img "))
    #expect(machine.text("calls").contains("agent fetch http://10.1.1.1:9080/common/one.cpio.gz "))
  }

  @Test("Without overlays the base image boots alone", arguments: Shell.allCases)
  func noOverlay(shell: Shell) throws {
    let machine = try machine(shell, "BASEFS=http://10.1.1.1/common/base.img")
    #expect(
      try boot(machine).contains("there is no OVERLAYFS= on the kernel command line: booting the base image alone"))
    #expect(machine.text("calls").contains("upperdir="))
  }

  @Test("An old kernel's overlayfs has no work directory, and takes one overlay", arguments: Shell.allCases)
  func oldKernel(shell: Shell) throws {
    let one = try machine(shell)
    try one.write("proc/filesystems", "nodev\toverlayfs\n")
    _ = try boot(one)
    #expect(one.text("calls").contains("mount -t overlayfs -o lowerdir="))
    #expect(!one.text("calls").contains("workdir"))
    let two = try machine(shell, Self.urls + ",http://10.1.1.1/one.cpio.gz")
    try two.write("proc/filesystems", "nodev\toverlayfs\n")
    #expect(try boot(two).contains("this kernel's overlayfs takes one overlay only"))
  }

  @Test("monorail.debug offers shells on all consoles, until one of them ends", arguments: Shell.allCases)
  func debugShells(shell: Shell) throws {
    let machine = try machine(shell, "monorail.debug")
    // The first console's shell gets no input and keeps running.
    try machine.write("dev/tty1", "")
    try machine.program(
      "setsid",
      """
      until grep -q "/ttyS0'" "$D/calls"; do :; done
      case $* in *"/tty1'"*) exec tail -f /dev/null ;; esac
      until grep -q "/tty1'" "$D/calls"; do :; done
      """)
    let console = try boot(machine)
    #expect(console.contains("shells are on the consoles (tty0 ttyS0 )"))
    let calls = machine.text("calls")
    #expect(calls.contains("setsid sh -c exec sh -i <>'\(machine.path("dev"))/tty1'") && calls.contains("/ttyS0'"))
    #expect(calls.hasSuffix("reboot -f\n"))
    #expect(!console.contains("rebooting in"))
  }

  @Test("Seconds are decimal, whatever zeros they begin with", arguments: ["090", "0090", "90"], Shell.allCases)
  func decimal(seconds: String, shell: Shell) throws {
    let machine = try machine(shell, "monorail.reboot=\(seconds)")
    let console = try boot(machine)
    #expect(console.contains("rebooting in 90 s; ") && console.contains("rebooting in 30 s\n"), "\(console)")
    #expect(console.hasSuffix(": rebooting\n"))
  }

  @Test("monorail.reboot=0 stops for good", arguments: ["0", "00"], Shell.allCases)
  func noReboot(seconds: String, shell: Shell) throws {
    let machine = try machine(shell, "monorail.reboot=\(seconds)")
    #expect(try boot(machine).contains("monorail.reboot=0: stopping here"))
    #expect(!machine.text("calls").contains("reboot -f"))
  }
}
