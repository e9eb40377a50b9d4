import Glibc
import SystemFiles

/// Makes an overlay of a directory: the same tree gives the same bytes on every machine, for every user.
public struct Packer {
  /// Who owns the entries that the manifest does not name.
  public enum Ownership: String, Sendable, CaseIterable {
    case root, keep
  }

  /// The entries' times.
  public enum Times: Sendable, Equatable {
    /// No later than this, in seconds since 1970.
    case clamped(to: UInt32)
    /// What was written between `since` and now has this time, and nothing else is later: what is made gets the same time
    /// whenever it is made, also when this time is still to come. In seconds since 1970.
    case settled(at: UInt32, since: UInt32)
    case kept
  }

  public var writer = ArchiveWriter()
  public var ownership = Ownership.root
  public var times = Times.clamped(to: 0)
  /// Files that every overlay needs, added where the directory does not have them; `nil` for none.
  public var required: RequiredFiles?
  public var manifest: Manifest?
  /// Whether extended attributes are left out with a warning; else they are errors.
  public var dropsAttributes = false
  public var warn: (String) -> Void = { _ in }
  /// What the directory is called in errors and warnings, when not by its path.
  public var directoryName: String?
  /// Called with bytes of files: how many were read, how many there are.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init() {}

  /// Packs a directory. On failure what stood at `archive` still does.
  @discardableResult
  public func pack(_ directory: String, to archive: String) throws(OverlayError) -> ArchiveWriter.Summary {
    try checkOutside(archive, of: directory)
    let members = try members(of: directory)
    let total = ArchiveWriter.contentSize(members)
    return try writer.write(members, to: archive) { progress($0, total) }
  }

  /// What goes into the archive, sorted by path.
  func members(of directory: String) throws(OverlayError) -> [Member] {
    let tree = try SourceTree(directory, name: directoryName)
    let directory = directoryName ?? directory
    var members = try tree.walk(dropsAttributes: dropsAttributes, warn: warn)
    let now = UInt32(clamping: time(nil))
    for index in members.indices {
      if ownership == .root { (members[index].entry.owner, members[index].entry.group) = (0, 0) }
      members[index].entry.modified = times.time(for: members[index].entry.modified, now: now)
      // All whiteouts that overlayfs makes are hard links of one device, with the mode that this has by chance.
      if members[index].entry.isWhiteout { members[index].entry.permissions = 0 }
    }
    let ownCount = members.count
    if let manifest { try apply(manifest, to: &members, in: directory) }
    if let required { try add(required.members(), to: &members, in: directory) }
    try addParents(ofMembersFrom: ownCount, to: &members, in: directory)
    members.sort { $0.entry.path < $1.entry.path }
    let root = members.first.map(\.entry.permissions) ?? 0
    if root & 0o555 != 0o555 {
      warn(
        "\(directory) has the mode \(String(root, radix: 8)), and so will / on the node: only root could use it; chmod 755 it"
      )
    }
    return members
  }

  private func apply(_ manifest: Manifest, to members: inout [Member], in directory: String) throws(OverlayError) {
    var places: [OverlayPath: Int] = [:]
    var names: [Entry.LinkGroup: [Int]] = [:]
    for (index, member) in members.enumerated() {
      places[member.entry.path] = index
      if let links = member.entry.links { names[links, default: []].append(index) }
    }
    for line in manifest.lines {
      guard let index = places[line.path] else {
        members.append(Member(try newEntry(line, in: directory)))
        places[line.path] = members.count - 1
        continue
      }
      let found = members[index].entry.kind
      guard found.letter == line.type, line.device.map({ found == line.kind(of: $0) }) ?? true else {
        throw OverlayError(
          "the manifest says that \(line.path) is of the type \"\(line.type)\", but in \(directory) it is a \(found)")
      }
      // All names of a file get the same: the node uses the attributes of the last name for the whole file.
      for index in members[index].entry.links.flatMap({ names[$0] }) ?? [index] {
        members[index].entry.permissions = line.permissions
        (members[index].entry.owner, members[index].entry.group) = (line.owner, line.group)
        if let modified = line.modified { members[index].entry.modified = times.time(for: modified) }
      }
    }
  }

  /// An entry that only the manifest has.
  private func newEntry(_ line: Manifest.Line, in directory: String) throws(OverlayError) -> Entry {
    guard let kind = line.kindOfItsOwn else {
      throw OverlayError(
        "the manifest names \(line.path), but \(directory) has no such \(line.type == "l" ? "symlink" : "file")")
    }
    let entry = Entry(
      line.path, kind, permissions: line.permissions, owner: line.owner, group: line.group,
      modified: times.time(for: line.modified ?? 0))
    if let problem = NewcLimits.problem(with: entry) { throw OverlayError("the manifest: \(problem)") }
    return entry
  }

  /// Adds the directories above added members: the kernel's unpacker makes no directory that it has no entry for.
  ///
  /// - Parameter first: the index of the first added member. Those before it are the directory's own, with all parents.
  private func addParents(
    ofMembersFrom first: Int, to members: inout [Member], in directory: String
  ) throws(OverlayError) {
    let added = members[first...].map(\.entry.path)
    var kinds = Self.kinds(of: Set(added.flatMap { Array($0.ancestors) }), among: members)
    for path in added {
      for ancestor in path.ancestors {
        guard let kind = kinds[ancestor] else {
          kinds[ancestor] = .directory
          members.append(Member(Entry(ancestor, .directory, permissions: 0o755)))
          continue
        }
        guard kind == .directory else {
          throw OverlayError("\(path) cannot be packed: in \(directory) \(ancestor) is a \(kind)")
        }
      }
    }
  }

  /// Only those of `paths`, since a dictionary of all members would take much memory.
  private static func kinds(of paths: Set<OverlayPath>, among members: [Member]) -> [OverlayPath: Entry.Kind] {
    var kinds: [OverlayPath: Entry.Kind] = [:]
    for member in members where paths.contains(member.entry.path) { kinds[member.entry.path] = member.entry.kind }
    return kinds
  }

  /// Adds the required files that the directory does not have itself.
  private func add(_ required: [Member], to members: inout [Member], in directory: String) throws(OverlayError) {
    let paths = required.flatMap { [$0.entry.path] + $0.entry.path.ancestors }
    var kinds = Self.kinds(of: Set(paths), among: members)
    for var member in required where kinds[member.entry.path] == nil {
      for ancestor in member.entry.path.ancestors {
        guard let kind = kinds[ancestor], kind != .directory else { continue }
        throw OverlayError(
          "\(member.entry.path) is required, but in \(directory) \(ancestor) is a \(kind); make it a directory, or give --no-required"
        )
      }
      if case .clamped(let latest) = times { member.entry.modified = latest }
      kinds[member.entry.path] = member.entry.kind
      members.append(member)
    }
  }

  /// An archive inside the directory would become part of the next one.
  private func checkOutside(_ archive: String, of directory: String) throws(OverlayError) {
    guard let inner = Path.resolved(Path.split(archive).directory), let outer = Path.resolved(directory) else { return }
    guard !Path.components(inner).starts(with: Path.components(outer)) else {
      throw OverlayError(
        "\(archive) is inside \(directory), which it would be packed into next time; write it elsewhere")
    }
  }
}

extension Packer.Times {
  /// The time that an entry gets.
  ///
  /// - Parameters:
  ///   - modified: when it was written.
  ///   - now: the end of the time in which the entries were written; `nil` for an entry that was not written on this machine.
  fileprivate func time(for modified: UInt32, now: UInt32? = nil) -> UInt32 {
    switch self {
    case .clamped(let latest): min(modified, latest)
    case .settled(let time, let since):
      if let now, since <= modified, modified <= now { time } else { min(modified, time) }
    case .kept: modified
    }
  }
}

extension Entry.Kind {
  /// As find(1) names the types.
  var letter: Character {
    switch self {
    case .file: "f"
    case .directory: "d"
    case .symlink: "l"
    case .fifo: "p"
    case .socket: "s"
    case .characterDevice: "c"
    case .blockDevice: "b"
    }
  }
}

extension Manifest.Line {
  /// The kind of an entry that is made from this line alone; `nil` for those that have contents.
  var kindOfItsOwn: Entry.Kind? {
    switch type {
    case "d": .directory
    case "p": .fifo
    case "s": .socket
    default: device.map { kind(of: $0) }
    }
  }

  func kind(of device: Entry.DeviceNumber) -> Entry.Kind {
    type == "b" ? .blockDevice(device) : .characterDevice(device)
  }
}
