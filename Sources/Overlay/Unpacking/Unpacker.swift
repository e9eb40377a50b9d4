import Glibc
import SystemFiles

/// Unpacks an archive, which may come from anybody, without ever writing outside of the directory it is given.
public struct Unpacker {
  /// Whether files that are there already are replaced.
  public var replacesFiles = false
  public var limits = ArchiveLimits()
  /// Where owners, devices and modes are written down, for ``Packer/manifest``; without root, which cannot set them, the
  /// directory's name with `.manifest` behind it when nothing else is said.
  public var manifest: String?
  /// Called with bytes of the archive: how many were read, how many there are.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init() {}

  /// What was unpacked.
  public struct Summary: Sendable {
    public let entries: Int
    /// The manifest that was written.
    public let manifest: String?
  }

  /// Unpacks an archive.
  ///
  /// A directory that does not exist yet appears as a whole or, when something fails, not at all. In one that exists what
  /// was unpacked before the failure stays.
  public func unpack(_ archive: String, to directory: String) throws(OverlayError) -> Summary {
    let isRoot = geteuid() == 0
    let manifest = self.manifest ?? (isRoot ? nil : Self.withoutSlashes(directory) + ".manifest")
    if let manifest, !replacesFiles, FileSystem.exists(manifest) {
      throw OverlayError("\(manifest) exists already; --force replaces it, --manifest names another")
    }
    let reader = try ArchiveReader(archive, limits: limits)
    if FileSystem.exists(directory) {
      let count: Int
      do throws(OverlayError) { count = try extract(reader, to: directory, isNew: false, manifest, isRoot) } catch {
        throw OverlayError("\(error.description); what came before it is in \(directory)", cause: error.cause)
      }
      return Summary(entries: count, manifest: manifest)
    }
    let staging = try StagingDirectory(for: Self.withoutSlashes(directory))
    let count = try extract(reader, to: staging.path, isNew: true, manifest, isRoot)
    try staging.finish()
    return Summary(entries: count, manifest: manifest)
  }

  private static func withoutSlashes(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.last == "/" { path = path.dropLast() }
    return String(path)
  }

  /// - Returns: the number of entries.
  private func extract(
    _ reader: ArchiveReader, to directory: String, isNew: Bool, _ manifest: String?, _ isRoot: Bool
  ) throws(OverlayError) -> Int {
    let rules = UnpackedTree.Rules(
      replacesFiles: replacesFiles || isNew, setsOwners: isRoot, passesOverDevices: manifest != nil,
      mostImpliedDirectories: limits.entries)
    let tree = try UnpackedTree(directory, rules)
    var count = 0
    // Only for the manifest: they can be many.
    var entries: [Entry] = []
    while let entry = try reader.next() {
      do throws(OverlayError) {
        try tree.add(entry) { () throws(OverlayError) in try reader.nextBlock() }
      } catch {
        // The reader's errors say where they are.
        throw error.description.hasPrefix(reader.path)
          ? error : OverlayError("\(reader.path): \(error.description)", cause: error.cause)
      }
      count += 1
      if manifest != nil { entries.append(entry) }
      progress(reader.progress.done, reader.progress.total)
    }
    try tree.finish()
    if let manifest { try write(entries, to: manifest) }
    return count
  }

  private func write(_ entries: [Entry], to manifest: String) throws(OverlayError) {
    // Of a name that came twice the last holds.
    var seen: Set<OverlayPath> = []
    let last = entries.reversed().filter { seen.insert($0.path).inserted }.sorted { $0.path < $1.path }
    let file = try OutputFile(manifest)
    try file.write(Array(Manifest(last).text.utf8)[...])
    try file.finish()
  }
}
