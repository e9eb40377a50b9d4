import Glibc
import SystemFiles

/// The beginning of a spool's file: `total`, `head` and `ring`, as native 64-bit numbers. After it the file has the output's
/// first `head` bytes, and then a ring buffer of `ring` bytes, which holds the output's last bytes.
struct SpoolHeader {
  static let size = 24

  /// How many bytes the command wrote.
  var total = 0
  /// How many first bytes are kept, and how many last ones.
  private(set) var head: Int
  private(set) var ring: Int

  init(limit: Int) {
    ring = max(1, limit / 2)
    head = ring
  }

  /// - Returns: `nil` for a file that is no spool, or that is shorter than its header says.
  init?(_ file: borrowing File) {
    var numbers = [0, 0, 0]
    let count = numbers.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
    guard count == Self.size, numbers[0] >= 0, (0...1 << 30).contains(numbers[1]), (0...1 << 30).contains(numbers[2]),
      let size = try? file.size(), min(numbers[0], numbers[1] + numbers[2]) <= size - Self.size
    else { return nil }
    (total, head, ring) = (numbers[0], numbers[1], numbers[2])
  }

  func write(to file: borrowing File) throws(SystemError) {
    let numbers = [total, head, ring]
    let count = numbers.withUnsafeBytes { pwrite(file.descriptor, $0.baseAddress, $0.count, 0) }
    guard count == Self.size else { throw SystemError("write \(file.path)") }
  }

  /// Where the next byte goes, and how many fit there; `nil` when none are kept any more.
  var place: (position: Int, room: Int)? {
    if total < head { return (total, head - total) }
    guard ring > 0 else { return nil }
    let position = head + (total - head) % ring
    return (position, head + ring - position)
  }

  /// To be called when the medium is full: the room that the file has already is then all there is for the first and the last
  /// bytes. If even that room could not be written to, only the bytes that were first are kept.
  mutating func shrinkToFit() {
    guard total < head + ring else {
      ring = 0
      return
    }
    head = min(head, total / 2)
    ring = total - head
  }

  /// Where the file has these bytes of the output, in their order. Positions are counted from the header's end.
  func stretches(of bytes: Range<Int>) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var position = bytes.lowerBound
    while position < bytes.upperBound {
      let start = position < head ? position : head + (position - head) % ring
      let end = min(start + bytes.upperBound - position, position < head ? head : head + ring)
      ranges.append(start..<end)
      position += end - start
    }
    return ranges
  }
}
