import Digests
import Glibc

/// The entries of an archive or a directory, and the digests of its files, for comparisons.
public struct OverlayContents {
  /// The path of the archive or the directory.
  public let path: String
  /// Sorted by path; `links` is `nil` for a file that has no other name in this archive or directory.
  public let entries: [Entry]
  /// The names of each file that has more than one, sorted.
  let names: [Entry.LinkGroup: [OverlayPath]]

  private let source: Source

  private enum Source {
    case archive(ArchiveIndex)
    case directory(SourceTree)
  }

  /// Reads an archive, or looks through a directory.
  ///
  /// - Parameters:
  ///   - warn: told of attributes that no archive can hold, and that are therefore not compared.
  ///   - progress: called with bytes of the archive: how many were read, how many there are.
  public init(
    _ path: String, limits: ArchiveLimits = ArchiveLimits(), warn: (String) -> Void = { _ in },
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(OverlayError) {
    self.path = path
    var status = stat()
    var entries: [Entry]
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      let tree = try SourceTree(path)
      source = .directory(tree)
      entries = try tree.members(dropsAttributes: true, warn: warn).map(\.entry)
    } else {
      let index = try FileFormat.explaining(path) { () throws(OverlayError) in
        try ArchiveIndex(path, limits: limits, digests: true, progress: progress)
      }
      source = .archive(index)
      entries = index.entries
    }
    var names: [Entry.LinkGroup: [OverlayPath]] = [:]
    for entry in entries { if let links = entry.links { names[links, default: []].append(entry.path) } }
    names = names.filter { $0.value.count > 1 }
    for index in entries.indices {
      if let links = entries[index].links, names[links] == nil { entries[index].links = nil }
    }
    (self.entries, self.names) = (entries, names)
  }

  /// The SHA-256 of a file's contents, in hexadecimal; `nil` for what is no file.
  public func digest(of entry: Entry) throws(OverlayError) -> String? {
    guard case .file = entry.kind else { return nil }
    switch source {
    case .archive(let index): return index.digest(of: entry.path)
    case .directory(let tree):
      var digest = Digest(.sha256)
      try ContentReader().read(Member(entry, tree.content)) { digest.update($0) }
      return digest.finish()
    }
  }

  /// The other names of an entry's file.
  public func otherNames(of entry: Entry) -> [OverlayPath] {
    guard let links = entry.links, let all = names[links] else { return [] }
    return all.filter { $0 != entry.path }
  }
}
