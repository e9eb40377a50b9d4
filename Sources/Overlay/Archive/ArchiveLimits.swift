/// How much an archive may hold. Archives come from anywhere; a few kilobytes can unfold to terabytes.
public struct ArchiveLimits: Sendable {
  /// Bytes of all archives in the file together, decompressed, headers included.
  public var size: Int
  public var entries: Int

  public init(size: Int = 16 << 30, entries: Int = 1_000_000) { (self.size, self.entries) = (size, entries) }
}
