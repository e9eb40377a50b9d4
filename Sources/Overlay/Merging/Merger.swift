import Digests
import SystemFiles

/// Makes one overlay of several: laid over a base image, it shows what they show when they are laid over it one after
/// the other.
public struct Merger {
  public var writer = ArchiveWriter()
  public var times = Packer.Times.kept
  public var limits = ArchiveLimits()
  /// What the overlays go over; needed only where a later one has a directory in the place of something else.
  public var base: BaseImage?
  /// Called with how much of a step is done, and how much there is to do in it. Planning is a step, and writing is one.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init() {}

  /// What becomes of some archives.
  public struct Plan {
    /// Sorted by path.
    public var conflicts: [MergeConflict] { stack.conflicts }

    fileprivate let layers: [ArchiveIndex]
    fileprivate let stack: LayerStack
  }

  /// Reads the archives, the one that is laid first first.
  public func plan(_ archives: [String]) throws(OverlayError) -> Plan {
    var layers: [ArchiveIndex] = []
    for (number, archive) in archives.enumerated() {
      layers.append(
        try ArchiveIndex(archive, limits: limits, digests: true) { done, total in
          progress(number * total + done, archives.count * total)
        })
    }
    return Plan(layers: layers, stack: try LayerStack(layers))
  }

  /// Writes the merged archive, which may take the place of one of those it is made of. On failure, what stood at `path`
  /// still does.
  ///
  /// - Returns: the number of its entries.
  @discardableResult
  public func write(_ plan: Plan, to path: String) throws(OverlayError) -> Int {
    let whiteouts = try whiteouts(of: plan.stack)
    let spooled = try SpooledContents(plan.layers, plan.stack.nodes, beside: path, limits, progress)
    var members = plan.stack.nodes.map { node in Member(node.entry, spooled.content(of: node)) }
    members += whiteouts.map { Member($0) }
    members.sort { $0.entry.path < $1.entry.path }
    if case .clamped(let latest) = times {
      for index in members.indices { members[index].entry.modified = min(members[index].entry.modified, latest) }
    }
    try writer.write(members, to: path) { progress(spooled.size + $0, 2 * spooled.size) }
    return members.count
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
