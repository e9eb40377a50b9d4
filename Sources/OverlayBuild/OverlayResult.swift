import Glibc
import Overlay
import Recipes
import SystemFiles

/// The last part of a build: the layer of the last step becomes an archive with the required files, compressed as its name
/// says, verified, and with its bill of materials and its origins beside it.
struct OverlayResult {
  /// A whole build's files, in the cache or in a temporary directory.
  struct Files {
    let directory: String
    let size: Int
    let sha256: String
  }

  private let output: BuildOutput
  private var name: String { output.name }
  private let key: String
  private let writer: ArchiveWriter
  private let options: BuildOptions
  private let build: BuildContext
  private let layer: Layer

  init(
    _ options: BuildOptions, _ build: BuildContext, _ layer: Layer, to output: BuildOutput
  ) throws(OverlayError) {
    (self.options, self.build, self.layer, self.output) = (options, build, layer, output)
    let recipe = options.recipes.built
    let chosen = recipe.compression?.value
    writer = ArchiveWriter(
      compression: try CompressionFormat(named: output.archive, chosen: chosen?.format), level: chosen?.level)

    var key = InputKey()
    key.add("layer", layer.key)
    key.add("name", output.name)
    key.add("compression", "\(writer.compression) \(writer.level ?? writer.compression.defaultLevel)")
    key.add("architecture", options.architecture.rawValue)
    // Origins name files and lines.
    for place in layer.places { key.add("place", "\(place)") }
    for ignored in recipe.ignored { key.add("ignored", ignored.value.description) }
    if let required = options.required {
      for (source, sha256) in try required.digests() {
        try build.lock(Lock.File(name: source, sha256: sha256))
        key.add(source, sha256)
      }
    }
    self.key = key.finish()
  }

  /// What an earlier build has made of the same.
  func cached(in cache: LayerCache) throws(OverlayError) -> Files? {
    let directory = cache.result(key)
    guard CacheSeal.holds(paths(in: directory), seal(in: directory)) else { return nil }
    cache.touch(directory)
    return try files(in: directory)
  }

  /// Makes the archive and what stands beside it in a directory.
  func make(in directory: String) throws(OverlayError) -> Files {
    let archive = "\(directory)/\(name)"
    let before = try layer.archive()
    options.say("packing \(output.archive)")
    var change = OverlayChange()
    (change.writer, change.limits) = (writer, options.limits)
    if let required = options.required {
      change.additions = try required.additions(missingIn: try ArchiveIndex(before, limits: options.limits))
    }
    let added = try change.apply(to: before, over: try build.baseImage(), result: archive, scratch: directory)
    let files = try files(in: directory)
    try describe(files, archive, from: before, required: added)
    return files
  }

  /// Writes what stands beside the archive.
  private func describe(
    _ files: Files, _ archive: String, from layer: String, required: [OverlayPath]
  ) throws(OverlayError) {
    let (before, after) = (
      try ArchiveIndex(layer, limits: options.limits, digests: true),
      try ArchiveIndex(archive, limits: options.limits, digests: true)
    )
    var origins = try self.layer.origins()
    let sources = Dictionary(required.map { ($0, Origin.required(source: RequiredFiles.source(of: $0))) }) { $1 }
    origins.apply(
      ArchiveChanges(from: before, to: after), step: .required(source: "directories of the required files"),
      named: sources)
    let file = Lock.File(name: name, sha256: files.sha256)
    let base = try build.baseImage()
    try OriginsFile(
      archive: file, base: build.lock.base, recipe: options.recipes.built.path(from: build.directory),
      origins: origins.moved(placeInFile), hidden: base.hidden(by: after.entries)
    ).write(beside: archive)
    try SPDXDocument(
      archive: file, index: after, base: base, lock: build.lock, origins: origins, limits: options.limits
    ).write(beside: archive)
  }

  /// Names a recipe by its path from the built one's directory, so that the same build gives the same file everywhere.
  private func placeInFile(_ place: Place) -> Place {
    let recipe = options.recipes.recipes.first { $0.file == place.file }
    return recipe.map { Place($0.path(from: build.directory), line: place.line) } ?? place
  }

  /// Looks for what would keep the overlay from working, and leaves out what the recipe accepts.
  func findings(_ files: Files) throws(OverlayError) -> [Finding] {
    let archive = "\(files.directory)/\(name)"
    let verifier = Verifier(
      archive: archive, base: try build.baseImage(), architecture: options.architecture,
      limits: options.limits)
    var findings = try verifier.findings()
    if options.required == nil {
      // Another overlay brings the agent and what starts it. Those that this one has must be right.
      let index = try ArchiveIndex(archive, limits: options.limits)
      findings.removeAll { finding in
        [.start, .agent].contains(finding.kind) && finding.path.map { index[$0] == nil } ?? true
      }
    }
    let ignored = options.recipes.built.ignored
    let idle = ignored.filter { item in !findings.contains(where: item.value.contains) }
    return findings.filter { finding in !ignored.contains { $0.value.contains(finding) } }
      + idle.map {
        Finding(
          .warning, .ignore, nil, "\($0.place): ignore: \($0.value) matches no finding: leave it out, or correct it")
      }
  }

  /// Moves the files into the cache.
  func keep(_ files: Files, in cache: LayerCache) throws(OverlayError) -> Files {
    let directory = cache.result(key)
    do throws(SystemError) {
      try FileSystem.makeDirectories(directory)
      for (source, place) in zip(paths(in: files.directory), paths(in: directory)) {
        try FileSystem.move(source, place)
      }
    } catch { throw OverlayError(error) }
    try CacheSeal.write(paths(in: directory), to: seal(in: directory))
    return Files(directory: directory, size: files.size, sha256: files.sha256)
  }

  /// Copies the files to the output, and writes the recipe's lock. All are complete before the first one gets its name. What
  /// stands beside the archive comes first: when a name cannot be given, the archive is the old one.
  ///
  /// - Parameter lock: the text of the lock; `nil` when it stays as it is.
  /// - Returns: whether the archive was there already, the same.
  func publish(_ files: Files, lock: String?) throws(OverlayError) -> Bool {
    var staged = StagedFiles()
    var isUnchanged = true
    for (source, place) in zip(paths(in: files.directory), BuildOutput.files(of: output.archive)).reversed() {
      let isArchive = place == output.archive
      let digest = isArchive ? files.sha256 : try FileDigest.sha256(of: source)
      if FileSystem.exists(place), try FileDigest.sha256(of: place, followsSymlinks: true) == digest { continue }
      if isArchive { isUnchanged = false }
      try staged.add(copyOf: source, to: place)
    }
    if let lock { try staged.add(Array(lock.utf8), to: build.lockPath) }
    try staged.finish()
    return isUnchanged
  }

  private func paths(in directory: String) -> [String] { BuildOutput.files(of: "\(directory)/\(name)") }

  private func seal(in directory: String) -> String { "\(directory)/sha256" }

  private func files(in directory: String) throws(OverlayError) -> Files {
    let path = "\(directory)/\(name)"
    var status = stat()
    guard stat(path, &status) == 0 else { throw .system("look at \(path)") }
    return Files(directory: directory, size: Int(status.st_size), sha256: try FileDigest.sha256(of: path))
  }
}
