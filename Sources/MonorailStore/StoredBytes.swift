import CZstd
import Foundation
import GRDB
import JSONDocument

/// Bytes as they stand in the database: compressed where that saves an eighth or more.
///
/// The first byte tells the form: 0 for the bytes themselves, 1 for a frame of Zstandard (RFC 8878).
struct StoredBytes: Sendable, DatabaseValueConvertible {
  private static let plain: UInt8 = 0
  private static let zstd: UInt8 = 1
  /// Shorter texts are not worth the time.
  private static let shortest = 256
  /// Level 3 is the library's default: a report of a megabyte takes some milliseconds.
  private static let level: Int32 = 3
  /// The longest content that is read back, in bytes, so that a damaged frame cannot ask for any amount of memory.
  private static let longest: UInt64 = 1 << 31

  let stored: [UInt8]

  init(_ bytes: [UInt8]) {
    if bytes.count >= Self.shortest, let frame = Self.compressed(bytes), frame.count < bytes.count - bytes.count / 8 {
      stored = [Self.zstd] + frame
    } else {
      stored = [Self.plain] + bytes
    }
  }

  init(_ json: JSON) { self.init(Array(json.text.utf8)) }

  private init(stored: [UInt8]) { self.stored = stored }

  /// - Throws: `StoreError` when the frame is damaged.
  func bytes() throws -> [UInt8] {
    switch stored.first {
    case Self.plain: return Array(stored.dropFirst())
    case Self.zstd: return try Self.decompressed(stored.dropFirst())
    default: throw StoreError(.unusable, "a value in the database has an unknown form; a newer program wrote it")
    }
  }

  func json() throws -> JSON { try JSON(parsing: bytes(), maximumDepth: StoredBytes.depth) }

  /// How deep a stored document may nest: documents of nodes have levels of their own inside stored ones.
  private static let depth = 256

  var databaseValue: DatabaseValue { Data(stored).databaseValue }

  static func fromDatabaseValue(_ value: DatabaseValue) -> StoredBytes? {
    Data.fromDatabaseValue(value).map { StoredBytes(stored: Array($0)) }
  }

  private static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
    var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let count = ZSTD_compress(&frame, frame.count, bytes, bytes.count, level)
    guard ZSTD_isError(count) == 0 else { return nil }
    return Array(frame[..<count])
  }

  private static func decompressed(_ frame: ArraySlice<UInt8>) throws -> [UInt8] {
    try frame.withUnsafeBytes { frame in
      let size = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
      // The two largest values stand for "unknown" and for "no frame".
      guard size < longest else { throw StoreError(.unusable, "a compressed value in the database is damaged") }
      var bytes = [UInt8](repeating: 0, count: Int(size))
      let count = ZSTD_decompress(&bytes, bytes.count, frame.baseAddress, frame.count)
      guard ZSTD_isError(count) == 0, count == bytes.count else {
        throw StoreError(.unusable, "a compressed value in the database is damaged")
      }
      return bytes
    }
  }
}
