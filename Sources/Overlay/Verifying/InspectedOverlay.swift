/// An overlay that was read, and what it will be laid over: what the checks look at.
struct InspectedOverlay {
  let archive: ArchiveInspection
  let tree: MergedTree
  let architecture: MachineArchitecture
  /// Files that nodes run or load, sorted by path: neither firmware of other devices nor files of debugging symbols.
  let programsAndLibraries: [(path: OverlayPath, facts: ElfFacts)]

  private static let otherPlaces = ["lib/firmware/", "usr/lib/firmware/", "usr/lib/debug/"]

  init(_ archive: ArchiveInspection, base: BaseImage?, _ architecture: MachineArchitecture) {
    (self.archive, self.architecture) = (archive, architecture)
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
}
