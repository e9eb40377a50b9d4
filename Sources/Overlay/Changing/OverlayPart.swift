/// Some of an overlay's entries, as an overlay of their own.
public enum OverlayPart {
  /// Writes the part.
  ///
  /// - Parameters:
  ///   - archive: the whole overlay.
  ///   - writer: writes the part.
  ///   - limit: bytes that the files of the part have together; more are an error.
  ///   - isKept: whether an entry belongs to the part. A file's other names are not kept with it.
  public static func write(
    of archive: String, to path: String, _ writer: ArchiveWriter, limits: ArchiveLimits, limit: Int,
    where isKept: (Entry) -> Bool
  ) throws(OverlayError) {
    let index = try ArchiveIndex(archive, limits: limits)
    let kept = index.entries.filter(isKept)
    let contents = try index.contents(of: kept.map(\.path), limit: limit, limits: limits)
    let members = kept.map { kept in
      var entry = kept
      entry.links = nil
      return Member(entry, contents[entry.path].map { .bytes($0) } ?? .none)
    }
    try writer.write(members, to: path)
  }
}
