import Glibc
import Overlay
import SystemFiles

/// What is put into the workspace only for as long as it stands: directories to mount on, the machine's resolv.conf, a
/// policy that no service starts. A command may replace any of it as if it were the overlay's own; what it left as it was
/// is taken out again, and what stood there comes back.
struct Placeholders {
  private let root: WorkspaceRoot
  /// The overlay, where overlayfs writes to.
  private let upper: Tree
  /// A directory beside the overlay.
  private let aside: String
  private var placed: [Placed] = []

  private struct Placed {
    let path: OverlayPath
    let status: stat
    /// The name under which what the overlay had there waits.
    let original: String?
  }

  init(root: WorkspaceRoot, upper: Tree, aside: String) {
    (self.root, self.upper, self.aside) = (root, upper, aside)
  }

  /// Makes a directory, and those above it, where there is none.
  mutating func directory(at place: String) throws(OverlayError) {
    if let found = status(of: place) {
      guard found.isDirectory else { throw OverlayError("\(inner(place)) in the workspace is no directory") }
      return
    }
    try parents(of: place)
    let attempt = "make the directory \(inner(place)) in the workspace"
    try put(at: place) { () throws(OverlayError) in
      try check(attempt) { mkdir(place, 0o755) | chmod(place, 0o755) }
    }
  }

  /// Puts a file in place of what is there.
  mutating func file(_ contents: [UInt8], mode: mode_t, at place: String) throws(OverlayError) {
    try parents(of: place)
    let attempt = "set the mode of \(inner(place)) in the workspace"
    try put(at: place) { () throws(OverlayError) in
      do throws(SystemError) {
        try FileSystem.remove(place)
        let file = try File(place, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        try file.write(contents)
      } catch { throw OverlayError(error) }
      try check(attempt) { chmod(place, mode) }
    }
  }

  private mutating func parents(of place: String) throws(OverlayError) {
    try directory(at: Path.split(place).directory)
  }

  private func inner(_ place: String) -> String { String(place.dropFirst(root.path.count)) }

  private mutating func put(at place: String, _ make: () throws(OverlayError) -> Void) throws(OverlayError) {
    guard isInOverlay(place) else { return try make() }
    let path = try OverlayPath(String(inner(place).dropFirst()))
    var original: String?
    if upper.status(of: path) != nil {
      let name = "\(aside)/\(placed.count)"
      try check("set \(path) of the overlay aside") { link(upper.systemName(path), Tree(name).systemName(.root)) }
      original = name
    }
    try make()
    // A time of long ago: a write changes it even if the kernel's clock for file times has not ticked since.
    let longAgo = [timespec(), timespec()]
    try check("set the time of \(path) in the workspace") { utimensat(AT_FDCWD, place, longAgo, AT_SYMLINK_NOFOLLOW) }
    guard let status = upper.status(of: path) else { throw .system("find \(path) in the overlay") }
    placed.append(Placed(path: path, status: status, original: original))
  }

  /// Whether a place is in the overlay, and not in another file system that is mounted in the workspace.
  private func isInOverlay(_ place: String) -> Bool {
    status(of: Path.split(place).directory)?.st_dev == status(of: root.path)?.st_dev
  }

  /// Takes out again what nobody has changed. The workspace must not be mounted any more.
  mutating func remove() throws(OverlayError) {
    while let item = placed.popLast() {
      let name = upper.systemName(item.path)
      if let status = upper.status(of: item.path), status.st_ino == item.status.st_ino {
        try upper.keepingTime(of: item.path.parent ?? .root) { () throws(OverlayError) in
          if status.isDirectory {
            guard rmdir(name) == 0 else { return }
          } else {
            guard status.isUnchanged(since: item.status) else { return }
            try check("remove \(item.path) from the overlay") { unlink(name) }
          }
          if let original = item.original {
            try check("put \(item.path) of the overlay back") { rename(Tree(original).systemName(.root), name) }
          }
        }
      }
      if let original = item.original { unlink(original) }
    }
  }
}

extension stat {
  /// The times alone do not tell: the kernel's clock for them ticks every few milliseconds.
  fileprivate func isUnchanged(since earlier: stat) -> Bool {
    let times = [st_mtim, st_ctim].map { [$0.tv_sec, $0.tv_nsec] }
    return times == [earlier.st_mtim, earlier.st_ctim].map { [$0.tv_sec, $0.tv_nsec] } && st_mode == earlier.st_mode
      && st_uid == earlier.st_uid && st_gid == earlier.st_gid && st_size == earlier.st_size
  }
}
