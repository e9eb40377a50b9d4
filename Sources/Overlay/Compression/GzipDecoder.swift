import CZlib

/// One member of a gzip file, its checksum and length verified; libarchive's own filter verifies neither.
final class GzipDecoder: StreamDecoder {
  /// zlib keeps its address.
  private let stream: UnsafeMutablePointer<z_stream>

  init() throws(OverlayError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // The largest window; 16 says gzip.
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw OverlayError("cannot decompress: there is no memory")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(OverlayError) -> DecodingProgress {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(clamping: input.count)
    stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(clamping: output.count)
    let result = inflate(stream, Z_NO_FLUSH)
    guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib gives the error \(result)"
      throw CompressionFormat.gzip.damage(reason)
    }
    return DecodingProgress(
      taken: input.count - Int(stream.pointee.avail_in), given: output.count - Int(stream.pointee.avail_out),
      isAtEnd: result == Z_STREAM_END)
  }
}
