import CZstd

/// One zstd frame. A frame whose window is larger than 128 MiB, the library's own limit, is an error.
final class ZstdDecoder: StreamDecoder {
  private let stream: OpaquePointer

  init() throws(OverlayError) {
    guard let stream = ZSTD_createDStream() else { throw OverlayError("cannot decompress: there is no memory") }
    self.stream = stream
  }

  deinit { ZSTD_freeDStream(stream) }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(OverlayError) -> DecodingProgress {
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var destination = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let result = ZSTD_decompressStream(stream, &destination, &source)
    guard ZSTD_isError(result) == 0 else {
      throw CompressionFormat.zstd.damage(String(cString: ZSTD_getErrorName(result)))
    }
    return DecodingProgress(taken: source.pos, given: destination.pos, isAtEnd: result == 0)
  }
}
