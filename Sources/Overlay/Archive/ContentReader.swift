import Glibc
import SystemFiles

/// Reads the bytes of members. It is an error when a file does not have as many bytes as its entry says, or changes while it is
/// read: the archive would hold half of a change.
struct ContentReader: ~Copyable {
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)

  deinit { buffer.deallocate() }

  func read(_ member: Member, _ body: (UnsafeRawBufferPointer) throws(OverlayError) -> Void) throws(OverlayError) {
    switch member.content {
    case .none: break
    case .directory(let directory): try read(try directory.open(member.entry.path), size: member.entry.size, body)
    case .file(let path): try read(try SourceFile(path), size: member.entry.size, body)
    case .bytes(let bytes):
      try bytes.withUnsafeBufferPointer { (bytes) throws(OverlayError) in try body(UnsafeRawBufferPointer(bytes)) }
    case .spooled(let spool, let start):
      var offset = 0
      while offset < member.entry.size {
        let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(member.entry.size - offset))
        let count = try spool.read(into: wanted, at: start + offset)
        guard count > 0 else { throw OverlayError("a temporary file is shorter than what was written to it") }
        try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        offset += count
      }
    }
  }

  private func read(
    _ file: borrowing SourceFile, size: Int, _ body: (UnsafeRawBufferPointer) throws(OverlayError) -> Void
  ) throws(OverlayError) {
    let before = try file.state()
    guard before.isRegular, before.size == size else { throw file.hasChanged() }
    var offset = 0
    while offset < size {
      let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(size - offset)), at: offset)
      guard count > 0 else { throw file.hasChanged() }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
    guard try file.state() == before else { throw file.hasChanged() }
  }
}
