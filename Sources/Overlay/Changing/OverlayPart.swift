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
    let kept = index.entries.indices.filter { isKept(index.entries[$0]) }
    let wanted = Set(kept.filter { index.entries[$0].size > 0 }.map { index.dataPlace(ofEntryAt: $0) })
    let size = kept.reduce(0) { $0 + index.entries[$1].size }
    guard size <= limit else {
      throw OverlayError("these files of \(archive) have \(size) bytes together, and at most \(limit) can be used")
    }
    var contents: [Int: [UInt8]] = [:]
    let reader = try ArchiveReader(archive, limits: limits)
    var place = 0
    while try reader.next() != nil {
      if wanted.contains(place) {
        var bytes: [UInt8] = []
        while let block = try reader.nextBlock() { bytes += block }
        contents[place] = bytes
      }
      place += 1
    }
    let members = try kept.map { (number) throws(OverlayError) -> Member in
      var entry = index.entries[number]
      entry.links = nil
      guard entry.size > 0 else { return Member(entry) }
      guard let bytes = contents[index.dataPlace(ofEntryAt: number)], bytes.count == entry.size else {
        throw OverlayError("\(archive) has changed while it was read")
      }
      return Member(entry, .bytes(bytes))
    }
    try writer.write(members, to: path)
  }
}
