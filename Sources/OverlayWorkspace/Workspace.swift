import CLinux
import CWorkspace
import Glibc
import Overlay
import SystemFiles

/// An overlay laid over its base image, for commands to change it as if it were the root of a machine.
///
/// Everything is mounted in the program's private namespace, below a directory that is covered with a file system in memory:
///
///     base      the squashfs image
///     changes   the overlay (upper), overlayfs's work directory (work): in memory, or bound from a disk
///     root      one over the other
public final class Workspace {
  public struct Options {
    public var base: String
    /// Paths of this machine, and where they appear in the workspace.
    public var binds: [Bind] = []
    public var isOffline = false
    /// Whether the command is somebody else's, and must not leave the workspace: it gets few of root's capabilities, neither
    /// devices but those of /dev nor the terminal, and can mount nothing.
    public var isConfined = false
    /// A directory on a disk for what does not fit into memory.
    public var workDirectory: String?
    /// Bytes; half of the machine's memory when nothing is said.
    public var memory: Int?

    public init(base: String) { self.base = base }
  }

  public struct Bind: Equatable, Sendable {
    public var source: String
    public var destination: String
    public var isReadOnly = false

    /// - Parameter destination: an absolute path of the workspace.
    public init(source: String, destination: String, isReadOnly: Bool = false) {
      (self.source, self.destination, self.isReadOnly) = (source, destination, isReadOnly)
    }

    /// - Parameter text: `SRC:DST`.
    public init?(_ text: String) {
      guard let colon = text.lastIndex(of: ":"), colon > text.startIndex else { return nil }
      (source, destination) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
      guard destination.hasPrefix("/"), destination.contains(where: { $0 != "/" }) else { return nil }
    }
  }

  private let options: Options
  private let signals: SignalWatch
  private let mountPoint: String
  private let disk: Watched<StagingDirectory>?
  private var placeholders: Placeholders?

  /// Where the overlay is while it is changed.
  var upper: Tree { Tree(mountPoint + "/changes/upper") }
  var base: MountedBase { MountedBase(tree: Tree(mountPoint + "/base")) }
  private var root: WorkspaceRoot { WorkspaceRoot(path: mountPoint + "/root") }
  /// A directory for temporary files on the medium that the changes are on.
  var scratch: String { mountPoint + "/changes" }

  /// Mounts the base image, and makes room for the overlay.
  ///
  /// - Parameters:
  ///   - needed: absolute paths that must stay reachable.
  init(_ options: Options, needed: [String], _ signals: SignalWatch) throws(OverlayError) {
    (self.options, self.signals) = (options, signals)
    var needed = needed
    for path in [options.base] + options.binds.map(\.source) + (options.workDirectory.map { [$0] } ?? []) {
      needed.append(try Self.absolute(path))
    }
    mountPoint = try MountPoint.choose(needed: needed) { path in
      status(of: path)?.isDirectory == true
    }
    disk = try options.workDirectory.map { (directory) throws(OverlayError) in
      try Watched(signals) { () throws(OverlayError) in
        try StagingDirectory(in: directory, prefix: ".monorail-overlay-")
      }
    }
    let size = options.memory.map { ",size=\($0)" } ?? ""
    try check("mount a file system in memory") { mount("tmpfs", mountPoint, "tmpfs", 0, "mode=700" + size) }
    for name in ["base", "changes", "devices", "root"] {
      try check("make a directory in memory") { mkdir("\(mountPoint)/\(name)", 0o755) }
    }
    // By its descriptor, since another user could exchange the name.
    if let disk { try root.bind("/proc/self/fd/\(disk.value.descriptor)", to: scratch, name: scratch) }
    for name in ["work", "aside"] {
      try check("make a directory for the changes") { mkdir("\(scratch)/\(name)", 0o755) }
    }
    try BaseMount(path: options.base).mount(at: base.tree.root)
  }

  deinit { umount2(mountPoint, Int32(MNT_DETACH)) }

  /// A path without symlinks, from the root on.
  static func absolute(_ path: String) throws(OverlayError) -> String {
    guard let resolved = Path.resolved(path) else { throw .system("find \(path)") }
    return resolved
  }

  /// Lays the overlay over the base image.
  func open() throws(OverlayError) {
    try KernelSupport.loadModule(for: ["overlay", "overlayfs"])
    let overlay = try OverlayMount(
      fileSystems: try KernelSupport.fileSystems(),
      parameters: Set(FileSystem.names(in: "/sys/module/overlay/parameters")),
      lower: base.tree.root, upper: upper.root, work: scratch + "/work")
    let flags = options.isConfined ? UInt(MS_NODEV) : 0
    guard mount("overlay", root.path, overlay.type, flags, overlay.options) == 0 else {
      let failure = OverlayError.system("lay the overlay over the base image")
      let medium =
        options.workDirectory.map {
          "--work-dir \($0) must be on a disk's own file system that knows trusted attributes"
        }
      throw OverlayError(([failure.description] + [medium ?? "dmesg may say more"]).joined(separator: "; "))
    }
    let mask = umask(0o022)
    defer { umask(mask) }
    try prepare()
  }

  private func prepare() throws(OverlayError) {
    var placeholders = Placeholders(root: root, upper: upper, aside: scratch + "/aside")
    // What was placed before a failure does not matter: it goes with the workspace.
    for name in ["proc", "sys", "dev", "run", "tmp"] { try placeholders.directory(at: try root.resolve(name)) }
    let console = options.isConfined ? nil : ttyname(STDIN_FILENO).map { String(cString: $0) }
    try root.mountSystem(console: console, nodes: mountPoint + "/devices", isConfined: options.isConfined)
    let policy = try root.resolve("usr/sbin/policy-rc.d")
    if !FileSystem.exists(policy) {
      // As debootstrap does: invoke-rc.d(8) starts no service.
      try placeholders.file(Array("#!/bin/sh\nexit 101\n".utf8), mode: 0o755, at: policy)
    }
    if !options.isOffline { try placeResolver(&placeholders) }
    for bind in options.binds {
      let place = try root.resolve(bind.destination)
      var source = stat()
      try check("find \(bind.source)") { stat(bind.source, &source) }
      if source.isDirectory {
        try placeholders.directory(at: place)
      } else if status(of: place) == nil {
        try placeholders.file([], mode: 0o644, at: place)
      }
      try root.bind(bind.source, to: place, name: bind.destination)
      var flags = 0
      if bind.isReadOnly { flags |= MS_RDONLY }
      if options.isConfined { flags |= MS_NODEV }
      if flags != 0 { try root.restrict(place, flags, name: bind.destination) }
    }
    self.placeholders = placeholders
  }

  private func placeResolver(_ placeholders: inout Placeholders) throws(OverlayError) {
    let contents: [UInt8]
    do throws(SystemError) {
      guard let found = try FileSystem.contents(of: "/etc/resolv.conf", limit: 1 << 20) else { return }
      contents = found
    } catch { throw OverlayError(error) }
    let place = try root.resolve("etc/resolv.conf")
    if let there = status(of: place), there.type != S_IFREG { return }
    try placeholders.file(contents, mode: 0o644, at: place)
  }

  /// Runs a command in the workspace; without one, the workspace's shell.
  ///
  /// - Throws: when the workspace failed, not the command.
  func run(_ command: [String], environment: [String: String], space: SpaceWatch) throws(OverlayError)
    -> WorkspaceCommand.End
  {
    let isInteractive = command.isEmpty
    let process = WorkspaceCommand(
      root: root.path, arguments: isInteractive ? [try shell()] : command,
      environment: ShellEnvironment.variables(outside: environment, isInteractive: isInteractive),
      isOffline: options.isOffline, isConfined: options.isConfined, isInteractive: isInteractive)
    return try process.run(signals) { space.look() }
  }

  /// Bash where there is one.
  func shell() throws(OverlayError) -> String {
    for shell in ["/bin/bash", "/bin/sh"] where access(try root.resolve(shell), X_OK) == 0 { return shell }
    throw OverlayError("neither the base image nor the overlay has /bin/bash or /bin/sh; give a command after --")
  }

  /// Takes the overlay off the base image again, and what was there only for the command out of it.
  func close() throws(OverlayError) {
    try check("unmount the workspace") { umount2(root.path, Int32(MNT_DETACH)) }
    try placeholders?.remove()
    placeholders = nil
  }
}
