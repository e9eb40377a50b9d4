import Glibc
import SystemFiles

/// The beginning of a spool's file, three native 64-bit numbers; behind it stand the first bytes of the output, and a ring of
/// its last ones.
struct SpoolHeader {
  static let size = 24

  /// The bytes that the command wrote.
  var total = 0
  /// How many first bytes are kept, and how many last ones.
  private(set) var head: Int
  private(set) var ring: Int

  init(limit: Int) {
    ring = max(1, limit / 2)
    head = ring
  }

  /// - Returns: `nil` for a file that is no spool, or that lacks what it says it has.
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

  /// Makes do with the bytes that have their place already: the medium is full. When even those cannot be written again,
  /// only the first ones are kept.
  mutating func shrinkToFit() {
    guard total < head + ring else {
      ring = 0
      return
    }
    head = min(head, total / 2)
    ring = total - head
  }

  /// Where those bytes of the output stand in the file.
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
