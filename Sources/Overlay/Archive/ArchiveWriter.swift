import CArchive
import Glibc

/// Writes newc archives.
public struct ArchiveWriter {
  public var compression: CompressionFormat
  /// One of the compression's levels; `nil` for its default.
  public var level: Int?
  /// Called when the whole archive is on its medium, just before it is put in place.
  public var willReplace: () -> Void = {}

  public init(compression: CompressionFormat = .gzip, level: Int? = nil) {
    (self.compression, self.level) = (compression, level)
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
  public func write(
    _ members: [Member], to path: String, progress: (Int) -> Void = { _ in }
  ) throws(OverlayError) {
    let file = try OutputFile(Self.withoutSymlinks(path))
    file.willTakeName = willReplace
    let stream = try ArchiveStream(to: try sink(file))
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
    try stream.finish()
  }

  private static func withoutSymlinks(_ path: String) -> String {
    var (itself, target) = (stat(), stat())
    guard lstat(path, &itself) == 0, itself.st_mode & S_IFMT == S_IFLNK,
      stat(path, &target) == 0, target.st_mode & S_IFMT == S_IFREG, let resolved = realpath(path, nil)
    else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private var chosenLevel: Int { level ?? compression.defaultLevel }

  private func sink(_ file: OutputFile) throws(OverlayError) -> any ByteSink {
    switch compression {
    case .gzip: try ParallelGzip(level: chosenLevel, to: file)
    case .xz: try XZCompressor(level: chosenLevel, to: file)
    case .zstd: try ZstdCompressor(level: chosenLevel, to: file)
    case .none: file
    }
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
