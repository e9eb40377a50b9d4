/// An entry, and where a regular file's bytes come from.
public struct Member: Sendable {
  public var entry: Entry
  public var content: Content

  public init(_ entry: Entry, _ content: Content = .none) { (self.entry, self.content) = (entry, content) }
}

/// Where the bytes of a regular file come from. The entry says how many there are.
public enum Content: Sendable {
  case none
  /// The file of the entry's path in a directory.
  case directory(SourceDirectory)
  /// A file of this machine.
  case file(String)
  /// These bytes.
  case bytes([UInt8])
  /// A part of a spool: as many bytes as the entry says, from this offset on.
  case spooled(ContentSpool, offset: Int)
}
