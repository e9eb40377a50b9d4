import Foundation
import Testing

/// The pure pieces of the boot script.
@Suite(.timeLimit(.minutes(30))) struct BootFunctionTests {
  @Test(
    "Parameters are split as the kernel splits them",
    arguments: [
      ("a=1", "a", "1"), ("b a=1", "a", "1"), ("a=1 a=2", "a", "2"), ("a=\"two words\" b", "a", "two words"),
      ("\"a=two words\" b", "a", "two words"), ("a=", "a", ""), ("a", "a", ""), ("aa=1 ba=2", "a", nil), ("", "a", nil),
      ("a-b=1", "a_b", "1"), ("monorail.reboot=9", "monorail.reboot", "9"),
      ("monorailxreboot=9", "monorail.reboot", nil),
      ("a=x=y", "a", "x=y"), ("\ta=1\t", "a", "1"), ("a=$(reboot)`x`*", "a", "$(reboot)`x`*"), ("a=\\n", "a", "\\n"),
    ] as [(String, String, String?)], Shell.allCases)
  func parameter(_ row: (line: String, name: String, value: String?), shell: Shell) throws {
    let machine = try StageOne(shell, row.line)
    let (output, status) = try machine.run("parameter '\(row.name)'")
    #expect(output == (row.value.map { $0 + "\n" } ?? ""))
    #expect((status == 0) == (row.value != nil))
  }

  @Test(
    "BOOTIF is understood in every spelling",
    arguments: [
      ("01-00-1E-67-98-bc-7e", "00:1e:67:98:bc:7e"), ("01:00:1e:67:98:bc:7e", "00:1e:67:98:bc:7e"),
      ("00-1e-67-98-bc-7e", "00:1e:67:98:bc:7e"), ("00:1E:67:98:BC:7E", "00:1e:67:98:bc:7e"),
      ("001e6798bc7e", "00:1e:67:98:bc:7e"), ("20-00-1e-67-98-bc-7e", "00:1e:67:98:bc:7e"), ("", nil), ("eth0", nil),
      ("00:1e:67:98:bc", nil), ("00:1e:67:98:bc:7e:01:02", nil), ("0g:1e:67:98:bc:7e", nil), ("0:1e:67:98:bc:7e:", nil),
    ] as [(String, String?)], Shell.allCases)
  func bootMAC(_ row: (text: String, mac: String?), shell: Shell) throws {
    let machine = try StageOne(shell)
    #expect(try machine.run("boot_mac '\(row.text)'").output == (row.mac.map { $0 + "\n" } ?? ""))
  }

  @Test("Lists, digests, URLs, options", arguments: Shell.allCases)
  func words(shell: Shell) throws {
    let machine = try StageOne(
      shell,
      "yes.a yes.b=1 no.a=0 no.b=off wait=12 octal=0300 nine=090 zeros=00 bad=-1 long=12345678901 API_CB=10.1.1.1:9080")
    let digest = String(repeating: "0aF9", count: 16)
    for (line, expected) in [
      ("list_item a,,c 1", "a"), ("list_item a,,c 2", ""), ("list_item a,,c 3", "c"),
      ("list_item a,,c 4 || echo end", "end"),
      ("list_item '' 1 || echo end", ""), ("list_count ''", "0"), ("list_count a", "1"), ("list_count a,,c", "3"),
      ("is_digest \(digest) && echo yes", "yes"), ("is_digest \(digest)0 || echo no", "no"),
      ("is_digest \(digest.replacing("F", with: "g")) || echo no", "no"),
      ("shown_url http://user:secret@h/x", "http://h/x"), ("shown_url http://h/x@y", "http://h/x@y"),
      ("absolute_url https://h/x", "https://h/x"),
      ("absolute_url common/base.img", "http://10.1.1.1:9080/common/base.img"),
      ("absolute_url /common/base.img", "http://10.1.1.1:9080/common/base.img"), ("absolute_url ''", ""),
      ("overlay_options overlay /base /o/1 /o/2 /o/3", "lowerdir=/o/2:/o/1:/base,upperdir=/o/3,workdir=/o/work"),
      ("overlay_options overlayfs /base /o/1", "lowerdir=/base,upperdir=/o/1"), ("duration 1.25 4.06", "2.8"),
      ("switch yes.a && switch yes.b && ! switch no.a && ! switch no.b && ! switch none && echo good", "good"),
      ("seconds_parameter wait 300", "12"), ("seconds_parameter none 300", "300"), ("seconds_parameter bad 300", "300"),
      ("seconds_parameter long 300", "300"), ("seconds_parameter octal 5", "300"), ("seconds_parameter nine 5", "90"),
      ("seconds_parameter zeros 5", "0"),
    ] {
      let output = try machine.run(line).output
      #expect(output == expected + "\n" || output + expected == "", "\(line): \(output)")
    }
    #expect(machine.text("dev/ttyS0").contains("bad=-1 is no number of seconds: taking 300"))
  }

  @Test(
    "A lease is noted without anything ill-formed, and applied",
    arguments: [
      (
        "mask=24 router='10.1.1.1 10.1.1.2' dns='10.1.1.3 10.1.1.4' domain=lab.example mtu=9000",
        ["addr add 10.1.1.7/24", "mtu 9000", "route replace default via 10.1.1.1"],
        "search lab.example\nnameserver 10.1.1.3\nnameserver 10.1.1.4\n"
      ),
      (
        "mask=16 router=10.1.1.1 staticroutes='10.9.0.0/16 10.1.1.9 0.0.0.0/0 10.1.1.8 10.8.0.0/16 0.0.0.0'",
        [
          "addr add 10.1.1.7/16", "route replace 10.9.0.0/16 via 10.1.1.9", "route replace default via 10.1.1.8",
          "route replace 10.8.0.0/16 dev eth0",
        ], ""
      ),
      (
        "mask=24 dns='$(reboot) 10.1.1.3' domain='a;reboot' mtu=9x router='10.1.1.1;x'", ["addr add 10.1.1.7/24"],
        "nameserver 10.1.1.3\n"
      ),
    ], Shell.allCases)
  func lease(_ row: (environment: String, calls: [String], resolver: String), shell: Shell) throws {
    let machine = try StageOne(shell)
    let (output, status) = try machine.run(
      """
      export LEASE_RUN="$monorail_run" interface=eth0 ip=10.1.1.7 serverid=10.1.1.1 \(row.environment)
      sh "$D/scripts/monorail-lease" bound && sh "$D/scripts/monorail-lease" deconfig &&
        sh "$D/scripts/monorail-lease" apply "$D/run/microkernel/lease.eth0"
      """)
    #expect(status == 0, "\(output)")
    let calls = machine.text("calls")
    for call in row.calls { #expect(calls.contains(call), "\(calls)") }
    #expect(
      !calls.contains(";") && !calls.contains("reboot")
        && calls.contains("default") == row.calls.joined().contains("default"))
    #expect(machine.text("run/resolv.conf") == "# from the DHCP server 10.1.1.1\n" + row.resolver)
    #expect(machine.text("run/net-eth0.conf").contains("IPV4ADDR='10.1.1.7'\n"))
  }
}
