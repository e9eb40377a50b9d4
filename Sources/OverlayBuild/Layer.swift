import Glibc
import Overlay
import Recipes
import SystemFiles

/// The overlay after one step, in the cache or still to be made.
final class Layer: OverlayState {
  let key: String
  /// `nil` for the overlay before the first step.
  private let previous: Layer?
  private var step: (any BuildStep)?
  private let build: BuildContext
  private let cache: LayerCache
  private var isReady = false

  /// The overlay before the first step: nothing but the root directory.
  init(_ build: BuildContext, _ cache: LayerCache) {
    var key = InputKey()
    // Another version of this program may do the same step in another way.
    key.add("program", Self.program)
    key.add("base", build.base.sha256)
    key.add("epoch", "\(build.lock.epoch)")
    (self.key, self.build, self.cache) = (key.finish(), build, cache)
    (previous, step) = (nil, nil)
  }

  init(_ step: some BuildStep, on previous: Layer) throws(OverlayError) {
    (self.previous, self.step, build, cache) = (previous, step, previous.build, previous.cache)
    var key = InputKey()
    key.add("previous", previous.key)
    key.add("step", step.title)
    try step.addInputs(to: &key)
    self.key = key.finish()
  }

  func archive() throws(OverlayError) -> String {
    let path = cache.layer(key)
    guard !isReady else { return path }
    if let step {
      if CacheSeal.holds(files, cache.seal(of: key)) {
        for file in files + [cache.seal(of: key)] { cache.touch(file) }
        build.say("\(step.place): \(step.title): from the cache")
      } else {
        try make(path)
      }
    } else {
      try build.makeEmptyOverlay(path)
    }
    isReady = true
    return path
  }

  /// Where the entries come from.
  func origins() throws(OverlayError) -> Origins {
    guard previous != nil else { return Origins() }
    _ = try archive()
    guard let origins = try Origins.read(cache.origins(of: key), places: places) else {
      throw OverlayError("somebody has changed \(cache.origins(of: key)) during this build; build again")
    }
    return origins
  }

  private var files: [String] { [cache.layer(key), cache.origins(of: key)] }

  /// Of this step and of those before it.
  var places: [Place] { (previous?.places ?? []) + (step?.places ?? []) }

  private func make(_ path: String) throws(OverlayError) {
    guard let previous, var step else { return }
    let before = try previous.archive()
    let start = ContinuousClock.now
    build.say("\(step.place): \(step.title)\(step.detail.isEmpty ? "" : ": \(step.detail)")")
    let made = "\(build.scratch)/layer.cpio.zst"
    try step.run(previous, build, to: made)
    try build.base.check()
    let changes = ArchiveChanges(
      from: try ArchiveIndex(before, limits: build.limits, digests: true),
      to: try ArchiveIndex(made, limits: build.limits, digests: true))
    var origins = try previous.origins()
    origins.apply(
      changes, step: .recipe(step.place, key: step.title, detail: step.detail),
      named: try step.origins(of: changes.made, in: made))
    try origins.write(to: cache.origins(of: key), places: places)
    do throws(SystemError) { try FileSystem.move(made, path) } catch { throw OverlayError(error) }
    try CacheSeal.write(files, to: cache.seal(of: key))
    build.say("\(step.place): \(step.title) took \(Self.seconds(ContinuousClock.now - start))")
  }

  private static func seconds(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    return "\(milliseconds / 1000).\(milliseconds / 100 % 10) s"
  }

  /// What tells one version of this program from another, without reading all of it.
  private static let program: String = {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { return "" }
    return "\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
  }()
}
