import Glibc
import Overlay
import SystemFiles

/// The digests of files of the cache, in a file beside them, as sha256sum(1) writes them. The seal is written last: where it
/// is, the files are complete. A disk or a person may have changed a file since; such a file is made again, not used.
enum CacheSeal {
  /// - Parameters:
  ///   - files: in one directory.
  ///   - seal: in the same directory.
  static func write(_ files: [String], to seal: String) throws(OverlayError) {
    try WholeFile.write(Array(try text(of: files).utf8), to: seal)
  }

  /// Whether the files are as they were when they were sealed.
  static func holds(_ files: [String], _ seal: String) -> Bool {
    guard let sealed = try? PlainFile(seal).contents(limit: 1 << 16), let found = try? text(of: files) else {
      return false
    }
    return sealed.elementsEqual(found.utf8)
  }

  private static func text(of files: [String]) throws(OverlayError) -> String {
    var text = ""
    for file in files { text += "\(try FileDigest.sha256(of: file))  \(Path.split(file).name)\n" }
    return text
  }
}
