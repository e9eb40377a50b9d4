import Glibc
import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// Makes an overlay of a recipe.
///
///     recipe → steps → layers (each an archive in the cache) → required files and compression → verify → output
///
/// The recipe's lock says which packages and files are used. Each step's layer has a key of all that goes into it; only
/// steps whose key is new run. What stands at the output stays until the new overlay is complete and verified.
public struct Builder {
  private let options: BuildOptions
  private let cache: LayerCache

  public init(_ options: BuildOptions) throws(OverlayError) {
    self.options = options
    do throws(OverlayError) { cache = try LayerCache(options.cache) } catch {
      throw error.explained(cache: options.cache)
    }
  }

  public struct Summary: Sendable {
    /// The archive.
    public let path: String
    /// Bytes.
    public let size: Int
    /// In hexadecimal.
    public let sha256: String
    /// Whether the archive was there already, the same.
    public let isUnchanged: Bool
    /// The recipe's lock, and whether it was made by this build.
    public let lock: String
    public let isLockNew: Bool
    /// A line for each thing that is different in the lock; none when it stayed as it was.
    public let lockChanges: [String]
    /// What `verify` found; empty when the same overlay had been verified before.
    public let findings: [Finding]
  }

  /// Builds the overlay.
  ///
  /// Call it before other threads are started, since it makes a mount namespace of its own when it is run by root.
  ///
  /// - Returns: `nil` when `verify` found errors, which `report` has got, and the build is not forced.
  public func build(report: ([Finding]) -> Void) throws(OverlayError) -> Summary? {
    try BaseImage.checkFormat(options.base)
    let lockPath = options.lockPath ?? LockFile.path(for: options.recipes.built.file)
    let output = try BuildOutput(options, lock: lockPath)
    let signals = try prepareWorkspaces()
    do throws(OverlayError) {
      return try build(to: output, lockPath, signals, report)
    } catch {
      // A signal that ends the program removes its temporary files first: what fails because of that is not said.
      signals?.waitIfEnding()
      throw error.explained(cache: options.cache)
    }
  }

  private func build(
    to output: BuildOutput, _ lockPath: String, _ signals: SignalWatch?, _ report: ([Finding]) -> Void
  ) throws(OverlayError) -> Summary? {
    let base = try BaseFile(options.base)
    let (oldLock, lock) = try locks(base, lockPath)
    if oldLock == nil || options.lockMode == .update { try LockFile.checkWritable(lockPath) }
    let staging = try Staging(in: options.cache, signals)
    let build = try BuildContext(
      options, base: base, scratch: staging.path, lockPath: lockPath, oldLock: oldLock, lock: lock,
      signals: signals)

    let layer = try layers(build)
    let result = try OverlayResult(options, build, layer, to: output)
    let isLockChanged = build.oldLock.map { !build.lock.isSame(as: $0) } ?? true
    if options.lockMode == .locked {
      try checkLocked(build)
    } else if isLockChanged {
      try LockFile.checkWritable(lockPath)
    }
    let files: OverlayResult.Files
    var findings: [Finding] = []
    if let ready = try result.cached(in: cache) {
      files = ready
    } else {
      let made = try result.make(in: staging.path)
      try base.check()
      findings = try result.findings(made)
      report(findings)
      let isGood = !findings.contains { $0.severity == .error }
      guard isGood || options.isForced else { return nil }
      files = isGood ? try result.keep(made, in: cache) : made
    }
    let changes = isLockChanged ? LockDifferences.lines(from: build.oldLock, to: build.lock) : []
    let isUnchanged = try result.publish(files, lock: isLockChanged ? LockFile.text(build.lock) : nil)
    cache.prune(to: options.cacheSize)
    return Summary(
      path: output.archive, size: files.size, sha256: files.sha256, isUnchanged: isUnchanged, lock: lockPath,
      isLockNew: oldLock == nil, lockChanges: changes, findings: findings)
  }

  /// The overlay after the last step. Steps run only as far as other steps need their results to be prepared.
  private func layers(_ build: BuildContext) throws(OverlayError) -> Layer {
    var steps = Plan(options.recipes).steps
    var layer = Layer(build, cache)
    for index in steps.indices {
      try steps[index].prepare(layer, build)
      layer = try Layer(steps[index], on: layer)
    }
    if let old = build.oldLock, !build.lock.hasSamePackages(as: old) {
      // Files of the new packages may be younger than the old lock.
      build.renewEpoch(options.epoch ?? Self.today)
      layer = Layer(build, cache)
      for step in steps { layer = try Layer(step, on: layer) }
    }
    return layer
  }

  /// The begin of this day, in UTC: builds of one day can use each other's layers before there is a lock.
  private static var today: UInt32 { UInt32(clamping: time(nil) / 86_400 * 86_400) }

  /// - Returns: `nil` when no workspace can be made, or none is needed.
  private func prepareWorkspaces() throws(OverlayError) -> SignalWatch? {
    // What must be merged in a workspace is not known yet.
    let needing = Plan(options.recipes).steps.first { $0.needsWorkspace }
    guard geteuid() == 0 else {
      guard let step = needing else { return nil }
      throw OverlayError(
        "\(step.place): \"\(step.title)\" needs a workspace, whose base image only root may mount: run it with sudo")
    }
    do throws(OverlayError) { try PrivateNamespace.enter() } catch {
      // In a container, root may not be allowed to mount.
      guard needing == nil else { throw error }
      return nil
    }
    // The commands are not those of the person at the terminal, for whom Ctrl-C ends the build.
    return try SignalWatch(leavesTerminal: false, say: options.say)
  }

  /// The lock as it is, and the one that this build begins with.
  private func locks(_ base: BaseFile, _ path: String) throws(OverlayError) -> (old: Lock?, new: Lock) {
    let old = try LockFile.read(path, followsSymlinks: options.lockPath != nil)
    if options.lockMode == .locked {
      guard let old else {
        throw OverlayError("there is no lock \(path); build without --locked makes it")
      }
      guard old.base.sha256 == base.sha256 else {
        throw OverlayError(
          "\(base.path) is not the base image that \(path) names: its sha256 is \(base.sha256), but the lock says"
            + " \(old.base.sha256), of \(old.base.name.printable). Give that image, or build without --locked to take this one"
        )
      }
    }
    var file = Lock.File(name: Path.split(base.path).name, sha256: base.sha256)
    // The same image under another name is the same.
    if let old, old.base.sha256 == file.sha256, options.lockMode != .update { file = old.base }
    return (old, Lock(base: file, epoch: old?.epoch ?? options.epoch ?? Self.today))
  }

  /// - Throws: when the build uses something else than the lock has.
  private func checkLocked(_ build: BuildContext) throws(OverlayError) {
    guard let old = build.oldLock, !build.lock.isSame(as: old) else { return }
    throw OverlayError(
      "the recipe asks for something else than \(build.lockPath) has; build without --locked to renew it:\n"
        + LockDifferences.lines(from: old, to: build.lock).joined(separator: "\n"))
  }
}

/// A directory of one build, gone when the build ends, however that is.
private final class Staging {
  let path: String
  private let plain: StagingDirectory?
  private let watched: Watched<StagingDirectory>?

  init(in cache: String, _ signals: SignalWatch?) throws(OverlayError) {
    func make() throws(OverlayError) -> StagingDirectory { try StagingDirectory(in: cache, prefix: ".build-") }
    if let signals {
      let directory = try Watched(signals, make)
      (path, plain, watched) = (directory.value.path, nil, directory)
    } else {
      let directory = try make()
      (path, plain, watched) = (directory.path, directory, nil)
    }
  }
}
