import Glibc
import Overlay
import SystemFiles

/// Results of steps and of whole builds, under their keys, and the files that they need: `layers`, `results`, `blobs`.
///
/// Everything in it can be made or fetched again. A file gets its name when it is complete.
final class LayerCache {
  /// Layers are read more often than written, and stay on this machine.
  static let compression = CompressionFormat.zstd
  static let level = 1
  static var writer: ArchiveWriter { ArchiveWriter(compression: compression, level: level) }

  let directory: String
  /// Keeps other builds from removing what this one uses.
  private let lock: Int32

  /// - Parameter directory: made when it is not there.
  init(_ directory: String) throws(OverlayError) {
    self.directory = directory
    do throws(SystemError) {
      for name in ["layers", "results"] { try FileSystem.makeDirectories("\(directory)/\(name)") }
    } catch { throw OverlayError(error) }
    lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0 else { throw .system("open the cache \(directory)") }
    // Some file systems know no locks. Another build holds it alone only for the moments in which it removes old files.
    while flock(lock, LOCK_SH) != 0, errno == EINTR {}
  }

  deinit { close(lock) }

  /// Where a step's result is, or comes.
  func layer(_ key: String) -> String { "\(directory)/layers/\(key).cpio.zst" }

  /// Where the origins of the entries of a layer are, or come.
  func origins(of key: String) -> String { "\(directory)/layers/\(key).origins" }

  /// The digests of both.
  func seal(of key: String) -> String { "\(directory)/layers/\(key).sha256" }

  /// The directory of a whole build's files.
  func result(_ key: String) -> String { "\(directory)/results/\(key)" }

  /// Notes that a file was used now: what has not been used for the longest time is removed first.
  func touch(_ path: String) { utimensat(AT_FDCWD, path, nil, 0) }

  /// Removes what has not been used for the longest time, until the rest has at most so many bytes. Nothing is removed while
  /// another build uses the cache.
  func prune(to size: Int) {
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { return }
    defer { flock(lock, LOCK_SH) }
    var files: [(path: String, size: Int, used: Int)] = []
    for part in ["layers", "results", "blobs"] {
      for name in FileSystem.names(in: "\(directory)/\(part)") {
        let path = "\(directory)/\(part)/\(name)"
        let inner = FileSystem.isDirectory(path) ? FileSystem.names(in: path).map { "\(path)/\($0)" } : [path]
        var status = stat()
        guard stat(path, &status) == 0 else { continue }
        files.append((path, inner.reduce(0) { $0 + Self.size(of: $1) }, status.st_mtim.tv_sec))
      }
    }
    var total = files.reduce(0) { $0 + $1.size }
    for file in files.sorted(by: { $0.used < $1.used }) where total > size {
      for name in FileSystem.names(in: file.path) { unlink("\(file.path)/\(name)") }
      if unlink(file.path) == 0 || rmdir(file.path) == 0 { total -= file.size }
    }
  }

  private static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_blocks) * 512 : 0
  }
}
