/// Overlays laid over one another and seen as one: what the kernel's overlayfs shows of several lower layers
/// (Documentation/filesystems/overlayfs.rst, "Multiple lower layers"), as entries of a single one.
///
/// Of each name the topmost entry counts. When it is a directory, the directories of that name in the layers below show
/// through, down to the first entry that is no directory: a whiteout, a file or a symlink ends the search. A directory with
/// such an entry below it hides what the base image has there. An archive has no mark for that: ``whiteouts(over:)`` gives
/// the hidden names one by one.
struct LayerStack {
  /// An entry of the result.
  struct Node {
    var entry: Entry
    /// The layer that the entry comes from, and its place among the layer's entries; `nil` for a directory that no overlay
    /// has an entry for.
    let origin: (layer: Int, index: Int)?
  }

  /// A directory that hides the base's of that name.
  struct OpaqueDirectory {
    let path: OverlayPath
    /// The archive that has the directory.
    let upper: String
    /// The archive with the entry that ends the search below it, and what that entry is.
    let lower: String
    let kind: Entry.Kind
  }

  /// Sorted by path.
  private(set) var nodes: [Node] = []
  /// Sorted by path; those inside of another are left out.
  private(set) var opaqueDirectories: [OpaqueDirectory] = []
  /// Sorted by path.
  private(set) var conflicts: [MergeConflict] = []

  private let layers: [ArchiveIndex]

  /// - Parameter layers: the lowest first.
  init(_ layers: [ArchiveIndex]) throws(OverlayError) {
    self.layers = layers
    for layer in layers { try Self.check(layer) }
    var pending = [resolveRoot()]
    while let directory = pending.popLast() { resolve(directory, &pending) }
    nodes.sort { $0.entry.path < $1.entry.path }
    opaqueDirectories.sort { $0.path < $1.path }
    conflicts.sort { $0.path < $1.path }
    renumberLinks()
  }

  /// The whiteouts that, together with the entries, make the opaque directories hide exactly what the base has there.
  func whiteouts(over base: BaseNames) -> [Entry] {
    let hidden = HiddenNames.under(
      opaqueDirectories.map(\.path), isDirectory: { node(at: $0)?.entry.isDirectory }, names: base.names)
    let nothing = Entry.Kind.characterDevice(Entry.DeviceNumber(major: 0, minor: 0))
    return hidden.map { path in
      let directory = path.parent.flatMap { node(at: $0) }
      return Entry(path, nothing, permissions: 0, modified: directory?.entry.modified ?? 0)
    }
  }

  func entry(at path: OverlayPath) -> Entry? { node(at: path)?.entry }

  func hasWhiteout(at path: OverlayPath) -> Bool { entry(at: path)?.isWhiteout == true }

  private func node(at path: OverlayPath) -> Node? {
    var range = nodes.startIndex..<nodes.endIndex
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if nodes[middle].entry.path == path { return nodes[middle] }
      range = nodes[middle].entry.path < path ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  /// Refuses an archive that has entries in what is no directory.
  private static func check(_ layer: ArchiveIndex) throws(OverlayError) {
    for (entry, next) in zip(layer.entries, layer.entries.dropFirst())
    where !entry.isDirectory && next.path.isInside(entry.path) {
      throw OverlayError(
        "\(layer.path): \"\(next.path)\" cannot be unpacked: \"\(entry.path)\" is a \(entry.kind) there, no directory")
    }
  }
}

// MARK: - Resolving names

extension LayerStack {
  /// What one layer has under a name.
  private struct Occurrence {
    let layer: Int
    /// `nil` for a directory that the archive has no entry for, only some for what is in it.
    let index: Int?
    /// What is in the directory.
    let contents: Range<Int>
  }

  /// A directory of the result whose contents are still to be found.
  private struct Directory {
    let path: OverlayPath
    /// Of the layers that show through, the topmost first.
    var contents: [(layer: Int, range: Range<Int>)]
    let showsBase: Bool
  }

  private mutating func resolveRoot() -> Directory {
    let occurrences = layers.indices.reversed().map { layer -> Occurrence in
      let entries = layers[layer].entries
      let hasRoot = entries.first?.path.isRoot ?? false
      return Occurrence(layer: layer, index: hasRoot ? 0 : nil, contents: (hasRoot ? 1 : 0)..<entries.count)
    }
    noteConflicts(.root, occurrences)
    // Where no archive has an entry for the root, the result has none either.
    if let explicit = occurrences.first(where: { $0.index != nil }), let index = explicit.index {
      append(explicit.layer, index)
    }
    return Directory(path: .root, contents: occurrences.map { ($0.layer, $0.contents) }, showsBase: true)
  }

  private mutating func resolve(_ directory: Directory, _ pending: inout [Directory]) {
    var rest = directory.contents
    while true {
      let children = rest.map { layer, range in
        range.isEmpty ? nil : Self.child(of: directory.path, towards: layers[layer].entries[range.lowerBound].path)
      }
      guard let path = children.lazy.compactMap({ $0 }).min() else { return }
      var occurrences: [Occurrence] = []
      for position in rest.indices where children[position] == path {
        let (layer, range) = rest[position]
        let hasEntry = layers[layer].entries[range.lowerBound].path == path
        let start = hasEntry ? range.lowerBound + 1 : range.lowerBound
        let end = endOfContents(of: path, in: layer, start..<range.upperBound)
        occurrences.append(
          Occurrence(layer: layer, index: hasEntry ? range.lowerBound : nil, contents: start..<end))
        rest[position].range = end..<range.upperBound
      }
      noteConflicts(path, occurrences)
      if let next = resolve(path, occurrences, showsBase: directory.showsBase) { pending.append(next) }
    }
  }

  /// - Parameter occurrences: the topmost first.
  /// - Returns: the directory, when the entry of that path is one.
  private mutating func resolve(_ path: OverlayPath, _ occurrences: [Occurrence], showsBase: Bool) -> Directory? {
    let merged = occurrences.prefix { isDirectory($0) }
    guard let top = merged.first, let bottom = merged.last else {
      if let top = occurrences.first, let index = top.index { append(top.layer, index) }
      return nil
    }
    // An archive that has no entry for a directory, only some for what is in it, does not decide about its mode and owner.
    if let explicit = merged.first(where: { $0.index != nil }), let index = explicit.index {
      append(explicit.layer, index)
    } else {
      let modified = layers[top.layer].entries[top.contents.lowerBound].modified
      nodes.append(Node(entry: Entry(path, .directory, permissions: 0o755, modified: modified), origin: nil))
    }
    let obstacle = occurrences.dropFirst(merged.count).first
    if showsBase, let obstacle {
      opaqueDirectories.append(
        OpaqueDirectory(
          path: path, upper: layers[bottom.layer].path, lower: layers[obstacle.layer].path, kind: kind(of: obstacle)))
    }
    return Directory(
      path: path, contents: merged.map { ($0.layer, $0.contents) }, showsBase: showsBase && obstacle == nil)
  }

  private mutating func append(_ layer: Int, _ index: Int) {
    nodes.append(Node(entry: layers[layer].entries[index], origin: (layer, index)))
  }

  private func kind(of occurrence: Occurrence) -> Entry.Kind {
    occurrence.index.map { layers[occurrence.layer].entries[$0].kind } ?? .directory
  }

  private func isDirectory(_ occurrence: Occurrence) -> Bool { kind(of: occurrence) == .directory }

  /// The name in `directory` that is `path` or leads to it.
  private static func child(of directory: OverlayPath, towards path: OverlayPath) -> OverlayPath {
    let start = directory.isRoot ? 0 : directory.bytes.count + 1
    guard let slash = path.bytes[start...].firstIndex(of: UInt8(ascii: "/")) else { return path }
    return directory.appending(path.bytes[start..<slash])
  }

  private func endOfContents(of directory: OverlayPath, in layer: Int, _ range: Range<Int>) -> Int {
    var range = range
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range =
        layers[layer].entries[middle].path.isInside(directory)
        ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }

  /// Gives the names of each file that are left a number of their own among all layers.
  private mutating func renumberLinks() {
    struct File: Hashable {
      let layer: Int
      let links: Entry.LinkGroup
    }
    var files: [File: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      guard let origin = node.origin, let links = node.entry.links else { continue }
      files[File(layer: origin.layer, links: links), default: []].append(index)
    }
    for names in files.values {
      let group = names.count > 1 ? Entry.LinkGroup(names[0]) : nil
      for index in names { nodes[index].entry.links = group }
    }
  }
}

// MARK: - Conflicts

extension LayerStack {
  private mutating func noteConflicts(_ path: OverlayPath, _ occurrences: [Occurrence]) {
    for (over, under) in zip(occurrences, occurrences.dropFirst()) {
      let differences = differences(path, from: under, to: over)
      guard !differences.isEmpty else { continue }
      conflicts.append(
        MergeConflict(
          path: path, winner: layers[over.layer].path, loser: layers[under.layer].path, differences: differences,
          hidden: isDirectory(over) ? 0 : under.contents.count))
    }
  }

  private func differences(_ path: OverlayPath, from under: Occurrence, to over: Occurrence) -> [Difference] {
    guard let before = entry(of: under), let after = entry(of: over) else {
      let (before, after) = (kind(of: under), kind(of: over))
      return before == after ? [] : [Difference(.type, "\(before)", "\(after)")]
    }
    var differences = Difference.between(before, after).filter { $0.attribute != .time }
    if let old = layers[under.layer].digest(of: path), let new = layers[over.layer].digest(of: path) {
      differences = Difference.ofContents(old, new) + differences
    }
    return differences
  }

  private func entry(of occurrence: Occurrence) -> Entry? {
    occurrence.index.map { layers[occurrence.layer].entries[$0] }
  }
}
