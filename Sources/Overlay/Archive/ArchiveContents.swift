extension ArchiveIndex {
  /// The contents of several regular files, read in one pass through the archive.
  ///
  /// - Parameters:
  ///   - paths: what is no regular file of the archive is left out.
  ///   - limit: bytes of all these files together.
  public func contents(
    of paths: some Sequence<OverlayPath>, limit: Int, limits: ArchiveLimits = ArchiveLimits()
  ) throws(OverlayError) -> [OverlayPath: [UInt8]] {
    var wanted: [Int: [OverlayPath]] = [:]
    var contents: [OverlayPath: [UInt8]] = [:]
    var total = 0
    for path in paths {
      guard let index = index(of: path), case .file(let size) = entries[index].kind else { continue }
      contents[path] = []
      guard size > 0 else { continue }
      total += size
      guard total <= limit else {
        throw OverlayError("\(self.path): \"\(path)\" and files of its kind have more than \(limit) bytes")
      }
      wanted[dataPlace(ofEntryAt: index), default: []].append(path)
    }
    let reader = try ArchiveReader(path, limits: limits)
    var place = 0
    while !wanted.isEmpty, try reader.next() != nil {
      if let paths = wanted.removeValue(forKey: place) {
        var bytes: [UInt8] = []
        while let block = try reader.nextBlock() { bytes += block }
        for path in paths { contents[path] = bytes }
      }
      place += 1
    }
    guard wanted.isEmpty else {
      throw OverlayError("\(path) has changed while it was read; try again when nobody writes it")
    }
    return contents
  }
}
