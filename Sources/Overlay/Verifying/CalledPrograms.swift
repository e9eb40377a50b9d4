/// The files of an overlay that something on the node calls, as far as the overlay tells: those in the directories of PATH,
/// and those that run at boot.
struct CalledPrograms {
  /// What rc.local sets for the agent and its tasks.
  static let searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

  private var directories: Set<OverlayPath> = []
  private var files: Set<OverlayPath> = []

  init(_ overlay: InspectedOverlay) {
    let tree = overlay.tree
    func add(_ path: [UInt8], from directory: OverlayPath = .root) {
      if case .found(let node) = tree.resolve(path, from: directory) { files.insert(node.path) }
    }
    for directory in Self.searchPath {
      // Without a base, /bin may be a symlink to /usr/bin or a directory of its own.
      if let path = try? OverlayPath(String(directory.dropFirst())) { directories.insert(path) }
      if case .found(let node) = tree.resolve(directory) { directories.insert(node.path) }
    }
    for layer in [tree.overlay, tree.base ?? [:]] {
      for node in layer.values {
        guard case .symlink(let target) = node.kind, let parent = node.path.parent else { continue }
        if directories.contains(parent) || BootFiles.isStarted(node.path) { add(target, from: parent) }
      }
    }
    for path in overlay.archive.pathsInBootFiles { add(path) }
  }

  func contain(_ path: OverlayPath) -> Bool {
    path.parent.map(directories.contains) == true || files.contains(path) || BootFiles.isStarted(path)
  }
}
