import SystemFiles

/// Files that get their names together, when all of them are complete and on their medium: what fails before leaves the old
/// files as they are, and nothing new.
public struct StagedFiles: ~Copyable {
  private var files: [OutputFile] = []

  public init() {}

  /// - Parameters:
  ///   - source: a regular file, which must not change meanwhile.
  ///   - path: the copy has the permissions of the file that was there, or else those that the umask leaves.
  public mutating func add(copyOf source: String, to path: String) throws(OverlayError) {
    try add(FileCopy.output(of: source, to: path))
  }

  public mutating func add(_ bytes: [UInt8], to path: String) throws(OverlayError) {
    try add(WholeFile.output(of: bytes, to: path))
  }

  private mutating func add(_ output: OutputFile) throws(OverlayError) {
    try output.synchronize()
    files.append(output)
  }

  /// Gives the files their names, in the order in which they were added.
  public consuming func finish() throws(OverlayError) { for file in files { try file.finish() } }
}
