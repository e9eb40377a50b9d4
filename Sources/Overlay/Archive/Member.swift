/// An entry, and where a regular file's bytes come from.
public struct Member: Sendable {
  public var entry: Entry
  public var content: Content

  public init(_ entry: Entry, _ content: Content = .none) { (self.entry, self.content) = (entry, content) }
}

/// Where the bytes of a regular file come from. How many there are its entry says.
public enum Content: Sendable {
  case none
  /// The file of the entry's path in a directory.
  case tree(SourceTree)
  /// A file of this machine.
  case file(String)
  /// From this offset on.
  case spooled(ContentSpool, offset: Int)
}
