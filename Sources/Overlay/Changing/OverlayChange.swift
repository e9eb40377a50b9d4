import Glibc
import SystemFiles

/// Entries to put into an overlay, and names to take away, without running anything and without root.
///
/// A name means what it means on the node: where the base image or the overlay has a symlink to a directory on the way, as
/// `/lib` to `usr/lib`, the entry comes into that directory. Directories that are missing on the way are made, 0755 and
/// root's; those of the base image keep their owner and mode.
public struct OverlayChange {
  /// One entry to add. What the overlay has under its name is replaced, unless one of the two is a directory.
  public struct Addition: Sendable {
    public enum Kind: Sendable {
      /// A copy of a file of this machine.
      case file(String)
      case text([UInt8])
      case symlink(target: [UInt8])
      /// A directory with these attributes, whether it is new or not.
      case directory
      /// A directory that keeps its attributes when it is there.
      case anyDirectory
    }

    public var path: OverlayPath
    public var kind: Kind
    public var permissions: UInt32
    public var owner: UInt32 = 0
    public var group: UInt32 = 0
    /// What errors begin with: `discovery.yaml:12`.
    public var place: String

    public init(_ path: OverlayPath, _ kind: Kind, permissions: UInt32, place: String) {
      (self.path, self.kind, self.permissions, self.place) = (path, kind, permissions, place)
    }
  }

  /// A name to take away, with all that is in it.
  public struct Removal: Sendable {
    public var path: OverlayPath
    public var place: String

    public init(_ path: OverlayPath, place: String) { (self.path, self.place) = (path, place) }
  }

  /// Done in this order, before the removals.
  public var additions: [Addition] = []
  public var removals: [Removal] = []
  public var writer = ArchiveWriter()
  public var limits = ArchiveLimits()

  public init() {}

  /// - Parameters:
  ///   - archive: the overlay to change; it stays as it is.
  ///   - base: the image that it is for.
  ///   - result: where the changed overlay goes.
  ///   - scratch: a directory for temporary files.
  /// - Returns: the path that each of the additions got.
  public func apply(
    to archive: String, over base: BaseImage, result: String, scratch: String
  ) throws(OverlayError) -> [OverlayPath] {
    let before = try ArchiveIndex(archive, limits: limits)
    var planned = PlannedChange(before, base: base)
    var paths: [OverlayPath] = []
    for addition in additions { paths.append(try planned.add(addition)) }
    for removal in removals { try planned.remove(removal) }
    let delta = "\(scratch)/change.cpio"
    try ArchiveWriter(compression: .none).write(planned.members, to: delta)
    defer { unlink(delta) }
    var merger = Merger()
    (merger.writer, merger.limits, merger.base) = (writer, limits, base)
    try merger.writeAsIs(try merger.plan([archive, delta]), to: result, without: planned.idleWhiteouts)
    return paths
  }

  /// The contents of a regular file of an overlay, or else of the base image; `nil` when neither has one.
  ///
  /// - Parameter limit: bytes; a longer file is an error, and so is something else than a file.
  public static func contents(
    of path: OverlayPath, in archive: String, over base: BaseImage, limit: Int = 1 << 20
  ) throws(OverlayError) -> [UInt8]? {
    let tooLong = OverlayError("/\(path) has more than \(limit) bytes")
    let index = try ArchiveIndex(archive)
    let noFile = OverlayError("/\(path) is no regular file")
    guard let place = index.index(of: path) else {
      guard let node = base.nodes[path] else { return nil }
      guard node.kind == .file else { throw noFile }
      let contents = try base.contents(of: path, limit: limit + 1)
      guard contents.count <= limit else { throw tooLong }
      return contents
    }
    if index.entries[place].isWhiteout { return nil }
    guard case .file(let size) = index.entries[place].kind else { throw noFile }
    guard size <= limit else { throw tooLong }
    guard size > 0 else { return [] }
    let reader = try ArchiveReader(archive)
    var number = 0
    while try reader.next() != nil {
      if number == index.dataPlace(ofEntryAt: place) {
        var contents: [UInt8] = []
        while let block = try reader.nextBlock() { contents += block }
        return contents
      }
      number += 1
    }
    throw OverlayError("\(archive) has changed while it was read")
  }
}

/// The entries of a change, found by looking at what overlay and base have.
private struct PlannedChange {
  private let before: ArchiveIndex
  private let base: BaseImage
  private var tree: MergedTree
  private var added: [OverlayPath: Member] = [:]
  /// Whiteouts that take away what only the overlay has.
  private(set) var idleWhiteouts: Set<OverlayPath> = []

  init(_ before: ArchiveIndex, base: BaseImage) {
    (self.before, self.base) = (before, base)
    tree = MergedTree(before.entries, base: base.nodes)
  }

  /// - Returns: the path without symlinks.
  mutating func add(_ addition: OverlayChange.Addition) throws(OverlayError) -> OverlayPath {
    let isDirectory: Bool
    switch addition.kind {
    case .directory, .anyDirectory: isDirectory = true
    default: isDirectory = false
    }
    if isDirectory, addition.path.isRoot || directory(at: addition.path) != nil {
      let path = directory(at: addition.path) ?? .root
      try change(path, addition)
      return path
    }
    let parent = try makeParents(of: addition.path, addition.place)
    let path = parent.appending(addition.path.name)
    if case .found(let there) = tree.node(at: path), there.kind == .directory {
      throw failure(
        addition.place,
        "/\(path) is a directory already, so that nothing else can get this name; remove it first, in"
          + " another recipe that this one names under \"from\"")
    }
    if isDirectory, case .found(let there) = tree.node(at: path) {
      throw failure(addition.place, "/\(path) cannot become a directory: it is \(Self.words(there.kind)) already")
    }
    put(try member(addition, at: path))
    return path
  }

  mutating func remove(_ removal: OverlayChange.Removal) throws(OverlayError) {
    guard !removal.path.isRoot else { throw failure(removal.place, "the root directory cannot be removed") }
    var path = removal.path
    if let parent = removal.path.parent, let real = directory(at: parent) { path = real.appending(removal.path.name) }
    guard case .found = tree.node(at: path) else {
      throw failure(
        removal.place, "there is nothing to remove: neither the overlay nor the base image has /\(removal.path)")
    }
    try makeParentEntries(of: path)
    if base.nodes[path] == nil { idleWhiteouts.insert(path) }
    put(
      Member(
        Entry(path, .characterDevice(Entry.DeviceNumber(major: 0, minor: 0)), permissions: 0)))
  }

  /// Sorted by path.
  var members: [Member] { added.values.sorted { $0.entry.path < $1.entry.path } }

  private mutating func put(_ member: Member) {
    added[member.entry.path] = member
    tree.add(member.entry)
  }

  /// The directory that a path leads to, without symlinks; `nil` when it leads to none.
  private func directory(at path: OverlayPath) -> OverlayPath? {
    guard case .found(let node) = tree.resolve(path.bytes), node.kind == .directory else { return nil }
    return node.path
  }

  /// - Returns: the directory above a path, without symlinks.
  private mutating func makeParents(of path: OverlayPath, _ place: String) throws(OverlayError) -> OverlayPath {
    var reached = OverlayPath.root
    for component in path.components.dropLast() {
      let next = reached.appending(component)
      if let there = directory(at: next) {
        reached = there
        continue
      }
      if case .found(let node) = tree.node(at: next) {
        throw failure(
          place,
          "/\(path) cannot be made: /\(next) is \(Self.words(node.kind))"
            + (Self.isSymlink(node.kind) ? " that leads to no directory" : ""))
      }
      try makeParentEntries(of: next)
      put(Member(Entry(next, .directory, permissions: 0o755)))
      reached = next
    }
    try makeParentEntries(of: reached.appending("x".utf8))
    return reached
  }

  /// Gives the directories above a path entries of their own: the kernel's unpacker makes no directory that it has no entry for.
  private mutating func makeParentEntries(of path: OverlayPath) throws(OverlayError) {
    for ancestor in path.ancestors where before[ancestor] == nil && added[ancestor] == nil {
      var entry = Entry(ancestor, .directory, permissions: 0o755)
      if let node = base.nodes[ancestor] {
        (entry.permissions, entry.owner, entry.group) = (node.permissions, node.owner, node.group)
      }
      put(Member(entry))
    }
  }

  private mutating func change(_ path: OverlayPath, _ addition: OverlayChange.Addition) throws(OverlayError) {
    guard case .directory = addition.kind else { return }
    try makeParentEntries(of: path)
    put(
      Member(
        Entry(
          path, .directory, permissions: addition.permissions, owner: addition.owner, group: addition.group)))
  }

  private func member(_ addition: OverlayChange.Addition, at path: OverlayPath) throws(OverlayError) -> Member {
    var member = Member(
      Entry(path, .directory, permissions: addition.permissions, owner: addition.owner, group: addition.group))
    switch addition.kind {
    case .file(let source):
      let state = try SourceFile(source).state()
      guard state.isRegular else { throw failure(addition.place, "\(source) is no regular file") }
      member.entry.kind = .file(size: state.size)
      member.content = .file(source)
    case .text(let bytes):
      member.entry.kind = .file(size: bytes.count)
      member.content = .bytes(bytes)
    case .symlink(let target):
      member.entry.kind = .symlink(target: target)
      member.entry.permissions = 0o777
    case .directory, .anyDirectory: break
    }
    if let problem = NewcLimits.problem(with: member.entry) { throw failure(addition.place, problem) }
    return member
  }

  private func failure(_ place: String, _ message: String) -> OverlayError { OverlayError("\(place): \(message)") }

  private static func isSymlink(_ kind: MergedTree.Node.Kind) -> Bool {
    if case .symlink = kind { true } else { false }
  }

  private static func words(_ kind: MergedTree.Node.Kind) -> String {
    switch kind {
    case .file: "a file"
    case .directory: "a directory"
    case .symlink: "a symlink"
    case .whiteout: "removed"
    case .other: "a device, a FIFO or a socket"
    }
  }
}
