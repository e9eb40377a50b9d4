import CWorkspace
import Glibc
import Overlay
import SystemFiles

/// The root of a workspace, seen from outside: its symlinks mean what they mean inside.
struct WorkspaceRoot {
  /// Where it is mounted.
  let path: String

  /// The place on this machine that a path of the workspace leads to; the last components need not exist.
  ///
  /// - Parameter inner: as inside, with or without a slash at its begin.
  func resolve(_ inner: String) throws(OverlayError) -> String {
    var pending = Array(Path.components(inner).reversed())
    var reached: [String] = []
    var links = 0
    while let name = pending.popLast() {
      if name == "." { continue }
      if name == ".." {
        _ = reached.popLast()
        continue
      }
      let place = ([path] + reached + [name]).joined(separator: "/")
      guard let found = status(of: place), found.isSymlink else {
        reached.append(name)
        continue
      }
      links += 1
      guard links <= 40 else { throw OverlayError("/\(inner) in the workspace leads through too many symlinks") }
      let target = try Self.target(of: place)
      if target.hasPrefix("/") { reached = [] }
      pending += Path.components(target).reversed()
    }
    return ([path] + reached).joined(separator: "/")
  }

  private static func target(of link: String) throws(OverlayError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &buffer, buffer.count)
    guard count >= 0 else { throw .system("read the symlink \(link)") }
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  /// Mounts what a command expects of a machine; /proc and /sys follow inside, where they show the workspace's own.
  ///
  /// - Parameters:
  ///   - console: the terminal, if there is one.
  ///   - nodes: a directory where device nodes work.
  ///   - isConfined: whether no other device node works in the workspace.
  func mountSystem(console: String?, nodes: String, isConfined: Bool) throws(OverlayError) {
    let guarded = UInt(MS_NOSUID | MS_NODEV)
    try mountMemory("run", "mode=755", flags: guarded)
    try mountMemory("tmp", "mode=1777", flags: guarded)
    try mountMemory("dev", "mode=755,size=64k", flags: isConfined ? guarded : UInt(MS_NOSUID))
    // Not through a symlink of the overlay, which would lead from the root of this machine.
    let locks = try resolve("run") + "/lock"
    try check("make /run/lock in the workspace") { mkdir(locks, 0o1777) }
    try check("make /run/lock in the workspace") { chmod(locks, 0o1777) }
    let devices = try resolve("dev")
    for (name, major, minor) in Self.devices {
      let (node, device) = ("\(nodes)/\(name)", "\(devices)/\(name)")
      // After a result that could not be packed, the workspace is laid out again.
      unlink(node)
      try check("make the device \(node)") {
        mknod(node, S_IFCHR | 0o666, makeDevice(major, minor)) | chmod(node, 0o666)
      }
      try makeFile(device)
      try bind(node, to: device, name: "/dev/\(name)")
    }
    for (name, target) in Self.links { try check("make \(devices)/\(name)") { symlink(target, "\(devices)/\(name)") } }
    for name in ["pts", "shm"] { try check("make \(devices)/\(name)") { mkdir("\(devices)/\(name)", 0o755) } }
    try check("mount /dev/pts in the workspace") {
      mount(
        "devpts", devices + "/pts", "devpts", UInt(MS_NOSUID | MS_NOEXEC),
        "newinstance,ptmxmode=0666,mode=620,gid=5")
    }
    try mountMemory("dev/shm", "mode=1777", flags: guarded)
    let place = "\(devices)/console"
    try makeFile(place)
    // Not the machine's own /dev/null, whose mode the command could change.
    try bind(console ?? "\(nodes)/null", to: place, name: "/dev/console")
  }

  /// Mounts a file or a directory of this machine over one of the workspace.
  func bind(_ source: String, to place: String, name: String) throws(OverlayError) {
    try check("bind \(source) to \(name) in the workspace") {
      mount(source, place, nil, UInt(MS_BIND | MS_REC), nil)
    }
  }

  /// Gives what is bound at a place flags of mount(2), such as `MS_RDONLY`.
  func restrict(_ place: String, _ flags: Int, name: String) throws(OverlayError) {
    try check("restrict what is at \(name) in the workspace") {
      mount(nil, place, nil, UInt(MS_REMOUNT | MS_BIND | flags), nil)
    }
  }

  func makeFile(_ place: String) throws(OverlayError) {
    let descriptor = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system("make \(place)") }
    close(descriptor)
  }

  private func mountMemory(_ inner: String, _ options: String, flags: UInt) throws(OverlayError) {
    let place = try resolve(inner)
    try check("mount /\(inner) in the workspace") { mount("tmpfs", place, "tmpfs", flags, options) }
  }

  private static let devices: [(String, UInt32, UInt32)] = [
    ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
  ]

  private static let links = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
  ]

  private func makeDevice(_ major: UInt32, _ minor: UInt32) -> dev_t { dev_t(major << 8 | minor) }
}
