/// What the base image has under the name of an overlay's entry, and nodes therefore do not see.
public struct HiddenEntry: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// A regular file and its size in bytes.
    case file(size: Int)
    case directory
    case symlink(target: [UInt8])
    /// A device, a fifo or a socket.
    case other
  }

  public var kind: Kind
  /// The lower twelve bits of the mode.
  public var permissions: UInt32
  /// How many entries of the base image are hidden together with a directory. 0 when the overlay has a directory, too: then
  /// both are joined, and nodes see the overlay's mode instead of this one.
  public var contained: Int

  public init(_ kind: Kind, permissions: UInt32, contained: Int = 0) {
    (self.kind, self.permissions, self.contained) = (kind, permissions, contained)
  }

  init(_ node: MergedTree.Node) {
    let kind: Kind =
      switch node.kind {
      case .file: .file(size: node.size)
      case .directory: .directory
      case .symlink(let target): .symlink(target: target)
      case .whiteout, .other: .other
      }
    self.init(kind, permissions: node.permissions)
  }
}

extension BaseImage {
  /// What each of an overlay's entries hides.
  ///
  /// A directory over a directory of the same mode hides nothing.
  public func hidden(by entries: some Sequence<Entry>) -> [OverlayPath: HiddenEntry] {
    var hidden: [OverlayPath: HiddenEntry] = [:]
    var directories: [OverlayPath: Int] = [:]
    for entry in entries {
      guard let node = nodes[entry.path] else { continue }
      if node.kind == .directory {
        if !entry.isDirectory { directories[entry.path] = 0 } else if entry.permissions == node.permissions { continue }
      }
      hidden[entry.path] = HiddenEntry(node)
    }
    guard !directories.isEmpty else { return hidden }
    for path in nodes.keys {
      for ancestor in path.ancestors where directories[ancestor] != nil { directories[ancestor, default: 0] += 1 }
    }
    for (path, count) in directories { hidden[path]?.contained = count }
    return hidden
  }
}

extension HiddenEntry: CustomStringConvertible {
  /// The mode in octal, four digits: `0755`.
  public var octalMode: String {
    let digits = String(permissions, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// `file of 23 bytes, mode 0644`
  public var description: String {
    let mode = "mode \(octalMode)"
    return switch kind {
    case .file(let size): "file of \(size) \(size == 1 ? "byte" : "bytes"), \(mode)"
    case .directory where contained > 0:
      "directory with \(contained) \(contained == 1 ? "entry" : "entries"), \(mode)"
    case .directory: "directory, \(mode)"
    case .symlink(let target): "symlink to \(OverlayPath.printable(target))"
    case .other: "device, fifo or socket, \(mode)"
    }
  }
}
