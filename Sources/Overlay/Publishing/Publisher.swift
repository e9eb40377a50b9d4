import Digests
import Glibc
import SystemFiles

/// Puts an overlay where nodes fetch it: a directory that a web server serves, in RackHD the static root with its `common/`.
public struct Publisher {
  /// What the server serves as `/`.
  public var root: String
  /// The directory below the root that archives go into.
  public var directory: OverlayPath
  /// Called with the bytes that were copied, and how many there are.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init(root: String, directory: OverlayPath) { (self.root, self.directory) = (root, directory) }

  /// Copies an archive into the directory, under its own name, with its digest in a `.sha256` file as sha256sum writes it.
  ///
  /// Readers get the old archive or the new one, whole, and never a digest that belongs to the other: both new files are
  /// complete and on the medium before anything changes. Then the old digest is removed, the archive is replaced, and the new
  /// digest appears, each in one step. A program that is killed before these steps changes nothing. One that is killed
  /// between them leaves an archive without a digest; publishing again completes it.
  ///
  /// - Parameters:
  ///   - archive: a path. It must not change meanwhile.
  ///   - check: runs before anything is written; when it returns `false`, nothing is.
  /// - Returns: `nil` when `check` said no.
  public func publish(
    _ archive: String, check: () throws(OverlayError) -> Bool = { true }
  ) throws(OverlayError) -> Publication? {
    guard let name = archive.split(separator: "/").last.map(String.init), OverlayName.fitsCommandLine(name) else {
      throw OverlayError(
        "cannot publish \(OverlayPath.printable(Array(archive.utf8))): its name cannot stand in a URL on a kernel's command"
          + " line; use letters, digits, and . _ - + ~ @")
    }
    let source = try SourceFile(archive)
    let before = try source.state()
    guard before.isRegular else { throw OverlayError("cannot publish \(archive): it is no regular file") }
    guard try check() else { return nil }

    let place = try PublishedDirectory(root: root, directory)
    let path = place.path(of: name)
    let output = try OutputFile(path)
    output.needed = "the archive has \(MediumSpace.text(before.size))"
    let digest = try copy(source, size: before.size, to: output)
    guard try source.state() == before, try SourceFile(archive).state() == before else { throw source.hasChanged() }
    let old = try Self.published(path)
    if let old, old.digest == digest {
      try place.replaceDigest(digest, of: name, archive: nil)
    } else {
      try output.synchronize(permissions: 0o644)
      try place.replaceDigest(digest, of: name, archive: output)
    }
    return Publication(
      path: path, name: name, directory: directory, size: before.size, digest: digest,
      replaced: old.map { (size: $0.size, digest: $0.digest) })
  }

  private func copy(
    _ source: borrowing SourceFile, size: Int, to output: OutputFile
  ) throws(OverlayError) -> String {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    var digest = Digest(.sha256)
    var offset = 0
    while true {
      let count = try source.read(into: buffer, at: offset)
      if count == 0 { break }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      digest.update(bytes)
      try output.write(bytes)
      offset += count
      progress(offset, size)
    }
    return digest.finish()
  }

  /// What readers get now; `nil` when there is nothing.
  private static func published(_ path: String) throws(OverlayError) -> (size: Int, digest: String)? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    let file = try SourceFile(path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    var digest = Digest(.sha256)
    var size = 0
    while case let count = try file.read(into: buffer, at: size), count > 0 {
      digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      size += count
    }
    return (size, digest.finish())
  }
}
