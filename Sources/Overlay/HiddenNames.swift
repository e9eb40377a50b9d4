/// The names that opaque directories hide.
///
/// An opaque directory stands in an overlay for a directory of the base image, and hides all that the base image has under it.
/// overlayfs marks it with an attribute, and an archive cannot hold that; a whiteout for each hidden name has the same effect.
public enum HiddenNames {
  /// - Parameters:
  ///   - opaque: the opaque directories.
  ///   - isDirectory: whether what the overlay has at a path is a directory; `nil` when it has nothing there.
  ///   - names: what the base image has in a directory; nothing where it has no directory of that path.
  /// - Returns: the paths for the whiteouts, sorted.
  public static func under<Name: Collection<UInt8>, Failure: Error>(
    _ opaque: [OverlayPath], isDirectory: (OverlayPath) -> Bool?, names: (OverlayPath) throws(Failure) -> [Name]
  ) throws(Failure) -> [OverlayPath] {
    var hidden: [OverlayPath] = []
    var seen: Set<OverlayPath> = []
    var pending = opaque
    while let directory = pending.popLast() {
      guard seen.insert(directory).inserted else { continue }
      for name in try names(directory) {
        let path = directory.appending(name)
        switch isDirectory(path) {
        // What is in a directory under an opaque one hides the base image's too, without an attribute of its own.
        case true?: pending.append(path)
        case false?: break
        case nil: hidden.append(path)
        }
      }
    }
    return hidden.sorted()
  }
}
