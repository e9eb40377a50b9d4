import Glibc
import SystemFiles

/// The space on a file system, for errors that say that it is full.
struct MediumSpace {
  private let space: statvfs

  /// - Parameter descriptor: of a file or a directory on the file system.
  init?(of descriptor: Int32) {
    var space = statvfs()
    guard fstatvfs(descriptor, &space) == 0 else { return nil }
    self.space = space
  }

  private var free: Int { Int(space.f_bavail) * Int(space.f_frsize) }
  private var size: Int { Int(space.f_blocks) * Int(space.f_frsize) }
  private var hasNoInodes: Bool { space.f_files > 0 && space.f_favail == 0 }

  /// The error of a system call that failed just now. It says what to do when the space is the reason.
  ///
  /// - Parameters:
  ///   - attempt: the rest of "cannot …".
  ///   - descriptor: a file or a directory on the file system.
  ///   - place: the path of a file or a directory on the file system.
  ///   - needed: what needs how much space; `nil` when nobody knows.
  ///   - elsewhere: how to use another file system: the rest of "or …".
  static func failure(
    _ attempt: String, _ descriptor: Int32, _ place: String, needed: String? = nil, elsewhere: String
  ) -> OverlayError {
    let cause = SystemError(attempt)
    let remedy = remedy(cause.errno, descriptor, place, needed: needed, elsewhere: elsewhere)
    return OverlayError(cause.description, remedy: remedy, cause: cause)
  }

  private static func remedy(
    _ errno: Int32, _ descriptor: Int32, _ place: String, needed: String?, elsewhere: String
  ) -> String? {
    let what: String
    switch errno {
    case ENOSPC:
      guard let space = MediumSpace(of: descriptor) else { return nil }
      what =
        space.hasNoInodes
        ? "the file system of \(place) is full: it has no inodes left for more files"
        : "the file system of \(place) is full: \(text(space.free)) of its \(text(space.size)) are free"
    case EDQUOT: what = "your quota on the file system of \(place) is used up"
    default: return nil
    }
    return what + (needed.map { "; \($0)" } ?? "") + ". Remove something there, or \(elsewhere)."
  }

  /// `12 KiB`, `3.4 GiB`
  static func text(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    let tenths = Int((value * 10).rounded())
    return unit == 0 || tenths >= 100 || tenths % 10 == 0
      ? "\((tenths + 5) / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}
