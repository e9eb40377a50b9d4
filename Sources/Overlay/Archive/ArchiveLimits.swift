/// How much an archive may hold. Archives come from anywhere; a few kilobytes can unfold to terabytes.
public struct ArchiveLimits: Sendable {
  /// Bytes of all archives in the file together, decompressed, headers included.
  public var size: Int
  public var entries: Int
  /// libarchive compares each entry whose link count is above 1 with all earlier ones whose other names are still missing.
  /// This is the most comparisons for one file; they take about ten seconds. An archive of GNU cpio with 100,000
  /// directories needs so many.
  var linkComparisons = 5_000_000_000

  public init(size: Int = 16 << 30, entries: Int = 1_000_000) { (self.size, self.entries) = (size, entries) }
}
