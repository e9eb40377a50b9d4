/// Takes bytes in order.
protocol ByteSink: AnyObject {
  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError)
}

/// Compresses what is written to it, and writes that to another sink.
protocol Compressor: ByteSink {
  /// Writes what is still held back, and the end of the compressed stream. Nothing may be written afterwards.
  func finish() throws(OverlayError)
}

extension ByteSink {
  func write(_ bytes: ArraySlice<UInt8>) throws(OverlayError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(OverlayError) in try write(UnsafeRawBufferPointer(buffer)) }
  }
}

extension CompressionFormat {
  /// - Returns: `nil` for what is not compressed.
  func makeCompressor(level: Int?, to output: any ByteSink) throws(OverlayError) -> (any Compressor)? {
    let level = level ?? defaultLevel
    return switch self {
    case .gzip: try ParallelGzip(level: level, to: output)
    case .xz: try XZCompressor(level: level, to: output)
    case .zstd: try ZstdCompressor(level: level, to: output)
    case .none: nil
    }
  }
}
