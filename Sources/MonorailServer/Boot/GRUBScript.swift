/// A `grub.cfg` that boots the microkernel: GRUB is what firmware with Secure Boot starts, since Debian signs it.
///
/// Debian's signed GRUB for networks has no HTTP. It gets the kernel and the initramfs by TFTP, from the server that it was
/// itself loaded from; their paths there are those of the boot directory. The kernel's own URLs are the same as for iPXE.
struct GRUBScript: Equatable {
  let text: String

  /// What a node boots with those options.
  ///
  /// - Parameter bootInterface: the address of the NIC that it boots from; `nil` when the script is for any node, and GRUB
  ///   is to fill it in.
  init(
    _ profiles: BootProfiles, _ options: BootOptions, _ server: AdvertisedServer, bootInterface: String?
  ) {
    self.init(
      Result { () throws(BootFiles.Missing) in
        try profiles.profile(options, server: server, bootInterface: bootInterface ?? Self.anyInterface)
      })
  }

  init(_ outcome: Result<BootProfiles.Profile, BootFiles.Missing>) {
    switch outcome {
    case .failure(let missing): text = Self.problem(missing.problems)
    case .success(let profile):
      let problems = Self.problems(profile)
      text = problems.isEmpty ? Self.microkernel(profile) : Self.problem(problems)
    }
  }

  /// GRUB's variable for the address of the NIC that it was loaded from.
  private static let anyInterface = "$net_default_mac"

  /// A menu would wait for somebody; a failure of a command ends the line's condition.
  private static func microkernel(_ profile: BootProfiles.Profile) -> String {
    """
    echo "monorail: loading the kernel and the initramfs"
    if linux /\(profile.files.kernel) \(profile.arguments.split(separator: " ").map(word).joined(separator: " ")); then
      if initrd /\(profile.files.initrd); then
        boot
      fi
    fi
    echo "monorail: this did not boot; the reason is above"
    echo "monorail: with Secure Boot, the kernel must have Debian's signature. Restarting in 30 seconds"
    sleep 30
    reboot

    """
  }

  /// GRUB would run into a limit of its memory if the script called itself for ever: the machine restarts instead.
  private static func problem(_ sentences: [String]) -> String {
    let lines = sentences.map { "echo \(quoted("monorail: \($0)"))" }.joined(separator: "\n")
    return """
      \(lines)
      echo "monorail: restarting in 30 seconds"
      sleep 30
      reboot

      """
  }

  private static func problems(_ profile: BootProfiles.Profile) -> [String] {
    var problems: [String] = []
    for file in [profile.files.kernel, profile.files.initrd] where BootOptions.isURL(file) {
      problems.append("GRUB cannot fetch \(file): give a kernel and an initramfs of the boot directory")
    }
    // Its command linux puts a backslash before each.
    if profile.arguments.contains(where: { "\"'\\".contains($0) }) {
      problems.append("GRUB cannot give a kernel parameters with quotes or backslashes: leave them out")
    }
    return problems
  }

  private static func word(_ parameter: Substring) -> String {
    parameter.hasSuffix(anyInterface) ? "\"\(parameter)\"" : quoted(String(parameter))
  }

  /// In single quotes, where no character but the quote itself means anything to GRUB.
  private static func quoted(_ text: String) -> String {
    "'" + text.map { $0 == "'" || $0.isNewline ? " " : String($0) }.joined() + "'"
  }
}
