import Digests
import SystemFiles

/// Makes one overlay of several: laid over a base image, it shows what they show when they are laid over it one after
/// the other. The package manager's files are combined: the packages of all overlays are known afterwards.
public struct Merger {
  public var writer = ArchiveWriter()
  public var times = Packer.Times.kept
  public var limits = ArchiveLimits()
  /// The image that the overlays go over. It is needed where a later overlay has a directory in the place of something else,
  /// and where lists must be made anew; with it, what overlays changed in the package manager's files is known exactly.
  public var base: BaseImage?
  /// Called with how much of a step is done, and how much there is to do in it. Planning is a step, and writing is one.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init() {}

  /// What becomes of some archives.
  public struct Plan {
    /// Names that are not combined, and of which one overlay's entry replaces another's; sorted by path.
    public let conflicts: [MergeConflict]
    /// Files of the package manager that are combined, sorted.
    public var combined: [OverlayPath] { database.contents.keys.sorted() }
    /// Lists that a program must make of the merged overlay and its base; see ``take(listsFrom:limits:)``.
    public let lists: DerivedLists
    /// What was made by it, sorted.
    public var made: [OverlayPath] { (listContents.keys + links.map(\.path)).sorted() }

    fileprivate let layers: [ArchiveIndex]
    fileprivate let stack: LayerStack
    fileprivate let database: PackageDatabase
    fileprivate var listContents: [OverlayPath: [UInt8]] = [:]
    /// Symlinks that ldconfig has made.
    fileprivate var links: [Entry] = []

    fileprivate init(
      _ layers: [ArchiveIndex], base: BaseImage?, _ limits: ArchiveLimits
    ) throws(OverlayError) {
      self.layers = layers
      let stack = try LayerStack(layers)
      let database = try PackageDatabase(layers, stack, base: base, limits)
      let lists = DerivedLists(layers, conflicts: stack.conflicts)
      (self.stack, self.database, self.lists) = (stack, database, lists)
      conflicts = stack.conflicts.filter { database.contents[$0.path] == nil && !lists.contains($0.path) }
    }

    /// Takes the lists, and nothing else, from an archive: the merged overlay after the programs have run in it.
    public mutating func take(listsFrom archive: String, limits: ArchiveLimits) throws(OverlayError) {
      let reader = try ArchiveReader(archive, limits: limits)
      while let entry = try reader.next() {
        if case .symlink = entry.kind, lists.hasCache, stack.entry(at: entry.path) == nil {
          links.append(entry)
        } else if case .file = entry.kind, lists.contains(entry.path) {
          var contents: [UInt8] = []
          while let block = try reader.nextBlock() { contents += block }
          listContents[entry.path] = contents
        }
      }
    }
  }

  /// Reads the archives, the one that is laid first first.
  public func plan(_ archives: [String]) throws(OverlayError) -> Plan {
    var layers: [ArchiveIndex] = []
    for (number, archive) in archives.enumerated() {
      layers.append(
        try FileFormat.explaining(archive) { () throws(OverlayError) in
          try ArchiveIndex(archive, limits: limits, digests: true) { done, total in
            progress(number * total + done, archives.count * total)
          }
        })
    }
    return try Plan(layers, base: base, limits)
  }

  /// Writes the merged archive. `path` may be one of the archives that are merged. On failure, the file at `path` stays as it
  /// was.
  ///
  /// - Returns: the number of its entries.
  @discardableResult
  public func write(_ plan: Plan, to path: String) throws(OverlayError) -> Int {
    guard plan.lists.isEmpty || !plan.listContents.isEmpty else { throw plan.lists.refusal }
    return try writeAsIs(plan, to: path)
  }

  /// Writes the merged archive with whatever lists it has, for the programs that make them anew.
  ///
  /// - Parameter dropped: whiteouts that are left out.
  @discardableResult
  public func writeAsIs(
    _ plan: Plan, to path: String, without dropped: Set<OverlayPath> = []
  ) throws(OverlayError) -> Int {
    let contents = plan.database.contents.merging(plan.listContents) { $1 }
    let nodes = plan.stack.nodes.filter { node in
      contents[node.entry.path] == nil && !(node.entry.isWhiteout && dropped.contains(node.entry.path))
    }
    let spooled = try SpooledContents(plan.layers, nodes, beside: path, limits, progress)
    var members = nodes.map { node in Member(node.entry, spooled.content(of: node)) }
    members += try whiteouts(of: plan.stack).map { Member($0) } + Self.links(of: plan).map { Member($0) }
    for (path, bytes) in contents { members.append(try spooled.member(Self.file(at: path, in: plan), bytes)) }
    members.sort { $0.entry.path < $1.entry.path }
    if case .clamped(let latest) = times {
      for index in members.indices { members[index].entry.modified = min(members[index].entry.modified, latest) }
    }
    try writer.write(members, to: path) { progress(spooled.size + $0, 2 * spooled.size) }
    return members.count
  }

  /// The entry of a file whose contents are new: as it is in the overlays, or else like the other lists.
  private static func file(at path: OverlayPath, in plan: Plan) -> Entry {
    var entry =
      plan.stack.entry(at: path) ?? Entry(path, .file(size: 0), permissions: 0o644, modified: time(ofListsIn: plan))
    entry.links = nil
    return entry
  }

  private static func links(of plan: Plan) -> [Entry] {
    plan.links.map { link in
      var link = link
      link.modified = time(ofListsIn: plan)
      return link
    }
  }

  /// The same overlays give the same archive, whenever the lists are made.
  private static func time(ofListsIn plan: Plan) -> UInt32 {
    plan.stack.nodes.lazy.filter { plan.lists.contains($0.entry.path) }.map(\.entry.modified).max() ?? 0
  }

  private func whiteouts(of stack: LayerStack) throws(OverlayError) -> [Entry] {
    guard !stack.opaqueDirectories.isEmpty else { return [] }
    if let base { return stack.whiteouts(over: BaseNames(base.nodes.keys)) }
    let most = 20
    let list = stack.opaqueDirectories.prefix(most).map { directory in
      "\(directory.path) is a directory in \(directory.upper), over a \(directory.kind) in \(directory.lower)"
    }
    let rest = stack.opaqueDirectories.count - list.count
    throw OverlayError(
      (list + (rest > 0 ? ["and \(rest) more"] : [])).joined(separator: "; ")
        + ": whatever the base image has there must stay hidden, which an archive can only say name by name; give --base"
        + " IMAGE, the image that the overlay is for")
  }
}

/// The contents of the files that a merge keeps.
private struct SpooledContents {
  private let spool: ContentSpool
  /// For each layer: where in the spool the data is that stands at a place of the archive.
  private var offsets: [[Int: Int]] = []
  private let layers: [ArchiveIndex]
  /// Bytes.
  private(set) var size = 0

  /// Reads the archives once more.
  init(
    _ layers: [ArchiveIndex], _ nodes: [LayerStack.Node], beside path: String, _ limits: ArchiveLimits,
    _ progress: (Int, Int) -> Void
  ) throws(OverlayError) {
    spool = try ContentSpool(directory: Path.split(path).directory)
    self.layers = layers
    var wanted: [[Int: Wanted]] = layers.map { _ in [:] }
    var total = 0
    for node in nodes {
      guard let origin = node.origin, node.entry.size > 0 else { continue }
      let layer = layers[origin.layer]
      let file = Wanted(path: node.entry.path, size: node.entry.size, digest: layer.digest(of: node.entry.path))
      if wanted[origin.layer].updateValue(file, forKey: layer.dataPlace(ofEntryAt: origin.index)) == nil {
        total += node.entry.size
      }
    }
    for (layer, wanted) in zip(layers, wanted) {
      offsets.append(try read(layer.path, wanted, limits) { progress($0, 2 * total) })
    }
  }

  func content(of node: LayerStack.Node) -> Content {
    guard let origin = node.origin, node.entry.size > 0,
      let offset = offsets[origin.layer][layers[origin.layer].dataPlace(ofEntryAt: origin.index)]
    else { return .none }
    return .spooled(spool, offset: offset)
  }

  func member(_ entry: Entry, _ bytes: [UInt8]) throws(OverlayError) -> Member {
    var entry = entry
    entry.kind = .file(size: bytes.count)
    guard !bytes.isEmpty else { return Member(entry) }
    let offset = try spool.size()
    try bytes.withUnsafeBufferPointer { (buffer) throws(OverlayError) in
      try spool.append(UnsafeRawBufferPointer(buffer))
    }
    return Member(entry, .spooled(spool, offset: offset))
  }

  private struct Wanted {
    let path: OverlayPath
    let size: Int
    let digest: String?
  }

  private mutating func read(
    _ archive: String, _ wanted: [Int: Wanted], _ limits: ArchiveLimits, _ progress: (Int) -> Void
  ) throws(OverlayError) -> [Int: Int] {
    var offsets: [Int: Int] = [:]
    guard !wanted.isEmpty else { return offsets }
    let reader = try ArchiveReader(archive, limits: limits)
    var place = 0
    while offsets.count < wanted.count {
      guard let entry = try reader.next() else { break }
      if let file = wanted[place] {
        let offset = size
        var digest = Digest(.sha256)
        while entry.size == file.size, let block = try reader.nextBlock() {
          try spool.append(block)
          digest.update(block)
          size += block.count
          progress(size)
        }
        guard digest.finish() == file.digest else { break }
        offsets[place] = offset
      }
      place += 1
    }
    guard offsets.count == wanted.count else {
      throw OverlayError("\(archive) has changed while it was read; merge again when nobody writes it")
    }
    return offsets
  }
}
