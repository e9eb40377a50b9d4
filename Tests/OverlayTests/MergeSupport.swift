import Foundation
import Overlay
@_exported import TestSupport

/// An overlay as a test writes it: one line for each entry, with the type, mode, owner and path as `list` prints them.
///
///     d 755 0:0 etc
///     f 644 0:0 etc/hosts = text
///     f 644 0:0 etc/hosts2 & etc/hosts
///     l 777 0:0 etc/link > hosts
///     w etc/motd
///     c 600 0:0 dev/console 5,1
struct OverlayText {
  private(set) var members: [(entry: Entry, text: String)] = []

  init(_ members: [(entry: Entry, text: String)]) { self.members = members }

  /// - Parameter time: the time of change of all entries, in seconds since 1970.
  init(_ lines: String, time: UInt32 = 1_700_000_000) throws {
    for line in lines.split(separator: "\n") {
      var words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true).map(String.init)
      if words[0] == "w" { words = ["c", "0", "0:0", words[1], "0,0"] }
      let owners = words[2].split(separator: ":").compactMap { UInt32($0) }
      let path = try OverlayPath(words[3])
      var (kind, links, text) = (Entry.Kind.directory, Entry.LinkGroup?.none, "")
      switch words[0] {
      case "f" where words.count > 5 && words[4] == "&":
        let other = try OverlayPath(words[5])
        let index = members.lastIndex { $0.entry.path == other } ?? 0
        if members[index].entry.links == nil { members[index].entry.links = Entry.LinkGroup(index) }
        (kind, links, text) = (members[index].entry.kind, members[index].entry.links, members[index].text)
      case "f":
        text = words.count > 5 ? words[5] : ""
        kind = .file(size: text.utf8.count)
      case "l": kind = .symlink(target: Array(words[5].utf8))
      case "c":
        let numbers = words[4].split(separator: ",").compactMap { UInt32($0) }
        kind = .characterDevice(Entry.DeviceNumber(major: numbers[0], minor: numbers[1]))
      default: break
      }
      let entry = Entry(
        path, kind, permissions: UInt32(words[1], radix: 8) ?? 0, owner: owners[0], group: owners[1], modified: time,
        links: links)
      members.append((entry, text))
    }
  }

  /// Writes an archive, with the entries in the order of their lines.
  @discardableResult
  func write(to path: String, compression: CompressionFormat = .none) throws -> String {
    let spool = try ContentSpool(directory: NSTemporaryDirectory())
    var result: [Member] = []
    for (entry, text) in members {
      var content = Content.none
      if entry.size > 0 {
        content = .spooled(spool, offset: try spool.size())
        try Array(text.utf8).withUnsafeBytes { try spool.append($0) }
      }
      result.append(Member(entry, content))
    }
    try ArchiveWriter(compression: compression).write(result, to: path)
    return path
  }
}

extension ArchiveIndex {
  /// The entries in the form that `OverlayText` reads, with the first eight digits of a file's digest in place of its
  /// contents.
  var lines: [String] {
    var firstNames: [Entry.LinkGroup: OverlayPath] = [:]
    return entries.map { entry in
      if entry.isWhiteout { return "w \(entry.path)" }
      let start = "\(String(entry.permissions, radix: 8)) \(entry.owner):\(entry.group) \(entry.path)"
      switch entry.kind {
      case .directory: return "d \(start)"
      case .symlink(let target): return "l \(start) > \(OverlayPath.printable(target))"
      case .characterDevice(let device), .blockDevice(let device): return "c \(start) \(device)"
      case .fifo, .socket: return "p \(start)"
      case .file:
        if let links = entry.links {
          if let first = firstNames[links] { return "f \(start) & \(first)" }
          firstNames[links] = entry.path
        }
        return "f \(start) = \(digest(of: entry.path)?.prefix(8) ?? "-")"
      }
    }
  }
}
