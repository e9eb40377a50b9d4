/// What a node sees at a path: the overlay over its base image.
public struct NodeView {
  /// What is at a path.
  public enum Sight: Equatable, Sendable {
    /// An entry of the overlay. A directory counts also when it has no entry of its own.
    case overlay(OverlayPath)
    /// What only the base image has.
    case base(OverlayPath, HiddenEntry)
    /// Nothing: a whiteout of the overlay removes it, or a directory above it.
    case removed(by: OverlayPath)
    /// Nothing, for what should be a directory on the way there is none.
    case notDirectory(OverlayPath)
    /// Nothing, for symlinks on the way lead in a circle.
    case circle
    /// Nothing.
    case missing
    /// The overlay has nothing there; the base image may have something, or the running system makes it.
    case unknown
  }

  private let tree: MergedTree

  public init(_ entries: some Sequence<Entry>, base: BaseImage?) { tree = MergedTree(entries, base: base?.nodes) }

  /// Looks at a path. Symlinks on the way are followed; one at the end is not, as lstat(2) does it.
  public func look(at path: OverlayPath) -> Sight {
    guard let parent = path.parent else { return sight(tree.node(at: path)) }
    switch tree.resolve(parent.bytes) {
    case .found(let node) where node.kind == .directory: return sight(tree.node(at: node.path.appending(path.name)))
    case .found(let node): return .notDirectory(node.path)
    case let other: return sight(other)
    }
  }

  /// The first symlink among the directories above a path, and its target.
  public func symlink(above path: OverlayPath) -> (path: OverlayPath, target: [UInt8])? {
    for ancestor in Array(path.ancestors).reversed() {
      if case .found(let node) = tree.node(at: ancestor), case .symlink(let target) = node.kind {
        return (ancestor, target)
      }
    }
    return nil
  }

  private func sight(_ resolution: MergedTree.Resolution) -> Sight {
    switch resolution {
    case .found(let node):
      switch node.layer {
      case .overlay: .overlay(node.path)
      case .base: .base(node.path, HiddenEntry(node))
      }
    case .missing(.whiteout(let path)): .removed(by: path)
    case .missing(.noDirectory(let path)): .notDirectory(path)
    case .missing(.circle): .circle
    case .missing(.absent): .missing
    case .unknown: .unknown
    }
  }
}
