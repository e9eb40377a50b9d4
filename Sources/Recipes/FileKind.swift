import Glibc

/// What a path of this machine is, behind all symlinks. The raw value is for messages.
enum FileKind: String, CustomStringConvertible {
  case file = "a file"
  case directory = "a directory"
  case pipe = "a named pipe"
  case socket = "a socket"
  case device = "a device"

  /// - Returns: `nil` when it cannot be looked at; `errno` says why.
  init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .directory
    case S_IFIFO: self = .pipe
    case S_IFSOCK: self = .socket
    default: self = .device
    }
  }

  var description: String { rawValue }
}
