/// Files that are written as a whole.
public enum WholeFile {
  /// Writes a file. It gets its name when it is complete and on its medium; until then an older file of that name stays as it
  /// is. When the program is killed meanwhile, nothing is left behind.
  public static func write(_ bytes: [UInt8], to path: String) throws(OverlayError) {
    try output(of: bytes, to: path).finish()
  }

  /// The file, which has no name yet.
  static func output(of bytes: [UInt8], to path: String) throws(OverlayError) -> OutputFile {
    let file = try OutputFile(path)
    try bytes.withUnsafeBufferPointer { (bytes) throws(OverlayError) in try file.write(UnsafeRawBufferPointer(bytes)) }
    return file
  }
}
