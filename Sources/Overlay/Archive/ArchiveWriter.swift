import CArchive
import Glibc
import SystemFiles

/// Writes newc archives.
public struct ArchiveWriter {
  public var compression: CompressionFormat
  /// One of the compression's levels; `nil` for its default.
  public var level: Int?
  /// The archive that is changed, which the caller has locked. The new one gets its owner and its permissions, and takes the
  /// place of no other file.
  public var changed: ArchiveLock?
  /// Whether a file that is there when the archive is complete may be replaced.
  public var mayReplace = true
  /// Whether the archive's digest is wanted.
  public var takesDigest = false
  /// Called when the whole archive is on its medium, just before it gets its name. An error keeps it from getting that.
  public var willReplace: () throws(OverlayError) -> Void = { () throws(OverlayError) in }

  public init(compression: CompressionFormat = .gzip, level: Int? = nil) {
    (self.compression, self.level) = (compression, level)
  }

  /// What was written.
  public struct Summary: Sendable {
    public let entries: Int
    /// Bytes of the archive.
    public let size: Int
    /// Its SHA-256 in hexadecimal, if it was wanted.
    public let digest: String?
  }

  /// Writes an archive and puts it in place as a whole. On failure, what stood at `path` still does. A symlink stays one:
  /// what it leads to is replaced.
  ///
  /// The same members give the same bytes: inodes are numbered in order, and there is nothing in the headers that the
  /// entries do not say. The data of a file with several names stands with the last of them, where GNU cpio expects it.
  ///
  /// - Parameters:
  ///   - members: sorted by path.
  ///   - progress: called with the number of bytes of files that were read so far.
  @discardableResult
  public func write(
    _ members: [Member], to path: String, progress: (Int) -> Void = { _ in }
  ) throws(OverlayError) -> Summary {
    let path = changed?.path ?? Self.withoutSymlinks(path)
    let file = try OutputFile(path, takesDigest: takesDigest)
    let lock = changed == nil ? try ArchiveLock(path, name: path, for: .writing) : nil
    defer { withExtendedLifetime(lock) {} }
    file.needed = Self.needed(by: members)
    let compressor = try compression.makeCompressor(level: level, to: file)
    let stream = try ArchiveStream(to: compressor ?? file)
    try append(members, to: stream, progress)
    try stream.finish()
    try compressor?.finish()
    try file.synchronize(attributes: changed?.attributes)
    if let changed, !file.replaces(changed) { throw changed.wasReplaced() }
    try willReplace()
    try file.finish(replacing: mayReplace)
    return Summary(entries: members.count, size: file.size, digest: file.takeDigest())
  }

  private func append(
    _ members: [Member], to stream: ArchiveStream, _ progress: (Int) -> Void
  ) throws(OverlayError) {
    let content = ContentReader()
    var groups = Self.linkCounts(members)
    var inode: Int64 = 0
    var done = 0
    for member in members {
      var number = LinkNumber(inode: inode + 1)
      if let links = member.entry.links, var group = groups[links] {
        if group.inode == 0 { group.inode = inode + 1 }
        group.left -= 1
        groups[links] = group
        number = LinkNumber(inode: group.inode, count: group.count, hasData: group.left == 0)
      }
      inode = max(inode, number.inode)
      try stream.append(member.entry, number)
      guard number.hasData else { continue }
      try content.read(member) { (bytes) throws(OverlayError) in
        try stream.write(bytes)
        done += bytes.count
        progress(done)
      }
    }
  }

  /// Bytes of the members' files; a file with several names counts once.
  static func contentSize(_ members: [Member]) -> Int {
    var seen: Set<Entry.LinkGroup> = []
    return members.reduce(0) { sum, member in
      if let links = member.entry.links, !seen.insert(links).inserted { return sum }
      return sum + member.entry.size
    }
  }

  private static func needed(by members: [Member]) -> String {
    "the files that are packed have \(MediumSpace.text(contentSize(members))) before they are compressed"
  }

  private static func withoutSymlinks(_ path: String) -> String {
    var (itself, target) = (stat(), stat())
    guard lstat(path, &itself) == 0, itself.st_mode & S_IFMT == S_IFLNK,
      stat(path, &target) == 0, target.st_mode & S_IFMT == S_IFREG
    else { return path }
    return Path.resolved(path) ?? path
  }

  private struct Group {
    var inode: Int64 = 0
    var count = 0
    var left = 0
  }

  private static func linkCounts(_ members: [Member]) -> [Entry.LinkGroup: Group] {
    var groups: [Entry.LinkGroup: Group] = [:]
    for case let links? in members.lazy.map(\.entry.links) {
      groups[links, default: Group()].count += 1
      groups[links, default: Group()].left += 1
    }
    return groups
  }
}
