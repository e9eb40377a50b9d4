/// The iPXE scripts that `GET profiles` answers.
///
/// They use only what old ROMs know: QEMU's, of 2019, has no `iflinkwait`. The commands of a line run from left to right;
/// `&&` and `||` look at the success of the command before. `||` at the end of a line makes a failure a success, since a
/// script that fails ends. When a script ends, the firmware tries its next boot device: none of these scripts ends.
struct BootScript: Equatable {
  let text: String

  /// For a ROM that has not said which machine it is in: it names all its NICs, with the addresses that they have.
  ///
  /// One NIC with an address is enough, and the ROM that fetched this script has one. Only when no NIC has an address (a
  /// lease was lost while the server was away) DHCP runs on one NIC after the other. To run it on all NICs would take 15
  /// seconds for each one without a cable, and memory, of which a ROM has little.
  static func whoAreYou(profiles: String) -> BootScript {
    BootScript(
      text: """
        #!ipxe
        :start
        isset ${ip} || ifconf --configurator dhcp ||
        clear query
        set nic:int32 0
        :nic
        isset ${net${nic}/mac} || goto profile
        echo monorail: net${nic} ${net${nic}/mac} ${net${nic}/ip}
        set query ${query}macs=${net${nic}/mac:hex}&ips=${net${nic}/ip}&
        inc nic
        iseq ${nic} 32 || goto nic
        :profile
        chain --replace --autofree --timeout 30000 \(profiles)?${query} ||
        echo monorail: no profile from \(profiles), trying again in 5 seconds
        sleep 5
        goto start

        """)
  }

  /// Boots the microkernel, or offers a shell and starts over.
  ///
  /// - Parameters:
  ///   - kernel: its URL; the initramfs is found by the last component of its own, as EFI kernels want it.
  static func microkernel(kernel: String, initrd: String, arguments: String, profiles: String) -> BootScript {
    let name = initrd.prefix { $0 != "?" && $0 != "#" }.split(separator: "/").last ?? ""
    return BootScript(
      text: """
        #!ipxe
        imgfree
        kernel \(kernel) initrd=\(name) \(arguments) || goto failed
        initrd \(initrd) || goto failed
        boot ||
        :failed
        imgfree
        prompt --key 0x197e --timeout 5000 monorail: this did not boot. F12 for a shell, else it is tried again && shell ||
        chain --replace --autofree --timeout 30000 \(profiles) || goto failed

        """)
  }

  /// Says on the console what is wrong at the server, and asks again.
  static func problem(_ sentences: [String], profiles: String) -> BootScript {
    let lines = sentences.map { "echo monorail: \(harmless($0))" }.joined(separator: "\n")
    return BootScript(
      text: """
        #!ipxe
        :problem
        \(lines)
        echo monorail: asking again in 10 seconds
        sleep 10
        chain --replace --autofree --timeout 30000 \(profiles) || goto problem

        """)
  }

  /// The sentence without the characters that iPXE takes for a variable, an operator or the end of a line.
  private static func harmless(_ sentence: String) -> String {
    String(sentence.map { $0.isNewline || $0 == "$" || $0 == "|" || $0 == "&" ? " " : $0 })
  }
}
