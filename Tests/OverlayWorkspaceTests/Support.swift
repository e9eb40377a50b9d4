@testable import Overlay
@testable import OverlayWorkspace
@_exported import TestSupport

typealias TemporaryDirectory = ScratchDirectory

/// A base image whose entries a test gives.
struct FakeBase: BaseListing {
  private var entries: [OverlayPath: BaseEntry] = [:]

  /// - Parameter paths: in the form that `entry` takes.
  init(_ paths: String...) throws {
    for path in paths { add(try OverlayWorkspaceTests.entry(path)) }
  }

  mutating func add(_ entry: Entry) {
    entries[entry.path] = BaseEntry(
      isDirectory: entry.isDirectory, permissions: entry.permissions, owner: entry.owner, group: entry.group)
  }

  func entry(at path: OverlayPath) -> BaseEntry? { entries[path] }

  func names(in directory: OverlayPath) -> [[UInt8]] {
    entries.keys.filter { $0.parent == directory }.map { Array($0.name) }
  }
}

/// Makes an entry of a text: `etc/` is a directory, `etc/hosts` a file, `!etc/hosts` a whiteout; `@7` at the end gives
/// the time of change.
func entry(_ text: String) throws -> Entry {
  let parts = text.split(separator: "@")
  let time = parts.count > 1 ? UInt32(parts[1]) ?? 0 : 0
  let isWhiteout = text.hasPrefix("!")
  let path = try OverlayPath(String(parts[0].drop { $0 == "!" }))
  if isWhiteout {
    return Entry(path, .characterDevice(Entry.DeviceNumber(major: 0, minor: 0)), permissions: 0, modified: time)
  }
  return parts[0].hasSuffix("/")
    ? Entry(path, .directory, permissions: 0o755, modified: time)
    : Entry(path, .file(size: 1), permissions: 0o644, modified: time)
}
