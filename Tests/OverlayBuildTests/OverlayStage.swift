import Foundation
import Overlay
import TestSupport

/// Overlays of a test: their entries, and the contents of their files.
struct TestOverlay {
  private(set) var members: [Member] = []
  private let spool: ContentSpool

  init() throws { spool = try ContentSpool(directory: NSTemporaryDirectory()) }

  mutating func file(
    _ path: [UInt8], _ text: String, mode: UInt32 = 0o644, owner: UInt32 = 0, time: UInt32 = 0
  ) throws {
    let path = try OverlayPath(archiveName: path)
    let offset = try spool.size()
    try Array(text.utf8).withUnsafeBytes { try spool.append($0) }
    add(
      Entry(path, .file(size: text.utf8.count), permissions: mode, owner: owner, modified: time),
      text.isEmpty ? .none : .spooled(spool, offset: offset))
  }

  mutating func file(
    _ path: String, _ text: String, mode: UInt32 = 0o644, owner: UInt32 = 0, time: UInt32 = 0
  ) throws {
    try file(Array(path.utf8), text, mode: mode, owner: owner, time: time)
  }

  mutating func directory(_ path: String, mode: UInt32 = 0o755) throws {
    add(Entry(try OverlayPath(path), .directory, permissions: mode))
  }

  mutating func symlink(_ path: String, to target: String) throws {
    add(Entry(try OverlayPath(path), .symlink(target: Array(target.utf8)), permissions: 0o777))
  }

  mutating func whiteout(_ path: String) throws {
    add(Entry(try OverlayPath(path), .characterDevice(.init(major: 0, minor: 0)), permissions: 0))
  }

  mutating func remove(_ path: String) throws {
    let path = try OverlayPath(path)
    members.removeAll { $0.entry.path == path }
  }

  private mutating func add(_ entry: Entry, _ content: Content = .none) {
    members.removeAll { $0.entry.path == entry.path }
    members.append(Member(entry, content))
  }

  /// Writes an archive, and reads it.
  @discardableResult
  func write(to path: String) throws -> ArchiveIndex {
    try ArchiveWriter(compression: .none).write(members.sorted { $0.entry.path < $1.entry.path }, to: path)
    return try ArchiveIndex(path, digests: true)
  }
}
