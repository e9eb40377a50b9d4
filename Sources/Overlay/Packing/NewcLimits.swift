/// What the newc format and the kernel's unpacker cannot hold (the kernel's
/// Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c).
public enum NewcLimits {
  /// Bytes: the size stands in eight hexadecimal digits.
  public static let largestFile = 0xFFFF_FFFF

  /// A sentence, or `nil` when the format holds the entry.
  static func problem(with entry: Entry) -> String? {
    if entry.path.bytes.count > OverlayPath.longest {
      return "\(entry.path) has a name of more than \(OverlayPath.longest) bytes, which the kernel passes over"
    }
    if entry.path.bytes == Array("TRAILER!!!".utf8) {
      return "\(entry.path) has the name that ends a cpio archive: rename it"
    }
    switch entry.kind {
    case .file(let size) where size > largestFile:
      return "\(entry.path) has \(size) bytes; a file in a newc archive has less than 4 GiB"
    case .symlink(let target) where target.count > OverlayPath.longest:
      return "\(entry.path) is a symlink to more than \(OverlayPath.longest) bytes, which the kernel passes over"
    case .characterDevice(let device) where !device.isPossible, .blockDevice(let device) where !device.isPossible:
      return "\(entry.path) is the device \(device.major):\(device.minor); Linux has 4095:1048575 at most"
    default: return nil
    }
  }
}

extension Entry.DeviceNumber {
  /// Linux has 12 bits for the one and 20 for the other (the kernel's include/linux/kdev_t.h).
  fileprivate var isPossible: Bool { major < 1 << 12 && minor < 1 << 20 }
}
