import Overlay
import OverlayWorkspace
import Recipes

/// What the steps of one build share.
final class BuildContext {
  let base: String
  /// Digest of the base image, in hexadecimal.
  let baseDigest: String
  let blobs: BlobStore
  let lockMode: LockMode
  /// What the recipe's lock said before this build; `nil` when there was none.
  let oldLock: Lock?
  /// What this build uses.
  var lock: Lock
  /// The directory of the recipe that is built.
  let directory: String
  let say: @Sendable (String) -> Void

  private let environment: [String: String]
  private let limits: ArchiveLimits
  private let workDirectory: String?
  private let memory: Int?
  /// Watches for signals while workspaces stand; `nil` without root.
  private let signals: SignalWatch?

  init(_ options: BuildOptions, baseDigest: String, oldLock: Lock?, lock: Lock, signals: SignalWatch?)
    throws(OverlayError)
  {
    base = options.base
    self.baseDigest = baseDigest
    blobs = try BlobStore(options.cache + "/blobs", say: options.say)
    lockMode = options.lockMode
    (self.oldLock, self.lock, self.signals) = (oldLock, lock, signals)
    directory = options.recipes.built.directory
    say = options.say
    (environment, limits) = (options.environment, options.limits)
    (workDirectory, memory) = (options.workDirectory, options.memory)
  }

  /// A script that runs as root in a workspace: base image and overlay, as a node has them.
  struct Script {
    /// For `/bin/sh -eu`.
    var text: String
    /// What it gets as `$1`, `$2`, ….
    var arguments: [String] = []
    var binds: [Workspace.Bind] = []
    var hasNetwork = false
    /// What the script is, for errors: `the command`, `apt`.
    var name: String
    var place: Place
  }

  /// Runs a script in the overlay, and writes the changed overlay.
  ///
  /// - Parameters:
  ///   - archive: stays as it is.
  ///   - result: where the changed one goes.
  /// - Throws: also when the script ends with another code than 0.
  func run(_ script: Script, in archive: String, to result: String) throws(OverlayError) {
    guard let signals else {
      throw OverlayError(
        "\(script.place): \(script.name) runs in a workspace, whose base image only root may mount: run it with sudo")
    }
    var workspace = Workspace.Options(base: base)
    workspace.binds = script.binds
    workspace.isOffline = !script.hasNetwork
    (workspace.workDirectory, workspace.memory) = (workDirectory, memory)
    var modification = Modification(workspace)
    modification.times = .clamped(to: lock.epoch)
    modification.limits = limits
    modification.compression = LayerCache.compression
    modification.level = LayerCache.level
    modification.output = result
    // The overlay's file is one of the cache, of which a person knows nothing.
    modification.say = { _ in }
    var environment = environment
    environment["SOURCE_DATE_EPOCH"] = "\(lock.epoch)"
    let code: Int32
    do throws(OverlayError) {
      code = try modification.run(
        archive, command: ["/bin/sh", "-euc", script.text, "sh"] + script.arguments, environment: environment, signals)
    } catch { throw OverlayError("\(script.place): \(error.message)", remedy: error.remedy, cause: error.cause) }
    guard code == 0 else {
      throw OverlayError("\(script.place): \(script.name) ended with \(code)")
    }
  }
}
