import Glibc

/// The path of something in an overlay: the bytes of a path relative to its root, without `.`, `..`, empty components or
/// a slash at either end. The root itself is the empty path. Names on Linux are bytes, not text: they need not be UTF-8.
///
/// Paths sort like a walk through the tree: a directory, then what is in it, by the bytes of the names.
public struct OverlayPath: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let bytes: [UInt8]

  public static let root = OverlayPath(checked: [])

  /// The longest path that the kernel's unpacker takes, in bytes (PATH_MAX without its final NUL).
  public static let longest = 4095

  private init(checked bytes: [UInt8]) { self.bytes = bytes }

  /// Makes a path of a name in an archive: `./etc/hosts`, `etc/hosts` and `etc//hosts/` are one path.
  ///
  /// - Throws: the reason why this is no path inside an overlay.
  public init(archiveName name: some Collection<UInt8>) throws(OverlayError) {
    guard !name.isEmpty else { throw OverlayError("an entry has an empty name") }
    try self.init(name, shown: "\"\(OverlayPath.printable(name))\"")
  }

  /// Makes a path of one on the node, as a person writes it: `/etc/hosts` and `etc/hosts` are one path, `/` is the root.
  ///
  /// - Parameter shown: what errors call it.
  public init(onNode text: String, shown: String) throws(OverlayError) {
    guard !text.isEmpty else {
      throw OverlayError("\(shown) is no path on the node: write one as /etc/hosts, or / for the root")
    }
    try self.init(text.utf8.drop { $0 == UInt8(ascii: "/") }, shown: shown)
  }

  private init(_ name: some Collection<UInt8>, shown: String) throws(OverlayError) {
    func refusal(_ reason: String) -> OverlayError { OverlayError("\(shown) \(reason)") }
    guard name.first != UInt8(ascii: "/") else {
      throw refusal("is an absolute name; names in an overlay are relative to its root")
    }
    guard !name.contains(0) else { throw refusal("holds a NUL byte") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(name.count)
    var rest = Array(name)[...]
    while !rest.isEmpty {
      let component = rest.prefix(upToFirst: UInt8(ascii: "/"))
      rest = rest.dropFirst(component.count + 1)
      if component.isEmpty || component.count == 1 && component.first == UInt8(ascii: ".") { continue }
      guard component.count != 2 || !component.elementsEqual("..".utf8) else {
        throw refusal("leads out of the overlay with \"..\"")
      }
      guard component.count <= 255 else { throw refusal("has a component of more than 255 bytes") }
      if !bytes.isEmpty { bytes.append(UInt8(ascii: "/")) }
      bytes += component
    }
    guard bytes.count <= Self.longest else { throw refusal("is longer than \(Self.longest) bytes") }
    self.bytes = bytes
  }

  public init(_ text: String) throws(OverlayError) { try self.init(archiveName: Array(text.utf8)) }

  public var isRoot: Bool { bytes.isEmpty }

  public var components: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "/")) }

  /// The last component; empty for the root.
  public var name: ArraySlice<UInt8> {
    bytes.lastIndex(of: UInt8(ascii: "/")).map { bytes[($0 + 1)...] } ?? bytes[...]
  }

  /// The directory it is in; `nil` for the root.
  public var parent: OverlayPath? {
    if isRoot { return nil }
    return bytes.lastIndex(of: UInt8(ascii: "/")).map { OverlayPath(checked: Array(bytes[..<$0])) } ?? .root
  }

  /// The directories it is in, from the nearest to the root.
  public var ancestors: some Sequence<OverlayPath> {
    sequence(state: self) { (path: inout OverlayPath) -> OverlayPath? in
      guard let parent = path.parent else { return nil }
      path = parent
      return parent
    }
  }

  /// - Precondition: `name` is one component: not empty, without slash or NUL, neither `.` nor `..`.
  public func appending(_ name: some Collection<UInt8>) -> OverlayPath {
    isRoot ? OverlayPath(checked: Array(name)) : OverlayPath(checked: bytes + [UInt8(ascii: "/")] + name)
  }

  public func isInside(_ directory: OverlayPath) -> Bool {
    directory.isRoot
      ? !isRoot
      : bytes.count > directory.bytes.count && bytes[directory.bytes.count] == UInt8(ascii: "/")
        && bytes.starts(with: directory.bytes)
  }

  public static func < (left: OverlayPath, right: OverlayPath) -> Bool {
    guard let place = left.bytes.firstDifference(from: right.bytes) else {
      return left.bytes.count < right.bytes.count
    }
    // A slash counts as less than any byte of a name, so that a directory's contents follow it at once.
    func rank(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "/") ? 0 : byte }
    return rank(left.bytes[place]) < rank(right.bytes[place])
  }

  /// The name for system calls, relative to the overlay's root.
  public var archiveName: [UInt8] { isRoot ? Array(".".utf8) : bytes }

  /// For people: `.` for the root; what is not printable UTF-8 stands as `\ooo`, octal.
  public var description: String { OverlayPath.printable(archiveName) }

  /// Bytes for a terminal: control characters, backslashes and what is not UTF-8 as `\ooo`.
  public static func printable(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    var index = bytes.startIndex
    while index != bytes.endIndex {
      let length = min(scalarLength(bytes[index]), bytes.distance(from: index, to: bytes.endIndex))
      let end = bytes.index(index, offsetBy: length)
      let piece = Array(bytes[index..<end])
      if let scalar = String(validating: piece, as: UTF8.self)?.unicodeScalars.first, scalar != "\\",
        scalar.properties.generalCategory != .control, scalar.properties.generalCategory != .format,
        scalar.properties.generalCategory != .lineSeparator, scalar.properties.generalCategory != .paragraphSeparator
      {
        text.unicodeScalars.append(scalar)
        index = end
      } else {
        text += "\\\(piece[0] >> 6)\(piece[0] >> 3 & 7)\(piece[0] & 7)"
        index = bytes.index(after: index)
      }
    }
    return text
  }

  private static func scalarLength(_ first: UInt8) -> Int {
    switch first {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }
}

extension OverlayPath {
  /// The path as system calls take it, relative to the overlay's root.
  var systemName: [CChar] { archiveName.systemName }
}

extension Collection<UInt8> {
  /// The bytes as system calls take a name.
  var systemName: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}

// Paths of thousands of bytes are compared byte by byte in the C library: archives can have many of them.

extension ArraySlice<UInt8> {
  /// What comes before the first such byte; all when there is none.
  fileprivate func prefix(upToFirst byte: UInt8) -> ArraySlice<UInt8> {
    let length = withUnsafeBytes { bytes -> Int in
      guard let start = bytes.baseAddress, let found = memchr(start, Int32(byte), bytes.count) else {
        return bytes.count
      }
      return UnsafeRawPointer(found) - start
    }
    return prefix(length)
  }
}

extension [UInt8] {
  /// Where two arrays first differ; `nil` when one begins with the other.
  fileprivate func firstDifference(from other: [UInt8]) -> Int? {
    withUnsafeBytes { left in
      other.withUnsafeBytes { right in
        var equal = 0
        var end = Swift.min(left.count, right.count)
        guard let leftStart = left.baseAddress, let rightStart = right.baseAddress,
          memcmp(leftStart, rightStart, end) != 0
        else { return nil }
        // The first `equal` bytes are equal, the first `end` are not.
        while end - equal > 1 {
          let middle = equal + (end - equal) / 2
          if memcmp(leftStart + equal, rightStart + equal, middle - equal) == 0 { equal = middle } else { end = middle }
        }
        return equal
      }
    }
  }
}
