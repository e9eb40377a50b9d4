import Overlay
import Recipes
import SystemFiles

/// What a recipe asks for in packages, before anybody knows which versions that are.
struct PackageRequest {
  struct Name: Equatable {
    /// May have the architecture behind a colon.
    var name: String
    var version: String?

    /// As apt-get takes it.
    var argument: String { version.map { "\(name)=\($0)" } ?? name }
    /// Without the architecture.
    var package: Substring { name.prefix { $0 != ":" } }
  }

  /// A `.deb` file of this machine, which is in the cache too.
  struct File: Equatable {
    var path: String
    var sha256: String
  }

  /// The recipe's path, relative to the directory of the recipe that is built.
  var recipe: String
  /// As in ``Lock/PackageSet``.
  var key: String
  /// For errors that belong to no single package.
  var place: Place
  var archives: [Located<String>]
  var names: [Located<Name>] = []
  var files: [Located<File>] = []

  init(_ recipe: Recipe, key: String, place: Place, _ build: BuildContext) {
    self.recipe = recipe.path(from: build.directory)
    (self.key, self.place, archives) = (key, place, recipe.archives)
  }

  mutating func add(_ package: Located<Recipe.Package>, _ build: BuildContext) throws(OverlayError) {
    switch package.value {
    case .named(let name, let version):
      names.append(Located(Name(name: name, version: version), package.place))
    case .file(let path):
      do throws(OverlayError) {
        files.append(Located(File(path: path, sha256: try build.blobs.add(path)), package.place))
      } catch { throw error.at(package.place) }
    }
  }

  /// A digest of all that decides about which packages this asks for, but the state of the archives.
  ///
  /// - Parameters:
  ///   - base: digest of the base image.
  ///   - overlays: the archives that the overlay so far was made of.
  ///   - earlier: the packages of the steps before, since what is there already need not be installed.
  private func digest(base: String, overlays: [Lock.File], earlier: [Lock.PackageSet]) -> String {
    var key = InputKey()
    key.add("base", base)
    for overlay in overlays { key.add("overlay", overlay.sha256) }
    for archive in archives { key.add("archive", archive.value) }
    for name in names { key.add("name", name.value.argument) }
    for file in files { key.add("file", file.value.sha256) }
    for set in earlier {
      key.add("earlier", set.request)
      for package in set.packages { key.add("package", package.sha256) }
    }
    return key.finish()
  }
}

extension PackageRequest {
  /// The entry of a lock for this request.
  ///
  /// - Parameters:
  ///   - base: digest of the base image.
  ///   - overlays: the archives that the overlay so far was made of.
  ///   - earlier: the packages of the steps before.
  func locked(
    _ packages: [Lock.Package], base: String, overlays: [Lock.File], earlier: [Lock.PackageSet]
  ) -> Lock.PackageSet {
    var key = InputKey()
    key.add("request", digest(base: base, overlays: overlays, earlier: earlier))
    for package in packages {
      key.add("package", "\(package.name) \(package.version) \(package.architecture) \(package.size)")
      key.add("file", "\(package.sha256) \(package.isRequested)")
      key.add("url", package.url ?? "")
    }
    return Lock.PackageSet(recipe: recipe, key: self.key, request: key.finish(), packages: packages)
  }

  /// An error that names the place in the recipe; without one, that of the whole request.
  func failure(_ message: String, _ place: Place? = nil) -> OverlayError {
    OverlayError("\(place ?? self.place): \(key): \(message)")
  }
}

extension OverlayError {
  /// The error, with the place in a recipe that it belongs to.
  func at(_ place: Place) -> OverlayError { OverlayError("\(place): \(message)", remedy: remedy, cause: cause) }
}
