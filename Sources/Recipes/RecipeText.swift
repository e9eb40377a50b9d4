import Glibc
import SystemFiles

/// A text file that a person wrote: a recipe or a template.
enum RecipeText {
  /// Bytes.
  static let longest = 1 << 20

  /// Why a file cannot be used, and the line if it is about one.
  struct Problem: Error {
    let message: String
    var line = 1
  }

  /// Reads a file of at most `longest` bytes of UTF-8.
  ///
  /// Named pipes and devices are not opened: a pipe would wait for a writer, and a device can do anything.
  static func read(_ path: String) throws(Problem) -> String {
    let bytes = try bytes(of: path)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var line = 1
    for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if String(validating: part, as: UTF8.self) == nil { break }
      line += 1
    }
    throw Problem(message: "the text is not UTF-8", line: line)
  }

  private static func bytes(of path: String) throws(Problem) -> [UInt8] {
    guard let kind = FileKind(of: path) else { throw Problem(message: SystemError("open \(path)").description) }
    guard kind == .file else { throw Problem(message: "it is \(kind), and no file of text") }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: longest + 1, alignment: 16)
    defer { buffer.deallocate() }
    var length = 0
    do throws(SystemError) {
      // Without waiting, should a pipe have taken the file's place meanwhile.
      let file = try File(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
      while length < buffer.count {
        let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[length...]), at: length)
        if count == 0 { break }
        length += count
      }
    } catch { throw Problem(message: error.description) }
    guard length <= longest else {
      let line = buffer.count { $0 == UInt8(ascii: "\n") } + 1
      throw Problem(
        message: "it is longer than \(longest) bytes, the most that is read of a recipe or template", line: line)
    }
    return Array(buffer[..<length])
  }
}
