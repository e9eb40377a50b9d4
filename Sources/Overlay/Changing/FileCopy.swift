import Glibc
import SystemFiles

/// Copies of whole files.
public enum FileCopy {
  /// Puts a copy of a file at a path, as a whole: until the copy is complete, what was there stays.
  ///
  /// - Parameters:
  ///   - source: it must not change meanwhile.
  ///   - path: the copy has the permissions of the file that was there, or else those that the umask leaves.
  public static func copy(_ source: String, to path: String) throws(OverlayError) {
    try output(of: source, to: path).finish()
  }

  /// The copy, which has no name yet.
  static func output(of source: String, to path: String) throws(OverlayError) -> OutputFile {
    let file = try SourceFile(source)
    let before = try file.state()
    guard before.isRegular else { throw OverlayError("cannot copy \(source): it is no regular file") }
    let output = try OutputFile(path)
    output.needed = "the file has \(MediumSpace.text(before.size))"
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    var offset = 0
    while case let count = try file.read(into: buffer, at: offset), count > 0 {
      try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
    guard try file.state() == before else { throw file.hasChanged() }
    return output
  }
}
