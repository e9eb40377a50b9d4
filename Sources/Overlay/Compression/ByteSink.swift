/// Takes an archive's bytes in order.
protocol ByteSink: AnyObject {
  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError)

  /// Says that there are no more. Nothing may be written afterwards.
  func finish() throws(OverlayError)
}

extension ByteSink {
  func write(_ bytes: ArraySlice<UInt8>) throws(OverlayError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(OverlayError) in try write(UnsafeRawBufferPointer(buffer)) }
  }
}
