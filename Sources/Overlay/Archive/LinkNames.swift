import CArchive

/// The files of an archive that have several names, as its entries number them.
struct LinkNames {
  private struct FileNumber: Hashable {
    let device: Entry.DeviceNumber
    let inode: UInt32
  }

  private struct File {
    let group: Entry.LinkGroup
    /// How many names the archive has announced and not shown yet.
    var missing: UInt32
  }

  private var files: [FileNumber: File] = [:]
  private var groupCount = 0
  /// How many files still have names missing.
  private var incomplete = 0
  private var comparisons = 0

  private let mostComparisons: Int

  init(limits: ArchiveLimits) { mostComparisons = limits.linkComparisons }

  /// Forgets the numbers: each archive has its own.
  mutating func beginArchive() {
    files = [:]
    incomplete = 0
  }

  /// The group of the entry's file; `nil` when this is its only name. Only the names of regular files are grouped: other
  /// kinds, like devices, have no data, so that it makes no difference whether two names are one of them or two.
  mutating func group(of raw: OpaquePointer, _ kind: Entry.Kind) throws(OverlayError) -> Entry.LinkGroup? {
    let count = archive_entry_nlink(raw)
    guard count > 1 else { return nil }
    comparisons += incomplete
    guard comparisons <= mostComparisons else {
      throw OverlayError(
        "it has too many files and directories with a link count above 1 whose other names are missing")
    }
    let number = FileNumber(
      device: Entry.DeviceNumber(
        major: UInt32(truncatingIfNeeded: archive_entry_devmajor(raw)),
        minor: UInt32(truncatingIfNeeded: archive_entry_devminor(raw))),
      inode: UInt32(truncatingIfNeeded: archive_entry_ino64(raw)))
    guard var file = files[number] else {
      guard case .file = kind else {
        incomplete += 1
        return nil
      }
      groupCount += 1
      let group = Entry.LinkGroup(groupCount)
      files[number] = File(group: group, missing: count - 1)
      incomplete += 1
      return group
    }
    if file.missing > 0 {
      file.missing -= 1
      if file.missing == 0 { incomplete -= 1 }
      files[number] = file
    }
    guard case .file = kind else { return nil }
    return file.group
  }
}
