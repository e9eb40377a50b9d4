import CDeflate
import CZlib
import Glibc

/// One gzip stream (RFC 1952), compressed in blocks on all processors. The bytes depend only on the input and the level.
///
/// It is one stream, and not one gzip member for each block: `gzip -d` reads several members, but the kernel's unpacker needs
/// each member to end with a whole entry (init/initramfs.c: "junk at the end of compressed archive").
final class ParallelGzip: Compressor {
  private static let blockSize = 1 << 20

  private let output: any ByteSink
  private var current: GzipBlock
  private var idle: [GzipBlock] = []
  /// Being compressed, in the order of the data.
  private var busy: [GzipBlock] = []
  private var checksum: UInt = 0
  private var size = 0

  init(level: Int, to output: any ByteSink) throws(OverlayError) {
    self.output = output
    // From level 10 on each block needs 9 MB.
    let workers = min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), level < 10 ? 8 : 2)
    current = try GzipBlock(level: level, capacity: Self.blockSize)
    for _ in 0..<max(1, workers) { idle.append(try GzipBlock(level: level, capacity: Self.blockSize)) }
    // The header: no name and no time; the last byte, 3, stands for Unix.
    try output.write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3])
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    var rest = bytes
    while !rest.isEmpty {
      let taken = current.append(rest)
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
      if current.isFull { try submit() }
    }
  }

  func finish() throws(OverlayError) {
    try submit()
    while !busy.isEmpty { try writeOldest() }
    let emptyLastBlock: [UInt8] = [3, 0]
    let numbers = [checksum, UInt(size)].flatMap { number in
      (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
    try output.write(emptyLastBlock + numbers)
  }

  private func submit() throws(OverlayError) {
    current.startCompressing()
    busy.append(current)
    if idle.isEmpty { try writeOldest() }
    current = idle.removeLast()
  }

  private func writeOldest() throws(OverlayError) {
    let block = busy.removeFirst()
    let result = block.waitUntilCompressed()
    checksum = crc32_combine(checksum, UInt(result.checksum), result.inputSize)
    size += result.inputSize
    try output.write(result.bytes)
    block.clear()
    idle.append(block)
  }
}

extension ByteSink {
  fileprivate func write(_ bytes: [UInt8]) throws(OverlayError) { try write(bytes[...]) }
}
