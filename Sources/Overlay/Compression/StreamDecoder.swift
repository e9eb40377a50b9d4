/// Decompresses one stream, piece by piece.
protocol StreamDecoder: AnyObject {
  /// Goes on with the stream.
  ///
  /// - Parameters:
  ///   - input: the next bytes of the stream; empty at the end of the file.
  ///   - output: not empty.
  /// - Returns: how far it came. Nothing taken and nothing given means that the input is at its end and the stream is not.
  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(OverlayError) -> DecodingProgress
}

struct DecodingProgress {
  /// Bytes of the input that are done with.
  let taken: Int
  /// Bytes of the output that were made.
  let given: Int
  /// Whether the stream ends here.
  let isAtEnd: Bool
}

extension CompressionFormat {
  /// A decoder for one stream; `nil` for what is not compressed.
  func makeDecoder() throws(OverlayError) -> (any StreamDecoder)? {
    switch self {
    case .gzip: try GzipDecoder()
    case .zstd: try ZstdDecoder()
    case .xz: try XZDecoder()
    case .none: nil
    }
  }

  /// Compressed bytes that do not hold together.
  func damage(_ reason: String) -> OverlayError { OverlayError("its \(rawValue) data is damaged: \(reason)") }
}
