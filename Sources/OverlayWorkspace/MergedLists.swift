import Glibc
import Overlay
import SystemFiles

/// Has the programs run that make lists of all files of a root, as ldconfig(8) and depmod(8) do, in a merged overlay over its
/// base image.
public struct MergedLists {
  public var base: String
  public var limits = ArchiveLimits()
  public var say: @Sendable (String) -> Void = { _ in }

  public init(base: String) { self.base = base }

  /// Runs a script in the workspace of an overlay, and hands its result out. The two archives are gone afterwards.
  ///
  /// Call it before other threads are started. Afterwards the signals that end a program are blocked, so that the caller can
  /// put its own result in place.
  ///
  /// - Parameters:
  ///   - path: the archive that will be made in the end: there is room beside it.
  ///   - environment: the program's own.
  ///   - write: writes the overlay to the path that it gets.
  ///   - take: gets the path of the overlay as the script has left it.
  public func run(
    _ script: String, beside path: String, environment: [String: String],
    write: (String) throws(OverlayError) -> Void, take: (String) throws(OverlayError) -> Void
  ) throws(OverlayError) {
    guard geteuid() == 0 else {
      throw OverlayError(
        "merge must run \"\(script)\" in the merged overlay over \(base), which only root may mount: run it with sudo")
    }
    try PrivateNamespace.enter()
    let signals = try SignalWatch(say: say)
    let parent = try Workspace.absolute(Path.split(path).directory)
    let directory = try Watched(signals) { () throws(OverlayError) in
      try StagingDirectory(in: parent, prefix: ".monorail-overlay-merge-")
    }
    defer { withExtendedLifetime(directory) {} }
    let (merged, result) = (
      directory.value.path + "/merged.overlay.cpio", directory.value.path + "/result.overlay.cpio"
    )
    try write(merged)
    var options = Workspace.Options(base: base)
    options.isOffline = true
    options.isConfined = true
    var modification = Modification(options)
    modification.limits = limits
    modification.compression = CompressionFormat.none
    modification.output = result
    // What the programs print is for people; the standard output may be for a program.
    let code = try modification.run(
      merged, command: ["/bin/sh", "-c", "exec >&2; \(script)"], environment: environment, signals)
    guard code == 0 else {
      throw OverlayError("\"\(script)\", run in the merged overlay over \(base), ended with \(code)")
    }
    try take(result)
  }
}
