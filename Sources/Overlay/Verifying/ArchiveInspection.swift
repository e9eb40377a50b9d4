import Glibc

/// One pass through an archive: its entries, what each file is, and the few contents that the checks need. No more than one
/// file's data is kept at a time, and that of a program not in memory.
struct ArchiveInspection {
  /// One entry a name: the last.
  private(set) var entries: [OverlayPath: Entry] = [:]
  /// Names that the archive has more than once.
  private(set) var duplicates: Set<OverlayPath> = []
  private(set) var compression = CompressionFormat.none
  /// The archives in the file, one behind the other, and the first entry of the second one.
  private(set) var parts: [ArchiveReader.Part] = []
  private(set) var firstBehind: OverlayPath?
  /// Absolute paths in the text of what runs at boot.
  private(set) var pathsInBootFiles: Set<[UInt8]> = []

  private let path: String
  private let limits: ArchiveLimits
  private var natures: [OverlayPath: FileNature] = [:]
  private var groupNatures: [Entry.LinkGroup: FileNature] = [:]
  /// What the checks read of files whose names they know.
  private var texts: [OverlayPath: [UInt8]] = [:]

  /// Bytes.
  private static let longestText = 1 << 20
  private static let longestCache = 16 << 20

  init(_ path: String, limits: ArchiveLimits, progress: (Int, Int) -> Void) throws(OverlayError) {
    (self.path, self.limits) = (path, limits)
    let reader = try ArchiveReader(path, limits: limits)
    while let entry = try reader.next() {
      progress(reader.progress.done, reader.progress.total)
      if reader.parts.count > 1, firstBehind == nil { firstBehind = entry.path }
      if entries.updateValue(entry, forKey: entry.path) != nil {
        duplicates.insert(entry.path)
        natures[entry.path] = nil
        texts[entry.path] = nil
      }
      guard case .file(let size) = entry.kind, size > 0 else { continue }
      let nature = try readFile(entry, reader)
      // The data of a file with several names stands with one of them.
      if let group = entry.links { groupNatures[group] = nature } else { natures[entry.path] = nature }
    }
    (compression, parts) = (reader.compression, reader.parts)
  }

  /// What the regular file of that name is; `nil` when it is none.
  func nature(of path: OverlayPath) -> FileNature? {
    guard let entry = entries[path], case .file = entry.kind else { return nil }
    return entry.links.map { groupNatures[$0] } ?? natures[path] ?? .empty
  }

  /// The contents of a regular file; of a long one the begin. A file whose name the checks do not know beforehand, such as
  /// the target of a symlink, costs another pass through the archive.
  func contents(of path: OverlayPath) throws(OverlayError) -> [UInt8] {
    if let text = texts[path] { return text }
    guard let wanted = entries[path], case .file = wanted.kind else { return [] }
    var contents: [UInt8] = []
    let reader = try ArchiveReader(self.path, limits: limits)
    while let entry = try reader.next() {
      guard entry.path == path || (entry.links != nil && entry.links == wanted.links), entry.size > 0 else { continue }
      contents = []
      while contents.count < Self.longestText, let block = try reader.nextBlock() { contents += block }
    }
    return Array(contents.prefix(Self.longestText))
  }

  /// How many bytes of a file the checks read as text.
  private static func textLimit(of path: OverlayPath) -> Int? {
    if path.bytes.elementsEqual(LoaderCache.path.utf8) { return longestCache }
    let isText =
      LoaderConfiguration.mayInclude(path) || BootFiles.areRead(path) || ModulePlace(path)?.isList(path) == true
    return isText ? longestText : nil
  }

  private mutating func readFile(_ entry: Entry, _ reader: ArchiveReader) throws(OverlayError) -> FileNature {
    if let format = KernelModule.compression(of: entry.path) { return try KernelModule.nature(reader, format) }
    let limit = Self.textLimit(of: entry.path)
    let wanted = limit ?? ScriptLine.longest
    var head: [UInt8] = []
    while head.count < wanted, let block = try reader.nextBlock() {
      head += block
    }
    if limit != nil {
      let text = Array(head.prefix(wanted))
      if BootFiles.areRead(entry.path) { pathsInBootFiles.formUnion(BootFiles.paths(in: text)) }
      texts[entry.path] = text
    }
    if let line = ScriptLine(head: head) { return .script(line) }
    guard head.starts(with: ElfReader.magic) else { return .other }
    let spool = try ContentSpool.temporary()
    try head.withUnsafeBufferPointer { (bytes) throws(OverlayError) in try spool.append(UnsafeRawBufferPointer(bytes)) }
    while let block = try reader.nextBlock() { try spool.append(block) }
    return try ElfReader.facts(spool, isModule: KernelModule.isOne(entry.path))
  }
}

extension ContentSpool {
  /// Where `TMPDIR` says, else in `/tmp`.
  static func temporary() throws(OverlayError) -> ContentSpool {
    let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    return try ContentSpool(directory: named.isEmpty ? "/tmp" : named)
  }
}

extension Collection where Element == UInt8 {
  func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
