import Glibc

extension Entry {
  /// Type and mode as `ls -l` writes them: `-rwsr-xr-x`.
  public var modeText: String {
    let type: Character =
      switch kind {
      case .file: "-"
      case .directory: "d"
      case .symlink: "l"
      case .fifo: "p"
      case .socket: "s"
      case .characterDevice: "c"
      case .blockDevice: "b"
      }
    var text = String(type)
    for (shift, special, letter): (UInt32, UInt32, String) in [(6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")] {
      let bits = permissions >> shift & 7
      text += bits & 4 == 0 ? "-" : "r"
      text += bits & 2 == 0 ? "-" : "w"
      switch (permissions & special != 0, bits & 1 != 0) {
      case (true, true): text += letter
      case (true, false): text += letter.uppercased()
      case (false, true): text += "x"
      case (false, false): text += "-"
      }
    }
    return text
  }

  /// The mode in octal, four digits: `0755`.
  public var octalMode: String { Self.padded(String(permissions, radix: 8), 4) }

  /// The time in UTC: `2024-02-29 12:00:00`.
  public var timeText: String {
    var seconds = time_t(modified)
    var time = tm()
    gmtime_r(&seconds, &time)
    func two(_ number: Int32) -> String { Self.padded(String(number), 2) }
    return "\(time.tm_year + 1900)-\(two(time.tm_mon + 1))-\(two(time.tm_mday))"
      + " \(two(time.tm_hour)):\(two(time.tm_min)):\(two(time.tm_sec))"
  }

  /// What it is, in a few words: `symlink to ../lib`.
  public var summary: String {
    switch kind {
    case .file(let size): "file of \(size) \(size == 1 ? "byte" : "bytes")"
    case .symlink(let target): "symlink to \(OverlayPath.printable(target))"
    case .characterDevice(let device), .blockDevice(let device): isWhiteout ? "\(kind)" : "\(kind) \(device)"
    case .directory, .fifo, .socket: "\(kind)"
    }
  }

  private static func padded(_ digits: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Entry.DeviceNumber: CustomStringConvertible {
  /// `5,1`
  public var description: String { "\(major),\(minor)" }
}
