import Foundation

/// An archive that a test puts together byte by byte, so that it can hold what no correct program writes.
struct RawArchive {
  private(set) var bytes: [UInt8] = []

  /// Type bits of a mode.
  static let (file, directory, symlink, fifo): (UInt32, UInt32, UInt32, UInt32) = (
    0o100000, 0o040000, 0o120000, 0o010000
  )
  static let (socket, characters, blocks): (UInt32, UInt32, UInt32) = (0o140000, 0o020000, 0o060000)

  /// - Parameters:
  ///   - size: the size that the header gives instead of the true size of the data.
  ///   - nameSize: the size that the header gives instead of the true size of the name.
  mutating func add(
    _ name: String, _ type: UInt32 = file, _ data: String = "", mode: UInt32 = 0o755, inode: UInt32 = 1,
    links: UInt32 = 1, owner: UInt32 = 0, device: (UInt32, UInt32) = (0, 0), size: UInt32? = nil,
    nameSize: UInt32? = nil, magic: String = "070701"
  ) {
    add(
      Array(name.utf8), type, Array(data.utf8), mode: mode, inode: inode, links: links, owner: owner, device: device,
      size: size, nameSize: nameSize, magic: magic)
  }

  mutating func add(
    _ name: [UInt8], _ type: UInt32 = file, _ data: [UInt8] = [], mode: UInt32 = 0o755, inode: UInt32 = 1,
    links: UInt32 = 1, owner: UInt32 = 0, device: (UInt32, UInt32) = (0, 0), size: UInt32? = nil,
    nameSize: UInt32? = nil, magic: String = "070701"
  ) {
    let fields: [UInt32] = [
      inode, type | mode, owner, owner, links, 0, size ?? UInt32(data.count), 0, 0, device.0, device.1,
      nameSize ?? UInt32(name.count + 1), 0,
    ]
    let digits = fields.map { field in
      let text = String(field, radix: 16, uppercase: true)
      return String(repeating: "0", count: 8 - text.count) + text
    }
    append(Array((magic + digits.joined()).utf8) + name + [0])
    append(data)
  }

  /// The entry that ends an archive.
  mutating func end() { add("TRAILER!!!", 0, mode: 0) }

  /// Appends bytes, and zeros up to a multiple of four.
  mutating func append(_ more: [UInt8]) { bytes += more + [UInt8](repeating: 0, count: -more.count & 3) }

  /// Appends bytes without filling them up.
  mutating func appendRaw(_ more: [UInt8]) { bytes += more }

  /// Makes an archive of the entries that the body adds, and the entry that ends an archive.
  static func make(_ body: (inout RawArchive) -> Void) -> RawArchive {
    var archive = RawArchive()
    body(&archive)
    archive.end()
    return archive
  }

  func write(to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
}
