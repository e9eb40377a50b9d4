import Glibc
import HTTPTransport
import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// What the steps of one build share.
final class BuildContext {
  let base: BaseFile
  let blobs: BlobStore
  /// A directory for temporary files, on the cache's file system. It is gone after the build.
  let scratch: String
  let lockMode: LockMode
  /// What the recipe's lock said before this build; `nil` when there was none.
  let oldLock: Lock?
  /// What this build uses.
  private(set) var lock: Lock
  let lockPath: String
  /// The directory of the recipe that is built.
  let directory: String
  let limits: ArchiveLimits
  let say: @Sendable (String) -> Void

  private let layers: String
  /// What messages call the overlay.
  private let output: String
  private let environment: [String: String]
  private let workDirectory: String?
  private let memory: Int?
  /// Watches for signals while workspaces stand; `nil` without root.
  private let signals: SignalWatch?
  private var listedBase: BaseImage?
  private var sharedDirectories = 0

  init(
    _ options: BuildOptions, base: BaseFile, scratch: String, lockPath: String, oldLock: Lock?, lock: Lock,
    signals: SignalWatch?
  ) throws(OverlayError) {
    (self.base, self.scratch) = (base, scratch)
    blobs = try BlobStore(options.cache + "/blobs", say: options.say)
    layers = options.cache + "/layers"
    lockMode = options.lockMode
    (self.lockPath, self.oldLock, self.lock, self.signals) = (lockPath, oldLock, lock, signals)
    directory = options.recipes.built.directory
    (say, limits) = (options.say, options.limits)
    output = FileSystem.isDirectory(options.output) ? "the overlay" : options.output
    (workDirectory, memory) = (options.workDirectory, options.memory)
    environment = options.environment.filter { name, _ in Self.passed.contains(name) }
  }

  /// What scripts get of this machine's environment: what reaches the network, and nothing that could change a result.
  private static let passed: Set = [
    "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
  ]

  /// What the base image has. It is listed once, when it is needed.
  func baseImage() throws(OverlayError) -> BaseImage {
    if let listedBase { return listedBase }
    let image = try BaseImage(base.path)
    listedBase = image
    return image
  }

  /// Makes an overlay with nothing but a root directory like the base image's.
  func makeEmptyOverlay(_ path: String) throws(OverlayError) {
    var root = Entry(.root, .directory, permissions: 0o755)
    if let base = try baseImage().rootAttributes {
      (root.permissions, root.owner, root.group) = (base.permissions, base.owner, base.group)
    }
    try LayerCache.writer.write([Member(root)], to: path)
  }

  /// Where kernel modules that were built are, or come: an archive.
  ///
  /// - Parameter key: of all that they were built from.
  func builtModules(_ key: String) -> String { "\(layers)/\(key).modules.cpio.zst" }

  // MARK: - The lock

  func lock(_ packages: Lock.PackageSet) { lock.packageSets.append(packages) }

  func lock(_ download: Lock.Download) { lock.downloads.append(download) }

  /// Notes a file. In a locked build, one that is not as the lock has it is an error.
  ///
  /// - Parameter place: where the recipe names it; `nil` for a required file.
  func lock(_ file: Lock.File, _ place: Place? = nil) throws(OverlayError) {
    lock.files.append(file)
    guard lockMode == .locked, let oldLock, !oldLock.files.contains(file) else { return }
    guard let known = oldLock.files.first(where: { $0.name == file.name }) else {
      throw OverlayError(
        "\(place.map { "\($0): " } ?? "")\(file.name.printable) is not in \(lockPath); build without --locked to add it"
      )
    }
    throw OverlayError(
      "\(place.map { "\($0): " } ?? "")\(file.name.printable) is not the file that \(lockPath) names: its sha256 is \(file.sha256),"
        + " but the lock says \(known.sha256). Get that file, or build without --locked to take the one that is there")
  }

  /// Seconds since 1970.
  func renewEpoch(_ epoch: UInt32) { lock.epoch = epoch }

  /// The path of a download, fetched when it is not in the cache.
  func fetch(_ url: String, sha256: String, place: String) throws(OverlayError) -> String {
    do throws(DownloadError) { return try blobs.fetch(url, sha256: sha256) } catch {
      throw OverlayError("\(place): \(error.message)", cause: error.cause)
    }
  }

  // MARK: - Scripts

  /// A script that runs as root in a workspace: base image and overlay, as a node has them.
  struct Script {
    /// For `/bin/sh -eu`.
    var text: String
    /// What it gets as `$1`, `$2`, ….
    var arguments: [String] = []
    var binds: [Workspace.Bind] = []
    var hasNetwork = false
    /// What the script is, for errors: `the command "ldconfig"`.
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
    let code = try exitCode(of: script, in: archive, to: result, saysEnd: true)
    guard code == 0 else { throw OverlayError("\(script.place): \(script.name) ended with \(code)") }
  }

  /// Runs a script, and leaves it to the caller to say how it ended.
  ///
  /// - Parameter result: where the changed overlay goes when the script ends with 0; `nil` when the changes are thrown away,
  ///   and the script is only run for what it writes to its binds.
  /// - Returns: its exit code; 128 and the signal's number when a signal ended it.
  func exitCode(
    of script: Script, in archive: String, to result: String?, saysEnd: Bool = false
  ) throws(OverlayError) -> Int32 {
    guard let signals else {
      throw OverlayError(
        "\(script.place): \(script.name) needs a workspace, whose base image only root may mount: run it with sudo")
    }
    var workspace = Workspace.Options(base: base.path)
    workspace.binds = script.binds
    workspace.isOffline = !script.hasNetwork
    workspace.isConfined = true
    (workspace.workDirectory, workspace.memory) = (workDirectory, memory)
    var modification = Modification(workspace)
    modification.times = .settled(at: lock.epoch, since: UInt32(clamping: time(nil)))
    modification.limits = limits
    // An archive cannot hold ACLs and capabilities. Packages set some that no node needs; a warning names each.
    modification.dropsAttributes = true
    (modification.compression, modification.level) = (LayerCache.compression, LayerCache.level)
    (modification.output, modification.resultName) = (result, output)
    (modification.discardsChanges, modification.saysEnd) = (result == nil, saysEnd)
    modification.say = say
    var environment = environment
    environment["SOURCE_DATE_EPOCH"] = "\(lock.epoch)"
    let code: Int32
    do throws(OverlayError) {
      code = try modification.run(
        archive, command: ["/bin/sh", "-euc", Self.beginning + script.text, "sh"] + script.arguments,
        environment: environment, signals)
    } catch { throw OverlayError("\(script.place): \(error.message)", remedy: error.remedy, cause: error.cause) }
    // A command that a signal to this program has ended is not to blame.
    signals.endIfReceived()
    if code == 0 { signals.resume() }
    return code
  }

  /// What all scripts begin with. The standard output may be for a program; what a script prints is for people.
  private static let beginning = "exec >&2 </dev/null\n"

  /// Makes an empty directory. It is gone after the build.
  ///
  /// - Parameter name: what its name begins with.
  func makeSharedDirectory(_ name: String) throws(OverlayError) -> SharedDirectory {
    sharedDirectories += 1
    return try SharedDirectory("\(scratch)/\(name)-\(sharedDirectories)")
  }
}
