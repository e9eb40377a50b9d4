import CZstd

/// One zstd frame with a checksum, which libarchive's own filter leaves out.
final class ZstdCompressor: Compressor {
  private let output: any ByteSink
  private let stream: OpaquePointer
  private var buffer = [UInt8](repeating: 0, count: 128 << 10)

  init(level: Int, to output: any ByteSink) throws(OverlayError) {
    guard let stream = ZSTD_createCCtx() else { throw OverlayError("cannot compress: there is no memory") }
    (self.output, self.stream) = (output, stream)
    try check(ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, Int32(clamping: level)))
    try check(ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1))
  }

  deinit { ZSTD_freeCCtx(stream) }

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    while input.pos < input.size { _ = try step(&input, ZSTD_e_continue) }
  }

  func finish() throws(OverlayError) {
    var nothing = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
    while try step(&nothing, ZSTD_e_end) > 0 {}
  }

  /// - Returns: how much there is left to do, at least.
  private func step(_ input: inout ZSTD_inBuffer, _ action: ZSTD_EndDirective) throws(OverlayError) -> Int {
    let (left, count) = buffer.withUnsafeMutableBytes { buffer in
      var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
      let left = ZSTD_compressStream2(stream, &output, &input, action)
      return (left, output.pos)
    }
    try check(left)
    try output.write(buffer[..<count])
    return left
  }

  private func check(_ result: Int) throws(OverlayError) {
    guard ZSTD_isError(result) == 0 else {
      throw OverlayError("cannot compress with zstd: \(String(cString: ZSTD_getErrorName(result)))")
    }
  }
}
