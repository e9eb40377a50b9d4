import Foundation
import Testing

@testable import Overlay

/// An archive that was cut off, or whose bytes changed on the way, is noticed wherever that is possible, and harmless
/// everywhere.
@Suite struct DamageTests {
  private let scratch: ToolScratch
  private let original: [String]

  init() throws {
    scratch = try ToolScratch()
    let archive = RawArchive.make { archive in
      archive.add(".", RawArchive.directory)
      archive.add("d", RawArchive.directory)
      archive.add("d/a", inode: 7, links: 2)
      archive.add("d/b", RawArchive.file, "data of a file", inode: 7, links: 2)
      archive.add("d/l", RawArchive.symlink, "../outside")
      archive.add("d/w", RawArchive.characters)
    }
    try archive.write(to: scratch("none"))
    try scratch.shell("gzip -nc none >gzip; xz -c --check=crc32 none >xz; zstd -qc none >zstd; mkdir around")
    original = try Self.read(scratch("none"))
  }

  /// In-process: thousands of archives.
  @Test(arguments: CompressionFormat.allCases)
  func noticesEveryTruncation(_ format: CompressionFormat) throws {
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: scratch(format.rawValue))))
    #expect(try Self.read(scratch(format.rawValue)) == original)
    for count in 0..<bytes.count {
      try Data(bytes.prefix(count)).write(to: URL(filePath: scratch("cut")))
      let error = #expect(throws: OverlayError.self, "cut off behind \(count) bytes") { try Self.read(scratch("cut")) }
      #expect(error?.description.hasPrefix(scratch("cut")) == true)
    }
  }

  @Test(arguments: CompressionFormat.allCases, [0x01, 0x80, 0xFF] as [UInt8])
  func noticesOrSurvivesEveryChangedByte(_ format: CompressionFormat, _ pattern: UInt8) throws {
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: scratch(format.rawValue))))
    // Without a checksum a changed byte can make another valid archive.
    let isChecked = format != .none
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= pattern
      try Data(changed).write(to: URL(filePath: scratch("changed")))
      if let found = try? Self.read(scratch("changed")), isChecked {
        #expect(found == original, "byte \(place) of \(format)")
      }
      guard !isChecked else { continue }
      var unpacker = Unpacker()
      unpacker.limits = ArchiveLimits(size: 1 << 20, entries: 100)
      _ = try? unpacker.unpack(scratch("changed"), to: scratch("around/out"))
      let left = try FileManager.default.contentsOfDirectory(atPath: scratch("around"))
      #expect(left.allSatisfy { $0 == "out" || $0 == "out.manifest" }, "byte \(place)")
      let out = scratch("around/out")
      if FileManager.default.fileExists(atPath: out) { try FileManager.default.removeItem(atPath: out) }
    }
  }

  /// The same with the real program, at some places.
  @Test(arguments: CompressionFormat.allCases)
  func theProgramSaysSo(_ format: CompressionFormat) throws {
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: scratch(format.rawValue))))
    for count in stride(from: 0, to: bytes.count, by: bytes.count / 5) {
      try Data(bytes.prefix(count)).write(to: URL(filePath: scratch("cut")))
      let run = try scratch.tool("unpack", "cut", "around/out")
      #expect(run.status == 2, "cut off behind \(count) bytes")
      #expect(run.errors.hasPrefix("monorail-overlay: cut: "))
      #expect(run.errors.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("around")).isEmpty)
    }
  }

  private static func read(_ path: String) throws -> [String] {
    let reader = try ArchiveReader(path, limits: ArchiveLimits(size: 1 << 20, entries: 100))
    var found: [String] = []
    while let entry = try reader.next() {
      var bytes: [UInt8] = []
      while let block = try reader.nextBlock() { bytes += block }
      found.append("\(entry) \(bytes)")
    }
    return found
  }
}
