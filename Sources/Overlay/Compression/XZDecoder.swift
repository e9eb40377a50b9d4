import CLZMA

/// One xz stream.
final class XZDecoder: StreamDecoder {
  /// What a stream of `xz -9` needs twice over, in bytes; a file can ask for 4 GiB.
  private static let memoryLimit: UInt64 = 130 << 20

  private var stream = lzma_stream()

  init() throws(OverlayError) {
    guard lzma_stream_decoder(&stream, Self.memoryLimit, 0) == LZMA_OK else {
      throw OverlayError("cannot decompress: there is no memory")
    }
  }

  deinit { lzma_end(&stream) }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(OverlayError) -> DecodingProgress {
    stream.next_in = input.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.avail_in = input.count
    stream.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.avail_out = output.count
    let result = lzma_code(&stream, LZMA_RUN)
    switch result {
    case LZMA_OK, LZMA_STREAM_END, LZMA_BUF_ERROR: break
    case LZMA_MEMLIMIT_ERROR:
      throw OverlayError(
        "its xz data takes \(lzma_memusage(&stream) >> 20) MiB of memory to decompress, more than the"
          + " \(Self.memoryLimit >> 20) MiB that are allowed; compress it with xz -9 or less")
    case LZMA_OPTIONS_ERROR: throw CompressionFormat.xz.damage("it has options that liblzma does not know")
    case LZMA_DATA_ERROR: throw CompressionFormat.xz.damage("it is corrupt")
    default: throw CompressionFormat.xz.damage("liblzma gives the error \(result.rawValue)")
    }
    return DecodingProgress(
      taken: input.count - stream.avail_in, given: output.count - stream.avail_out,
      isAtEnd: result == LZMA_STREAM_END)
  }
}
