import Digests

/// What an archive holds once all of it is read: one entry a name, found by its path.
///
/// An archive can have several entries of one name, and has the data of a file with several names only once. Here the last
/// entry of a name counts, as it does when the archive is unpacked, and each name of a file has the file's size, mode, owner
/// and time.
public struct ArchiveIndex: Sendable {
  /// The archive's path.
  public let path: String
  public let compression: CompressionFormat
  /// Sorted by path, every path once. `links` is `nil` where no other name of the file is left.
  public let entries: [Entry]
  /// Names that the archive has more than once, sorted.
  public let duplicates: [OverlayPath]

  /// For each of `entries`, the place in the archive, counted from 0, of the entry that holds its data.
  private let dataPlaces: [Int]
  /// By that place, of files that are not empty.
  private let digests: [Int: String]

  /// Reads an archive from its beginning to its end.
  ///
  /// - Parameters:
  ///   - digests: whether to take the digest of each file's contents.
  ///   - progress: called with bytes of the archive: how many were read, how many there are.
  public init(
    _ path: String, limits: ArchiveLimits = ArchiveLimits(), digests wantsDigests: Bool = false,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(OverlayError) {
    let reader = try ArchiveReader(path, limits: limits)
    var found: [Entry] = []
    var digests: [Int: String] = [:]
    while let entry = try reader.next() {
      if wantsDigests, entry.size > 0 { digests[found.count] = try reader.contentDigest() }
      found.append(entry)
      progress(reader.progress.done, reader.progress.total)
    }
    self.init(path, found, compression: reader.compression, digests: digests)
  }

  /// - Parameters:
  ///   - found: the entries as they stand in the archive.
  ///   - digests: by the places of the entries.
  init(_ path: String, _ found: [Entry], compression: CompressionFormat = .none, digests: [Int: String] = [:]) {
    (self.path, self.compression, self.digests) = (path, compression, digests)
    (entries, dataPlaces, duplicates) = Self.resolve(found)
  }

  /// The entry of that path, or `nil`.
  public subscript(path: OverlayPath) -> Entry? { index(of: path).map { entries[$0] } }

  /// The SHA-256 of a file's contents in hexadecimal; `nil` where there is no file, or no digests were asked for.
  public func digest(of path: OverlayPath) -> String? {
    guard let index = index(of: path), case .file(let size) = entries[index].kind else { return nil }
    return size == 0 ? Self.digestOfNothing : digests[dataPlaces[index]]
  }

  /// Where in the archive, counted from 0, the data of the entry at that index stands.
  func dataPlace(ofEntryAt index: Int) -> Int { dataPlaces[index] }

  /// Where in `entries` that path stands, or `nil`.
  func index(of path: OverlayPath) -> Int? {
    var range = entries.startIndex..<entries.endIndex
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if entries[middle].path == path { return middle }
      range = entries[middle].path < path ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  private static let digestOfNothing = Digest(.sha256).finish()

  /// A file with several names: the last data and the last attributes count, whichever name they came with.
  private struct File {
    var attributes: Entry
    var size: Int
    var dataPlace: Int

    init(_ entry: Entry, place: Int) { (attributes, size, dataPlace) = (entry, entry.size, place) }

    mutating func add(_ entry: Entry, at place: Int) {
      attributes = entry
      if entry.size > 0 { (size, dataPlace) = (entry.size, place) }
    }
  }

  private static func resolve(
    _ found: [Entry]
  ) -> (entries: [Entry], dataPlaces: [Int], duplicates: [OverlayPath]) {
    var files: [Entry.LinkGroup: File] = [:]
    for (place, entry) in found.enumerated() {
      if let group = entry.links { files[group, default: File(entry, place: place)].add(entry, at: place) }
    }
    var places: [Int] = []
    var duplicates: [OverlayPath] = []
    let order = found.indices.sorted { left, right in
      found[left].path == found[right].path ? left < right : found[left].path < found[right].path
    }
    for place in order {
      if let last = places.last, found[last].path == found[place].path {
        places[places.count - 1] = place
        if duplicates.last != found[place].path { duplicates.append(found[place].path) }
      } else {
        places.append(place)
      }
    }
    var names: [Entry.LinkGroup: Int] = [:]
    for place in places { if let group = found[place].links { names[group, default: 0] += 1 } }
    var dataPlaces = places
    let entries = places.indices.map { index -> Entry in
      let entry = found[places[index]]
      guard let group = entry.links, let file = files[group] else { return entry }
      dataPlaces[index] = file.dataPlace
      var resolved = file.attributes
      resolved.path = entry.path
      resolved.kind = .file(size: file.size)
      resolved.links = names[group, default: 0] > 1 ? group : nil
      return resolved
    }
    return (entries, dataPlaces, duplicates)
  }
}

extension ArchiveReader {
  /// The SHA-256, in hexadecimal, of what is left of the current entry's data.
  func contentDigest() throws(OverlayError) -> String {
    var digest = Digest(.sha256)
    while let block = try nextBlock() { digest.update(block) }
    return digest.finish()
  }
}
