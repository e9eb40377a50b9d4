import Glibc

/// Paths of this machine. They are split at the byte `/`, never at a `Character`: a slash and a combining mark behind it are
/// one `Character`, but still a slash for the kernel.
public enum Path {
  /// The directory that the path's last name is in, and that name: `/a/b/c` is `/a/b` and `c`, `c` is `.` and `c`.
  public static func split(_ path: String) -> (directory: String, name: String) {
    let bytes = path.utf8
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let name = String(decoding: bytes[bytes.index(after: slash)...], as: UTF8.self)
    return (slash == bytes.startIndex ? "/" : String(decoding: bytes[..<slash], as: UTF8.self), name)
  }

  /// The names between the slashes.
  public static func components(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The path from the root on, without symlinks, `.` and `..` (realpath(3)).
  ///
  /// - Returns: `nil` when there is no such file; `errno` says why.
  public static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
