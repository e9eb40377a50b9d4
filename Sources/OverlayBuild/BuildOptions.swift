import Overlay
import Recipes

/// What a person asks a build for.
public struct BuildOptions: Sendable {
  public var recipes: RecipeSet
  /// The base image that the overlay is for.
  public var base: String
  /// The archive to make: a file, or a directory in which it gets the name of the naming convention.
  public var output: String
  /// A directory for layers, packages and downloads. It may be removed at any time when no build runs.
  public var cache: String
  /// Bytes that the cache may have after a build.
  public var cacheSize = 10 << 30
  public var required: RequiredFiles?
  public var lockMode = LockMode.follow
  /// Where the lock is; `nil` for `NAME.lock` beside `NAME.yaml`.
  public var lockPath: String?
  /// Whether an overlay in which `verify` finds errors is written all the same.
  public var isForced = false
  public var architecture = MachineArchitecture.current
  /// `SOURCE_DATE_EPOCH`, for a build that makes the lock anew; `nil` for the begin of the day of that build, in UTC.
  public var epoch: UInt32?
  /// A directory on a disk for what the workspaces change, instead of memory.
  public var workDirectory: String?
  /// Bytes of memory for that.
  public var memory: Int?
  public var limits = ArchiveLimits()
  /// The program's own.
  public var environment: [String: String] = [:]
  public var say: @Sendable (String) -> Void = { _ in }

  public init(recipes: RecipeSet, base: String, output: String, cache: String) {
    (self.recipes, self.base, self.output, self.cache) = (recipes, base, output, cache)
  }
}
