import Glibc
import Overlay
import SystemFiles

/// Results of steps, under their keys.
struct LayerCache {
  static let compression = CompressionFormat.zstd
  static let level = 1

  private let directory: String

  init(_ directory: String) throws(OverlayError) {
    self.directory = directory
    do throws(SystemError) { try FileSystem.makeDirectories(directory) } catch { throw OverlayError(error) }
  }

  /// Where the result with that key is, or comes.
  func path(of key: String) -> String { "\(directory)/\(key).cpio.zst" }

  func has(_ key: String) -> Bool { FileSystem.exists(path(of: key)) }
}
