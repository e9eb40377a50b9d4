import Glibc
import SystemFiles

/// Owners, devices and modes of an overlay, which a directory cannot have without root. A text with one line for each entry:
///
///     # path type mode uid gid [major minor [mtime]]
///     dev/console c 600 0 5 5 1
///     usr/bin/sudo f 4755 0 0
///
/// Types are those of find(1): `f d l p s c b`. Modes are octal. `-` stands for what does not apply. In a path what is no
/// visible ASCII character, a backslash or a `#` stands as `\ooo`, octal.
public struct Manifest: Sendable {
  public struct Line: Sendable, Equatable {
    public var path: OverlayPath
    public var type: Character
    public var permissions: UInt32
    public var owner: UInt32
    public var group: UInt32
    public var device: Entry.DeviceNumber?
    /// Seconds since 1970.
    public var modified: UInt32?
  }

  public var lines: [Line]

  /// Reads a manifest.
  ///
  /// - Throws: an error that names the line.
  public init(contentsOf path: String) throws(OverlayError) {
    let bytes: [UInt8]
    do throws(SystemError) {
      guard let contents = try FileSystem.contents(of: path) else {
        throw SystemError("read \(path)", errno: ENOENT)
      }
      bytes = contents
    } catch { throw OverlayError(error) }
    try self.init(bytes, name: path)
  }

  /// - Parameter name: what it is called in errors.
  init(_ bytes: [UInt8], name: String) throws(OverlayError) {
    lines = []
    var seen: [OverlayPath: Int] = [:]
    for (index, text) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let place = "\(name), line \(index + 1)"
      let words = text.prefix { $0 != UInt8(ascii: "#") }.split { " \t\r".utf8.contains($0) }
      guard !words.isEmpty else { continue }
      guard let line = try Self.line(words, place) else {
        throw OverlayError(
          "\(place): expected \"path type mode uid gid [major minor [mtime]]\", found \"\(OverlayPath.printable(text))\""
        )
      }
      if let first = seen.updateValue(index + 1, forKey: line.path) {
        throw OverlayError("\(place): \(line.path) stands in line \(first) too")
      }
      lines.append(line)
    }
  }

  /// A manifest of everything in an archive.
  init(_ entries: [Entry]) {
    lines = entries.map { entry in
      var line = Line(
        path: entry.path, type: entry.kind.letter, permissions: entry.permissions, owner: entry.owner,
        group: entry.group, modified: entry.modified)
      switch entry.kind {
      case .characterDevice(let device), .blockDevice(let device): line.device = device
      default: break
      }
      return line
    }
  }

  /// The manifest as it is written.
  var text: String {
    let rows = lines.map { line in
      let device = line.device.map { "\($0.major) \($0.minor)" } ?? "- -"
      let mode = String(line.permissions, radix: 8)
      let time = line.modified.map { "\($0)" } ?? "-"
      return "\(Self.escaped(line.path)) \(line.type) \(mode) \(line.owner) \(line.group) \(device) \(time)\n"
    }
    return "# path type mode uid gid major minor mtime\n" + rows.joined()
  }

  private static func line(_ words: [ArraySlice<UInt8>], _ place: String) throws(OverlayError) -> Line? {
    let path: OverlayPath
    do throws(OverlayError) { path = try OverlayPath(archiveName: unescaped(words[0])) } catch {
      throw OverlayError("\(place): \(error)")
    }
    let words = words.map { String(decoding: $0, as: UTF8.self) }
    guard [5, 7, 8].contains(words.count), words[1].count == 1, let type = words[1].first, "fdlpscb".contains(type),
      let permissions = UInt32(words[2], radix: 8), permissions <= 0o7777,
      let owner = UInt32(words[3]), let group = UInt32(words[4])
    else { return nil }
    var line = Line(path: path, type: type, permissions: permissions, owner: owner, group: group)
    let isDevice = type == "c" || type == "b"
    if words.count >= 7, words[5] != "-" || words[6] != "-" {
      guard let major = UInt32(words[5]), let minor = UInt32(words[6]) else { return nil }
      line.device = Entry.DeviceNumber(major: major, minor: minor)
    }
    guard isDevice == (line.device != nil) else { return nil }
    if words.count == 8, words[7] != "-" {
      guard let modified = UInt32(words[7]) else { return nil }
      line.modified = modified
    }
    return line
  }

  private static func escaped(_ path: OverlayPath) -> String {
    path.archiveName.map { byte in
      (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "#")
        ? String(UnicodeScalar(byte)) : "\\\(byte >> 6)\(byte >> 3 & 7)\(byte & 7)"
    }.joined()
  }

  private static func unescaped(_ word: ArraySlice<UInt8>) throws(OverlayError) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = word
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(3)
      guard digits.count == 3, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      else {
        throw OverlayError("\"\(OverlayPath.printable(word))\" has a backslash without three octal digits behind it")
      }
      bytes.append(value)
      rest = rest.dropFirst(3)
    }
    return bytes
  }
}
