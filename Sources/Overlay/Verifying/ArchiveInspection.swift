import Glibc

/// One pass through an archive: its entries, what each file is, and the few contents that the checks need. No more than one
/// file's data is kept at a time, and that of a program not in memory.
struct ArchiveInspection {
  /// One entry a name: the last.
  private(set) var entries: [OverlayPath: Entry] = [:]
  /// Names that the archive has more than once.
  private(set) var duplicates: Set<OverlayPath> = []
  private(set) var compression = CompressionFormat.none
  /// The text of files that configure the loader.
  private(set) var loaderTexts: [OverlayPath: [UInt8]] = [:]

  private var natures: [OverlayPath: FileNature] = [:]
  private var groupNatures: [Entry.LinkGroup: FileNature] = [:]

  private static let longestLoaderText = 1 << 20

  init(_ path: String, limits: ArchiveLimits, progress: (Int, Int) -> Void) throws(OverlayError) {
    let reader = try ArchiveReader(path, limits: limits)
    while let entry = try reader.next() {
      progress(reader.progress.done, reader.progress.total)
      if entries.updateValue(entry, forKey: entry.path) != nil {
        duplicates.insert(entry.path)
        natures[entry.path] = nil
        loaderTexts[entry.path] = nil
      }
      guard case .file(let size) = entry.kind, size > 0 else { continue }
      let nature = try readFile(entry, reader)
      // The data of a file with several names stands with one of them.
      if let group = entry.links { groupNatures[group] = nature } else { natures[entry.path] = nature }
    }
    compression = reader.compression
  }

  /// What the regular file of that name is; `nil` when it is none.
  func nature(of path: OverlayPath) -> FileNature? {
    guard let entry = entries[path], case .file = entry.kind else { return nil }
    return entry.links.map { groupNatures[$0] } ?? natures[path] ?? .empty
  }

  private mutating func readFile(_ entry: Entry, _ reader: ArchiveReader) throws(OverlayError) -> FileNature {
    let isLoaderText = LoaderConfiguration.mayInclude(entry.path)
    let wanted = isLoaderText ? Self.longestLoaderText : ScriptLine.longest
    var head: [UInt8] = []
    while head.count < wanted, let block = try reader.nextBlock() {
      head += block
    }
    if isLoaderText { loaderTexts[entry.path] = Array(head.prefix(wanted)) }
    if let line = ScriptLine(head: head) { return .script(line) }
    guard head.starts(with: [0x7F] + Array("ELF".utf8)) else { return .other }
    let spool = try ContentSpool(directory: Self.temporaryDirectory)
    var failure: OverlayError?
    head.withUnsafeBytes { bytes in
      do throws(OverlayError) { try spool.append(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    while let block = try reader.nextBlock() { try spool.append(block) }
    return try ElfReader.facts(spool, isModule: entry.path.bytes.hasSuffix(".ko"))
  }

  private static var temporaryDirectory: String {
    getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
  }
}

extension Collection where Element == UInt8 {
  func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
