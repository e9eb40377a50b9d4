/// An overlay that was read, and the base image that it will be laid over. The checks look at this.
struct InspectedOverlay {
  let archive: ArchiveInspection
  let tree: MergedTree
  let architecture: MachineArchitecture
  private let base: BaseImage?
  /// Files that nodes run or load, sorted by path: neither firmware of other devices nor files of debugging symbols.
  let programsAndLibraries: [(path: OverlayPath, facts: ElfFacts)]

  private static let otherPlaces = ["lib/firmware/", "usr/lib/firmware/", "usr/lib/debug/"]

  init(_ archive: ArchiveInspection, base: BaseImage?, _ architecture: MachineArchitecture) {
    (self.archive, self.base, self.architecture) = (archive, base, architecture)
    tree = MergedTree(archive.entries.values, base: base?.nodes)
    programsAndLibraries = archive.entries.keys.compactMap { path in
      guard Self.isForThisMachine(path), case .elf(let facts)? = archive.nature(of: path), facts.kind == .loadable
      else {
        return nil
      }
      return (path, facts)
    }.sorted { $0.0 < $1.0 }
  }

  static func isForThisMachine(_ path: OverlayPath) -> Bool {
    !otherPlaces.contains { path.bytes.starts(with: $0.utf8) }
  }

  /// Executable regular files, sorted by path.
  var executables: [(path: OverlayPath, nature: FileNature)] {
    archive.entries.values.filter { $0.permissions & 0o111 != 0 && Self.isForThisMachine($0.path) }
      .compactMap { entry in archive.nature(of: entry.path).map { (entry.path, $0) } }.sorted { $0.0 < $1.0 }
  }

  /// The contents of a regular file of the merged tree.
  ///
  /// - Parameter limit: bytes that are read of the base's; of the overlay's own it is at least 1 MiB.
  func contents(of node: MergedTree.Node, limit: Int = 1 << 20) throws(OverlayError) -> [UInt8] {
    switch node.layer {
    case .overlay: try archive.contents(of: node.path)
    case .base: try base?.contents(of: node.path, limit: limit) ?? []
    }
  }
}
