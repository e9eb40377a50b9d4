import Glibc
import HTTPTransport
import Overlay
import SystemFiles

extension OverlayError {
  /// The same error; when a file of the cache could not be made or used, with what to do about it. Everything in the cache can
  /// be made again, and can be somewhere else.
  ///
  /// - Parameter cache: its directory, as it begins the paths of its files.
  func explained(cache: String) -> OverlayError {
    guard let cause, let path = Self.path(in: cause.attempt, around: cache) else { return self }
    let elsewhere = "give another directory with --cache DIR"
    let remedy: String
    switch cause.errno {
    case ENOSPC, EDQUOT:
      remedy = "The disk of the cache \(cache) is full: remove something there, or \(elsewhere)."
    case EACCES, EPERM, EROFS:
      remedy = "The cache \(cache) cannot be used: \(elsewhere)."
    case EISDIR, ENOTDIR, EEXIST, ENOTEMPTY, ELOOP:
      remedy =
        "\(Self.obstacle(at: path)) is in the way: remove it, or all of the cache \(cache), which can be made again; or"
        + " \(elsewhere)."
    default: return self
    }
    return OverlayError(message, remedy: remedy, cause: cause)
  }

  /// The last path that a system call was tried on, when it is in the directory, or was to be made for it.
  private static func path(in attempt: String, around directory: String) -> String? {
    let places = attempt.ranges(of: " " + directory)
    if let last = places.last(where: { $0.upperBound == attempt.endIndex || attempt[$0.upperBound] == "/" }) {
      return String(attempt[last.lowerBound...].dropFirst())
    }
    return above(directory).first { attempt == "make the directory \($0)" }
  }

  /// What has the name of a directory on the way to a path, and is none; else what has the path itself.
  private static func obstacle(at path: String) -> String {
    ([path] + above(path)).first { path in
      var status = stat()
      return lstat(path, &status) == 0 && !FileSystem.isDirectory(path)
    } ?? path
  }

  /// The directories that a path is in, the nearest first.
  private static func above(_ path: String) -> [String] {
    sequence(first: path) { path in
      let directory = Path.split(path).directory
      return directory == "." || directory == "/" ? nil : directory
    }.dropFirst().map { $0 }
  }
}

extension DownloadError {
  /// The system call that failed on this machine, if one did.
  var cause: SystemError? {
    if case .disk(let cause) = self { cause } else { nil }
  }
}
