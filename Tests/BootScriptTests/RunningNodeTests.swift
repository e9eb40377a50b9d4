import Foundation
import Testing

/// The scripts that the base image runs on the booted node.
@Suite(.timeLimit(.minutes(30))) struct RunningNodeTests {
  @Test(
    "monorail.debug is read as stage 1 reads it",
    arguments: [
      ("monorail.debug", true), ("quiet monorail.debug=1", true), ("monorail.debug=yes x", true),
      ("monorail.debug=on", true), ("\"monorail.debug=1\"", true), ("monorail.debug=0", false),
      ("monorail.debug=no", false), ("monorail.debug=off", false), ("monorail.debug=false", false), ("quiet", false),
      ("monorail.debug=0 monorail.debug", true), ("monorail.debug monorail.debug=0", false), ("xmonorail.debug", false),
      ("a=\"b monorail.debug\"", false),
    ])
  func debug(commandLine: String, isOn: Bool) throws {
    let machine = try StageOne(.dash, commandLine)
    // A login that ends, and then the script: it would start it again for ever.
    try machine.program("sleep", "kill -9 $PPID", notes: false)
    let (output, _) = try machine.run(
      """
      \(StageOne.mknod) "$D/dev/ttyS0" c 1 3; \(StageOne.mknod) "$D/dev/tty1" c 1 3
      for name in sleep setsid; do
        printf '#!/bin/dash\\nexec /bin/dash "$D/programs/%s" "$@"\\n' "$name" >"$D/bin-$name"; chmod 755 "$D/bin-$name"
        mkdir -p "$D/bin"; mv "$D/bin-$name" "$D/bin/$name"
      done
      export PATH="$D/bin:$PATH" MICROKERNEL_LIB="$D/root/usr/lib/microkernel" MICROKERNEL_DEV="$D/dev"
      export MICROKERNEL_ACTIVE="$D/sys/class/tty/console/active" monorail_proc
      /bin/dash "$MICROKERNEL_LIB/consoles"
      switch monorail.debug && echo "stage 1 has it on"
      """)
    let logins = machine.text("calls").split(separator: "\n").filter { $0.hasPrefix("setsid -w /sbin/agetty ") }
    #expect(logins.count == 2, "\(output)")
    #expect(logins.allSatisfy { $0.contains("--autologin root") == isOn })
    #expect(logins.contains { $0.contains(" tty1 ") } && logins.contains { $0.contains(" ttyS0 ") })
    #expect(output.contains("stage 1 has it on") == isOn)
  }

  @Test("Modules are loaded with their options")
  func modules() throws {
    let machine = try StageOne(.dash)
    try machine.write(
      "etc/modules", "# of a node\n\nipmi_devintf\nipmi_si type=kcs ports=0xca2 # a comment\n  sg  \n;x\n")
    try machine.write("etc/one.conf", "i2c-dev\nlast option=1")
    let (output, status) = try machine.run(
      """
      mkdir "$D/bin" && printf '#!/bin/dash\\nexec /bin/dash "$D/programs/modprobe" "$@"\\n' >"$D/bin/new"
      chmod 755 "$D/bin/new"; mv "$D/bin/new" "$D/bin/modprobe"; export PATH="$D/bin:$PATH"
      /bin/dash "$D/root/usr/lib/microkernel/load-modules" "$D/etc/modules" "$D/etc/none.conf" "$D/etc/one.conf"
      """)
    #expect(status == 0, "\(output)")
    #expect(
      machine.text("calls").split(separator: "\n") == [
        "modprobe -q ipmi_devintf", "modprobe -q ipmi_si type=kcs ports=0xca2", "modprobe -q sg", "modprobe -q i2c-dev",
        "modprobe -q last option=1",
      ])
  }

  @Test("A lease with another address replaces the old one in the end", arguments: ["10.1.1.5/24", "10.2.0.5/16"])
  func renewal(old: String) throws {
    let machine = try StageOne(.dash)
    try machine.write("lease", "interface d0\nip 10.1.1.7\nprefix 24\nrouter 10.1.1.1\n")
    let (output, status) = try machine.run(
      """
      ip=/usr/sbin/ip; [ -x $ip ] || ip=/sbin/ip
      $ip link add d0 type veth peer name d1 && $ip link set d0 up && $ip addr add \(old) dev d0 || exit
      LEASE_IP=$ip LEASE_RUN="$monorail_run" /bin/dash "$D/scripts/monorail-lease" apply "$D/lease" || exit
      $ip -4 -o addr show dev d0; $ip route show default
      LEASE_IP=$ip LEASE_RUN="$monorail_run" /bin/dash "$D/scripts/monorail-lease" apply "$D/lease" || exit
      $ip -4 -o addr show dev d0
      """)
    #expect(status == 0, "\(output)")
    let addresses = output.split(separator: "\n").filter { $0.contains(" inet ") }
    #expect(
      addresses.count == 2 && addresses.allSatisfy { $0.contains(" inet 10.1.1.7/24 brd 10.1.1.255 ") }, "\(output)")
    #expect(output.contains("default via 10.1.1.1 dev d0"))
  }

  @Test("An address that cannot be added leaves the old one alone", arguments: Shell.allCases)
  func failedRenewal(shell: Shell) throws {
    let machine = try StageOne(shell)
    try machine.write("lease", "interface d0\nip 10.1.1.7\nprefix 24\n")
    let (_, status) = try machine.run(
      """
      printf '#!/bin/dash\\necho "ip $*" >>"$D/calls"\\ncase $* in *show*) echo "    inet 10.1.1.5/24 brd x scope global d0" ;; *) exit 2 ;; esac\\n' \
        >"$D/failing-ip"; chmod 755 "$D/failing-ip"
      LEASE_IP="$D/failing-ip" LEASE_RUN="$monorail_run" \(shell == .busybox ? "/bin/busybox sh" : "/bin/dash") \
        "$D/scripts/monorail-lease" apply "$D/lease"
      """)
    #expect(status != 0)
    let calls = machine.text("calls")
    #expect(calls.contains("addr add 10.1.1.7/24"))
    #expect(!calls.contains("flush") && !calls.contains("addr del"))
  }
}
