import CLZMA

/// One xz stream with CRC-32 as its check, the only one that every kernel's unpacker verifies (the kernel's
/// Documentation/staging/xz.rst). libarchive's own filter gives no choice.
final class XZCompressor: Compressor {
  private let output: any ByteSink
  private var stream = lzma_stream()
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  init(level: Int, to output: any ByteSink) throws(OverlayError) {
    self.output = output
    guard lzma_easy_encoder(&stream, UInt32(level), LZMA_CHECK_CRC32) == LZMA_OK else {
      throw OverlayError("cannot compress with xz -\(level): there is not enough memory")
    }
  }

  deinit { lzma_end(&stream) }

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    stream.next_in = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.avail_in = bytes.count
    while stream.avail_in > 0 { _ = try step(LZMA_RUN) }
  }

  func finish() throws(OverlayError) {
    while try step(LZMA_FINISH) {}
  }

  /// - Returns: whether there is more to do.
  private func step(_ action: lzma_action) throws(OverlayError) -> Bool {
    let capacity = buffer.count
    let result = buffer.withUnsafeMutableBufferPointer { buffer in
      stream.next_out = buffer.baseAddress
      stream.avail_out = capacity
      return lzma_code(&stream, action)
    }
    guard result == LZMA_OK || result == LZMA_STREAM_END else {
      throw OverlayError("cannot compress with xz: liblzma gives the error \(result.rawValue)")
    }
    try output.write(buffer[..<(capacity - stream.avail_out)])
    return result == LZMA_OK
  }
}
