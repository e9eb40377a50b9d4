import Glibc
import SystemFiles

/// Unpacks an archive, which may come from anybody, without ever writing outside of the directory it is given.
public struct Unpacker {
  /// Whether files that are there already are replaced.
  public var replacesFiles = false
  public var limits = ArchiveLimits()
  /// The file that owners, devices and modes are written to, for ``Packer/manifest``. Only root can set them on the unpacked
  /// files: without root, the default is the directory's name with `.manifest` behind it.
  public var manifest: String?
  /// Called with bytes of the archive: how many were read, how many there are.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init() {}

  /// What was unpacked.
  public struct Summary: Sendable {
    public let entries: Int
    /// Whether the archive has an entry for the root.
    public let hasRoot: Bool
    /// Of the file's last part, where it has several.
    public let compression: CompressionFormat
    /// The manifest that was written.
    public let manifest: String?
  }

  /// Unpacks an archive.
  ///
  /// A directory that does not exist yet appears as a whole or, when something fails, not at all. In one that exists what
  /// was unpacked before the failure stays.
  public func unpack(_ archive: String, to directory: String) throws(OverlayError) -> Summary {
    try FileFormat.explaining(archive) { () throws(OverlayError) in
      try unpackAsNewc(archive, to: Self.withoutSlashes(directory))
    }
  }

  private func unpackAsNewc(_ archive: String, to directory: String) throws(OverlayError) -> Summary {
    let manifest = self.manifest ?? (geteuid() == 0 ? nil : directory + ".manifest")
    if let manifest, !replacesFiles, FileSystem.exists(manifest) {
      throw OverlayError("\(manifest) exists already; --force replaces it, --manifest names another")
    }
    let reader = try ArchiveReader(archive, limits: limits)
    if FileSystem.exists(directory) {
      guard FileSystem.isDirectory(directory) else {
        throw OverlayError("\(directory) is no directory: name one, or one that does not exist yet")
      }
      do throws(OverlayError) {
        let tree = try UnpackedTree(directory, rules(manifest, replacesFiles: replacesFiles))
        return try extract(reader, to: tree, manifest)
      } catch {
        throw error.saying("\(error.message); what came before it is in \(directory)")
      }
    }
    let (parent, name) = Path.split(directory)
    let staging = try StagingDirectory(in: parent, prefix: name + ".", suffix: ".partial")
    let summary = try extract(reader, to: try newTree(in: staging, directory, manifest), manifest)
    guard staging.move(Self.stagedName, to: name) else { throw .system("make the directory \(directory)") }
    return summary
  }

  /// Unpacks an archive into a new directory, ``stagedName``, in a staging directory.
  public func unpack(_ archive: String, in staging: StagingDirectory) throws(OverlayError) -> Summary {
    let tree = try newTree(in: staging, staging.path, manifest)
    return try extract(try ArchiveReader(archive, limits: limits), to: tree, manifest)
  }

  public static let stagedName = "new"

  private func newTree(
    in staging: StagingDirectory, _ name: String, _ manifest: String?
  ) throws(OverlayError) -> UnpackedTree {
    guard mkdirat(staging.descriptor, Self.stagedName, 0o755) == 0 else {
      throw MediumSpace.failure(
        "make the directory \(name)", staging.descriptor, name, elsewhere: StagingDirectory.elsewhere)
    }
    return try UnpackedTree(
      name, rules(manifest, replacesFiles: true), at: Self.stagedName, in: staging.descriptor)
  }

  private func rules(_ manifest: String?, replacesFiles: Bool) -> UnpackedTree.Rules {
    UnpackedTree.Rules(
      replacesFiles: replacesFiles, setsOwners: geteuid() == 0, passesOverDevices: manifest != nil,
      mostImpliedDirectories: limits.entries)
  }

  private static func withoutSlashes(_ path: String) -> String {
    var bytes = Array(path.utf8)[...]
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func extract(
    _ reader: ArchiveReader, to tree: UnpackedTree, _ manifest: String?
  ) throws(OverlayError) -> Summary {
    var count = 0
    // They can be many, and are kept for the manifest only.
    var entries: [Entry] = []
    while let entry = try reader.next() {
      do throws(OverlayError) {
        try tree.add(entry) { () throws(OverlayError) in try reader.nextBlock() }
      } catch {
        // The reader's errors say where they are.
        throw error.message.hasPrefix(reader.path) ? error : error.saying("\(reader.path): \(error.message)")
      }
      count += 1
      if manifest != nil { entries.append(entry) }
      progress(reader.progress.done, reader.progress.total)
    }
    try tree.finish()
    if let manifest { try write(entries, to: manifest) }
    return Summary(
      entries: count, hasRoot: tree.hasRoot, compression: reader.compression, manifest: manifest)
  }

  private func write(_ entries: [Entry], to manifest: String) throws(OverlayError) {
    // When a name came twice, its last entry counts.
    var seen: Set<OverlayPath> = []
    let last = entries.reversed().filter { seen.insert($0.path).inserted }.sorted { $0.path < $1.path }
    let file = try OutputFile(manifest)
    try file.write(Array(Manifest(last).text.utf8)[...])
    try file.finish()
  }
}
