/// What a node sees: the overlay's entries over the base image's, by the rules of the kernel's overlayfs
/// (Documentation/filesystems/overlayfs.rst): an entry of the overlay hides the base's of the same name, two directories are
/// merged, a whiteout removes.
///
/// Without a base, whatever the overlay does not say is unknown.
struct MergedTree {
  struct Node: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
      case file
      case directory
      case symlink(target: [UInt8])
      case whiteout
      case other
    }

    enum Layer: Sendable { case overlay, base }

    var path: OverlayPath
    var kind: Kind
    /// Twelve bits, as in ``Entry``.
    var permissions: UInt32
    var owner: UInt32 = 0
    var group: UInt32 = 0
    var layer: Layer
    /// Bytes of a regular file of the base image; 0 for everything else.
    var size = 0

    /// Root may run what anybody may run.
    var isExecutable: Bool { kind == .file && permissions & 0o111 != 0 }
  }

  enum Resolution: Equatable {
    case found(Node)
    case missing(Reason)
    /// The base may have it, or the running system makes it.
    case unknown

    enum Reason: Equatable {
      case absent
      case whiteout(OverlayPath)
      case noDirectory(OverlayPath)
      case circle
    }
  }

  private(set) var overlay: [OverlayPath: Node]
  let base: [OverlayPath: Node]?

  /// Directories that the node fills when it runs: a name in them is unknown, not missing.
  private static let runtime = ["dev", "proc", "run", "sys", "tmp"].map { Array($0.utf8) }

  /// - Parameter entries: of the overlay; a directory counts also when it has no entry of its own and is only a
  ///   part of other names.
  init(_ entries: some Sequence<Entry>, base: [OverlayPath: Node]?) {
    var overlay: [OverlayPath: Node] = [:]
    for entry in entries { overlay[entry.path] = Node(entry) }
    for path in Array(overlay.keys) {
      for parent in path.ancestors {
        guard overlay[parent] == nil else { break }
        overlay[parent] = Node(path: parent, kind: .directory, permissions: 0o755, layer: .overlay)
      }
    }
    (self.overlay, self.base) = (overlay, base)
  }

  /// Puts an entry into the overlay.
  mutating func add(_ entry: Entry) { overlay[entry.path] = Node(entry) }

  /// The entry of that name. Symlinks in the path are not followed: its parent must be a directory.
  func node(at path: OverlayPath) -> Resolution {
    if let node = overlay[path] { return node.kind == .whiteout ? .missing(.whiteout(path)) : .found(node) }
    guard let base else { return .unknown }
    if let node = base[path] { return .found(node) }
    return path.components.first.map { Self.runtime.contains(Array($0)) } == true ? .unknown : .missing(.absent)
  }

  /// Follows a path as the kernel does on the node, symlinks and all.
  ///
  /// - Parameter directory: where a relative path begins; not a symlink.
  func resolve(_ path: some Collection<UInt8>, from directory: OverlayPath = .root) -> Resolution {
    let slash = UInt8(ascii: "/")
    var place = path.first == slash ? .root : directory
    var rest = Array(Array(path).split(separator: slash).reversed())
    var links = 0
    while let component = rest.popLast() {
      if component.elementsEqual(".".utf8) { continue }
      if component.elementsEqual("..".utf8) {
        place = place.parent ?? .root
        continue
      }
      let next = place.appending(component)
      guard case .found(let node) = node(at: next) else { return self.node(at: next) }
      switch node.kind {
      case .directory: place = next
      case .symlink(let target):
        links += 1
        guard links <= 40 else { return .missing(.circle) }
        if target.first == slash { place = .root }
        rest += target.split(separator: slash).reversed()
      case .file, .whiteout, .other:
        return rest.isEmpty ? .found(node) : .missing(.noDirectory(next))
      }
    }
    let root = Node(path: .root, kind: .directory, permissions: 0o755, layer: .overlay)
    return place.isRoot ? .found(overlay[.root] ?? root) : node(at: place)
  }

  func resolve(_ path: String) -> Resolution { resolve(Array(path.utf8)) }

  /// The names in a directory, sorted.
  func names(in directory: OverlayPath) -> [[UInt8]] {
    var names = Set<[UInt8]>()
    for path in overlay.keys where path.parent == directory { names.insert(Array(path.name)) }
    for path in (base ?? [:]).keys where path.parent == directory { names.insert(Array(path.name)) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }
}

extension MergedTree.Node {
  fileprivate init(_ entry: Entry) {
    let kind: Kind =
      switch entry.kind {
      case _ where entry.isWhiteout: .whiteout
      case .file: .file
      case .directory: .directory
      case .symlink(let target): .symlink(target: target)
      default: .other
      }
    self.init(
      path: entry.path, kind: kind, permissions: entry.permissions, owner: entry.owner, group: entry.group,
      layer: .overlay)
  }
}

extension MergedTree.Resolution.Reason: CustomStringConvertible {
  /// To be read behind "which".
  var description: String {
    switch self {
    case .absent: "is neither in the overlay nor in the base"
    case .whiteout(let path): "this overlay removes (\(path) is a whiteout)"
    case .noDirectory(let path): "cannot be reached, for \(path) is no directory"
    case .circle: "leads in a circle of symlinks"
    }
  }
}
