import Overlay

/// What a build has used, so that another one can use the same: `discovery.lock` beside `discovery.yaml`.
public struct Lock: Sendable, Equatable {
  public struct File: Sendable, Equatable {
    public var name: String
    /// In hexadecimal.
    public var sha256: String

    public init(name: String, sha256: String) { (self.name, self.sha256) = (name, sha256) }
  }

  /// A package as an archive has it.
  public struct Package: Sendable, Equatable {
    public var name: String
    public var version: String
    public var architecture: String
    /// From where; `nil` for a `.deb` file of the recipe.
    public var url: String?
    /// Bytes.
    public var size: Int
    public var sha256: String
    /// Whether the recipe names it; else another package depends on it.
    public var isRequested: Bool

    public init(
      name: String, version: String, architecture: String, url: String?, size: Int, sha256: String, isRequested: Bool
    ) {
      (self.name, self.version, self.architecture, self.url) = (name, version, architecture, url)
      (self.size, self.sha256, self.isRequested) = (size, sha256, isRequested)
    }
  }

  /// The packages of one step.
  public struct PackageSet: Sendable, Equatable {
    /// The recipe's path, relative to the directory of the recipe that is built.
    public var recipe: String
    /// `packages`, or `modules` for what a build of modules needed.
    public var key: String
    /// A digest of what was asked for and of the packages. A recipe that asks for something else has another one, and so has
    /// a list that somebody has changed.
    public var request: String
    public var packages: [Package]

    public init(recipe: String, key: String, request: String, packages: [Package]) {
      (self.recipe, self.key, self.request, self.packages) = (recipe, key, request, packages)
    }
  }

  public struct Download: Sendable, Equatable {
    public var url: String
    public var sha256: String

    public init(url: String, sha256: String) { (self.url, self.sha256) = (url, sha256) }
  }

  public var base: File
  /// Seconds since 1970: no entry of the overlay is younger.
  public var epoch: UInt32
  /// The required files, and archives that recipes name.
  public var files: [File] = []
  public var downloads: [Download] = []
  public var packageSets: [PackageSet] = []

  public init(base: File, epoch: UInt32) { (self.base, self.epoch) = (base, epoch) }

  /// Whether two locks say the same, whatever the order of their lists.
  func isSame(as other: Lock) -> Bool { sorted == other.sorted }

  func hasSamePackages(as other: Lock) -> Bool { sorted.packageSets == other.sorted.packageSets }

  private var sorted: Lock {
    var lock = self
    lock.files.sort { ($0.name, $0.sha256) < ($1.name, $1.sha256) }
    lock.downloads.sort { ($0.url, $0.sha256) < ($1.url, $1.sha256) }
    lock.packageSets.sort { ($0.recipe, $0.key) < ($1.recipe, $1.key) }
    return lock
  }
}

/// How a build uses a lock.
public enum LockMode: Sendable {
  /// Uses what is in the lock as far as the recipe still asks for it, and adds the rest.
  case follow
  /// Uses nothing but what is in the lock.
  case locked
  /// Uses what is newest.
  case update
}
