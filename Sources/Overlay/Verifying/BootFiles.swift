/// What runs on a node without anybody's command: the files that name programs, and the directories of such programs.
enum BootFiles {
  private static let single = [RequiredFiles.rcLocalPath, "opt/rc.local.hooks", "etc/inittab", "etc/crontab"]

  /// Programs in these directories are started by init, by udev, by cron, or when an interface comes up.
  private static let directoriesOfPrograms = [
    "etc/init.d/", "etc/rcS.d/", "etc/rc0.d/", "etc/rc1.d/", "etc/rc2.d/", "etc/rc3.d/", "etc/rc4.d/", "etc/rc5.d/",
    "etc/rc6.d/", "etc/network/if-pre-up.d/", "etc/network/if-up.d/", "etc/cron.hourly/", "etc/cron.daily/",
    "usr/lib/microkernel/",
  ]

  private static let directoriesOfTexts = [
    "etc/systemd/system/", "lib/systemd/system/", "usr/lib/systemd/system/", "etc/udev/rules.d/", "lib/udev/rules.d/",
    "usr/lib/udev/rules.d/", "etc/cron.d/",
  ]

  /// Whether a file is started at boot because of its name.
  static func isStarted(_ path: OverlayPath) -> Bool {
    single.contains { path.bytes.elementsEqual($0.utf8) }
      || directoriesOfPrograms.contains { path.bytes.starts(with: $0.utf8) }
  }

  /// Whether the text of a file can name programs that are started.
  static func areRead(_ path: OverlayPath) -> Bool {
    isStarted(path) || directoriesOfTexts.contains { path.bytes.starts(with: $0.utf8) }
  }

  /// The absolute paths in a text.
  static func paths(in text: [UInt8]) -> Set<[UInt8]> {
    let separators = Set(" \t\r\n\0\"'`;|&()<>=,$".utf8)
    return Set(text.split { separators.contains($0) }.filter { $0.first == UInt8(ascii: "/") }.map(Array.init))
  }
}
