/// Which version of a file an answer carries, as far as its headers tell (RFC 9110, 8.8 and 14.4).
struct FileVersion: Equatable {
  var entityTag: String?
  var lastModified: String?
  /// The whole file's size in bytes.
  var size: Int?

  init(_ response: HTTPResponse) {
    entityTag = response.headers["etag"]
    lastModified = response.headers["last-modified"]
    size = Self.size(response)
  }

  /// What to send in `If-Range`: an entity tag, if it is a strong one, or the date.
  var validator: String? { entityTag.flatMap { $0.hasPrefix("W/") ? nil : $0 } ?? lastModified }

  /// Whether an answer with a part can belong to this version. A server has to repeat an entity tag there, but it may leave
  /// the date out (RFC 9110, 15.3.7).
  func canBeContinued(by other: FileVersion) -> Bool {
    func agree<Value: Equatable>(_ mine: Value?, _ theirs: Value?) -> Bool {
      mine == nil || theirs == nil || mine == theirs
    }
    return (entityTag == nil || entityTag == other.entityTag) && agree(lastModified, other.lastModified)
      && agree(size, other.size)
  }

  private static func size(_ response: HTTPResponse) -> Int? {
    if response.status == 206 { return ContentRange(response)?.whole }
    // The length that is given is then not the file's; beside chunks it does not count (RFC 9112, 6.3).
    guard response.headers["content-encoding"] == nil, response.headers["transfer-encoding"] == nil else { return nil }
    return response.headers["content-length"].flatMap { Int($0) }
  }
}

/// `Content-Range: bytes 500-999/1000` (RFC 9110, 14.4).
struct ContentRange {
  /// The place of the first byte that the answer carries.
  let first: Int
  /// The whole file's size in bytes, when the server knows it.
  let whole: Int?

  /// `nil` when there is no such header, or none that makes sense.
  init?(_ response: HTTPResponse) {
    guard let range = response.headers["content-range"], range.hasPrefix("bytes "),
      let first = Int(range.dropFirst(6).prefix { $0 != "-" })
    else { return nil }
    self.first = first
    whole = range.lastIndex(of: "/").flatMap { Int(range[range.index(after: $0)...]) }
  }
}
