import Glibc
import Overlay
import Recipes
import SystemFiles

/// Where a build puts the archive and what stands beside it.
struct BuildOutput {
  /// The path of the archive.
  let archive: String
  /// Its last part.
  let name: String

  /// What stands beside an archive: its name, and one of these.
  static let companions = [".origins.json", ".spdx.json"]

  /// All files of a build, the archive first, for an archive of that path.
  static func files(of archive: String) -> [String] { ([""] + companions).map { archive + $0 } }

  /// Throws now what would fail when the work is done, and also when the output would take the place of something that the
  /// build is made of.
  ///
  /// - Parameter lock: the path of the recipe's lock.
  init(_ options: BuildOptions, lock: String) throws(OverlayError) {
    let recipe = options.recipes.built
    if FileSystem.isDirectory(options.output) {
      let hasModules = options.recipes.recipes.contains { !$0.modules.isEmpty }
      let kernel = hasModules ? try BaseImage(options.base).kernels.sorted().first : nil
      name = OverlayName.conventional(recipe.name.value, kernel: kernel, recipe.compression?.value.format ?? .gzip)
      archive = options.output.hasSuffix("/") ? options.output + name : "\(options.output)/\(name)"
    } else {
      (archive, name) = (options.output, Path.split(options.output).name)
    }
    let directory = Path.split(archive).directory
    guard access(directory, W_OK | X_OK) == 0 else { throw .inDirectory(directory, "write into \(directory)") }
    let inputs = BuildInputs(options, lock: lock)
    for file in Self.files(of: archive) {
      try checkKind(file)
      if let input = inputs.input(at: file) {
        throw OverlayError(
          file == archive
            ? "cannot write \(file): it is \(input), which the build reads; give another file with -o"
            : "cannot write \(file), which comes beside the archive: it is \(input), which the build reads; give another"
              + " file with -o")
      }
    }
  }

  private func checkKind(_ file: String) throws(OverlayError) {
    var status = stat()
    guard stat(file, &status) == 0, case let kind = status.st_mode & S_IFMT, kind != S_IFREG else { return }
    let what = kind == S_IFDIR ? "a directory" : "a device, a pipe or a socket"
    throw OverlayError(
      file == archive
        ? "cannot write \(file): it is \(what); give the name of a file or a directory"
        : "cannot write \(file), which comes beside the archive: it is \(what); move it away, or give another file with -o"
    )
  }
}

/// The files of this machine that a build reads.
struct BuildInputs {
  private var files: [(path: String, what: String)] = []
  private var directories: [(path: String, what: String)] = []

  init(_ options: BuildOptions, lock: String) {
    files = [(options.base, "the base image"), (lock, "the lock")]
    directories = [(options.cache, "in the cache")]
    if let required = options.required {
      files += [(required.agent, "the agent"), (required.rcLocal, "rc.local")]
      directories.append((required.skeleton, "in the skeleton of required files"))
    }
    for recipe in options.recipes.recipes { add(recipe) }
  }

  private mutating func add(_ recipe: Recipe) {
    files.append((recipe.path, "the recipe \(recipe.file)"))
    for item in recipe.from {
      if case .archive(let path) = item.value { files.append((path, "an archive under \"from\" (\(item.place))")) }
    }
    for item in recipe.packages {
      if case .file(let path) = item.value { files.append((path, "one of the packages (\(item.place))")) }
    }
    for item in recipe.files {
      switch item.value.origin {
      case .path(let path) where FileSystem.isDirectory(path):
        directories.append((path, "in a directory under \"files\" (\(item.place))"))
      case .path(let path), .template(let path, _): files.append((path, "one of the files (\(item.place))"))
      case .text, .directory: break
      }
    }
    for item in recipe.modules {
      directories.append((item.value.source, "in the source of a module (\(item.place))"))
    }
  }

  /// What a path is of the build; `nil` when it is nothing of it.
  func input(at path: String) -> String? {
    let place = Self.place(path)
    if let file = files.first(where: { Self.place($0.path) == place || Self.isSame($0.path, path) }) {
      return file.what
    }
    return directories.first { directory in
      Path.resolved(directory.path).map { place.hasPrefix($0 == "/" ? $0 : $0 + "/") } == true
    }?.what
  }

  /// The path of a file that need not be there, without symlinks before its name.
  private static func place(_ path: String) -> String {
    let (directory, name) = Path.split(path)
    let resolved = Path.resolved(directory) ?? directory
    return resolved == "/" ? "/\(name)" : "\(resolved)/\(name)"
  }

  private static func isSame(_ one: String, _ other: String) -> Bool {
    var (first, second) = (stat(), stat())
    guard stat(one, &first) == 0, stat(other, &second) == 0 else { return false }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino
  }
}
