import Glibc
import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// Builds kernel modules from their source for the base image's kernel, and installs them.
///
/// They are built over the base image alone, in a workspace that is thrown away: neither the compiler nor the kernel's headers
/// get into the overlay. What was built is kept in the cache under a key of its own, so that a change of another part of the
/// recipe does not install the headers again.
struct ModulesStep: BuildStep {
  let title = "modules"
  let needsWorkspace = true
  let place: Place

  private let recipe: Recipe
  private var kernel = ""
  /// The kernel's headers, with the compiler that it was built with.
  private var headers: [Lock.Package] = []
  /// For each module, an archive of its source.
  private var sources: [Lock.File] = []
  /// The names of the files that were built, and which module of the recipe they belong to.
  private var built: [String: Int] = [:]

  /// - Returns: `nil` for a recipe without modules.
  init?(_ recipe: Recipe) {
    guard let first = recipe.modules.map(\.place).min() else { return nil }
    (self.recipe, place) = (recipe, first)
  }

  var places: [Place] { [place] + recipe.modules.map(\.place) }

  mutating func prepare(_ overlay: any OverlayState, _ build: BuildContext) throws(OverlayError) {
    kernel = try Self.kernel(of: build, place)
    let directory = try build.makeSharedDirectory("modules")
    sources = []
    for (index, module) in recipe.modules.enumerated() {
      sources.append(try pack(module, to: directory.file("\(index).cpio")))
    }
    var request = PackageRequest(recipe, key: title, place: place, build)
    for name in ["linux-headers-\(kernel)", "make"] {
      request.names.append(Located(PackageRequest.Name(name: name), place))
    }
    do throws(OverlayError) {
      headers = try PackageResolver(request, build).packages(after: nil) { () throws(OverlayError) in
        let empty = directory.file("empty.cpio.zst")
        try build.makeEmptyOverlay(empty)
        return empty
      }
    } catch {
      guard error.message.hasSuffix("the archives have no package linux-headers-\(kernel)") else { throw error }
      throw OverlayError(
        error.message,
        remedy:
          "Archives keep only the newest kernels: name a snapshot that has this one under \"archives\", or make a base"
          + " image with a new kernel.")
    }
  }

  private static func kernel(of build: BuildContext, _ place: Place) throws(OverlayError) -> String {
    let kernels = try build.baseImage().kernels.sorted()
    guard let kernel = kernels.first, kernels.count == 1 else {
      let found = kernels.isEmpty ? "it has none" : "it has those of \(kernels.joined(separator: ", "))"
      throw OverlayError(
        "\(place): modules: the base image \(build.base.path) must have the modules of one kernel in /lib/modules, for which"
          + " others are built, but \(found)")
    }
    // It becomes a part of a command line.
    guard kernel.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"'\"\\$*?[".utf8.contains($0) }) else {
      throw OverlayError("\(place): modules: \(OverlayPath.printable(Array(kernel.utf8))) is no release of a kernel")
    }
    return kernel
  }

  private func pack(_ module: Located<Recipe.Module>, to archive: String) throws(OverlayError) -> Lock.File {
    let source = module.value.source
    guard ["Makefile", "Kbuild"].contains(where: { FileSystem.exists("\(source)/\($0)") }) else {
      throw OverlayError(
        "\(module.place): modules: \(source) has no Makefile for the kernel's build system; for hello.c a line is enough:"
          + " obj-m := hello.o")
    }
    var packer = Packer()
    packer.writer = ArchiveWriter(compression: .none)
    packer.dropsAttributes = true
    do throws(OverlayError) {
      try packer.pack(source, to: archive)
      return Lock.File(name: archive, sha256: try FileDigest.sha256(of: archive))
    } catch { throw error.at(module.place) }
  }

  private func addSources(to key: inout InputKey) {
    key.add("kernel", kernel)
    for package in headers { key.add("headers", package.sha256) }
    for source in sources { key.add("source", source.sha256) }
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) {
    addSources(to: &key)
    for module in recipe.modules {
      key.add("place", module.value.place)
      key.add("loaded", "\(module.value.isLoaded)")
    }
  }

  mutating func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    var key = InputKey()
    key.add("built modules", "1")
    key.add("base", build.base.sha256)
    addSources(to: &key)
    let archive = build.builtModules(key.finish())
    let directory = try build.makeSharedDirectory("built")
    let seal = archive + ".sha256"
    if CacheSeal.holds([archive], seal) {
      for file in [archive, seal] { utimensat(AT_FDCWD, file, nil, 0) }
    } else {
      try make(archive, build)
      try build.base.check()
      try CacheSeal.write([archive], to: seal)
    }
    try note(try ArchiveIndex(archive, limits: build.limits))
    _ = try Unpacker().unpack(archive, to: directory.file("modules"))
    var script = BuildContext.Script(text: Self.installation, name: "the installation of the modules", place: place)
    script.arguments =
      [kernel]
      + recipe.modules.enumerated().flatMap { ["\($0)", $1.value.place, $1.value.isLoaded ? "load" : "keep"] }
    script.binds = [
      Workspace.Bind(source: directory.file("modules"), destination: Self.directory, isReadOnly: true)
    ]
    let code = try build.exitCode(of: script, in: try overlay.archive(), to: result)
    guard code != Self.noDepmod else {
      throw OverlayError(
        "\(place): modules: neither the base image nor the overlay has depmod, without whose lists modprobe finds no module;"
          + " add kmod to the packages")
    }
    guard code == 0 else { throw OverlayError("\(place): modules: the installation ended with \(code)") }
  }

  /// Notes which files were built.
  ///
  /// - Parameter modules: what the workspace has left: a directory for each module of the recipe. Its Makefile may have put
  ///   something else there.
  private mutating func note(_ modules: ArchiveIndex) throws(OverlayError) {
    built = [:]
    for entry in modules.entries where !entry.path.isRoot {
      let names = entry.path.components.map { String(decoding: $0, as: UTF8.self) }
      guard let index = Int(names[0]), recipe.modules.indices.contains(index) else { throw notBuilt(entry) }
      switch (entry.kind, names.count) {
      case (.directory, 1): continue
      case (.file, 2) where names[1].hasSuffix(".ko"): break
      default: throw notBuilt(entry)
      }
      if let other = built.updateValue(index, forKey: names[1]) {
        throw OverlayError(
          "\(recipe.modules[index].place): modules: \(names[1]) is built by \(recipe.modules[other].place) too: two modules"
            + " cannot have one name")
      }
    }
  }

  private func notBuilt(_ entry: Entry) -> OverlayError {
    OverlayError(
      "\(place): modules: a Makefile has put \(entry.path), a \(entry.kind), where only built modules belong;"
        + " it must leave \(Self.directory) alone")
  }

  private static let directory = "/run/monorail-modules"
  private static let noDepmod: Int32 = 91

  /// `$1` is the kernel; then, for each module, its number, its place, and whether it is loaded at boot.
  private static let installation = """
    command -v depmod >/dev/null || exit \(noDepmod)
    release=$1
    shift
    hooks=/opt/rc.local.hooks
    while [ $# -gt 0 ]; do
      target=/lib/modules/$release/$2
      mkdir -p "$target"
      for module in \(directory)/"$1"/*.ko; do
        name=${module##*/}
        # A link or a file of other attributes must not decide about what is installed.
        rm -f "$target/$name"
        cp "$module" "$target/$name"
        chmod 644 "$target/$name"
        name=${name%.ko}
        [ "$3" = load ] || continue
        mkdir -p /opt
        [ -e "$hooks" ] || echo '#!/bin/sh' >"$hooks"
        grep -qxF "modprobe $name" "$hooks" || echo "modprobe $name" >>"$hooks"
        chmod 755 "$hooks"
      done
      shift 3
    done
    depmod "$release"
    """

  // MARK: - Building

  private enum Stop: Int32 {
    case headers = 95
    case make, nothing
  }

  /// `$1` is the kernel; the others are options for apt-get.
  ///
  /// Paths in the workspace are the same on every machine: some of them get into the modules.
  private static let building = """
    release=$1
    shift
    install_packages "$@"
    build=/lib/modules/$release/build
    [ -e "$build/Makefile" ] || exit \(Stop.headers.rawValue)
    cd \(directory)
    mkdir built
    for source in source/*; do
      number=${source##*/}
      echo "$number" >current
      # What somebody has built there before may be for another kernel.
      make -C "$build" M="\(directory)/$source" clean >>log 2>&1 || exit \(Stop.make.rawValue)
      make -C "$build" M="\(directory)/$source" "-j$(nproc)" modules >>log 2>&1 || exit \(Stop.make.rawValue)
      mkdir "built/$number"
      # Symbols for debuggers are most of the file. A node has its files in RAM.
      find "$source" -name '*.ko' -exec strip --strip-debug {} + -exec cp -t "built/$number" {} +
      [ "$(echo "built/$number"/*.ko)" != "built/$number/*.ko" ] || exit \(Stop.nothing.rawValue)
    done
    """

  /// Builds all modules, and packs them: a directory for each module of the recipe.
  private func make(_ archive: String, _ build: BuildContext) throws(OverlayError) {
    let directory = try build.makeSharedDirectory("make")
    try directory.makeDirectory("source")
    for (index, source) in sources.enumerated() {
      _ = try Unpacker().unpack(source.name, to: directory.file("source/\(index)"))
    }
    let empty = directory.file("empty.cpio.zst")
    try build.makeEmptyOverlay(empty)
    build.say("\(place): modules: building them for the kernel \(kernel)")
    let code = try PackageInstaller(headers, key: title, place, build).run(
      Self.building, arguments: [kernel] + PackageInstaller.withoutDocumentation,
      binds: [directory.bind(at: Self.directory)], in: empty, to: nil)
    guard code == 0 else { throw try explain(code, directory) { build.say($0) } }
    // A Makefile can exchange it for a symlink, which leads to a directory of this machine.
    var status = stat()
    guard lstat(directory.file("built"), &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw OverlayError(
        "\(place): modules: a Makefile has replaced the directory of the built modules; it must leave \(Self.directory) alone"
      )
    }
    var packer = Packer()
    packer.writer = LayerCache.writer
    try packer.pack(directory.file("built"), to: archive)
  }

  private func explain(
    _ code: Int32, _ directory: SharedDirectory, _ say: (String) -> Void
  ) throws(OverlayError) -> OverlayError {
    let number = Int(try directory.text("current", place).prefix { $0.isNumber }) ?? 0
    let module = recipe.modules.indices.contains(number) ? recipe.modules[number] : recipe.modules[0]
    let what = "\(module.place): modules: \(module.value.source)"
    switch Stop(rawValue: code) {
    case .headers:
      return OverlayError(
        "\(place): modules: the packages of the kernel's headers have no /lib/modules/\(kernel)/build")
    case .make:
      for line in try directory.end(of: "log", place).split(separator: "\n").suffix(200) {
        say(String(line))
      }
      return OverlayError("\(what) cannot be built for the kernel \(kernel): what make has printed stands above")
    case .nothing:
      return OverlayError("\(what): its Makefile builds no module: it needs a line as obj-m := hello.o")
    case nil: return OverlayError("\(what): the build of the modules ended with \(code)")
    }
  }

  func origins(of changed: [OverlayPath], in archive: String) throws(OverlayError) -> [OverlayPath: Origin] {
    var origins: [OverlayPath: Origin] = [:]
    for path in changed {
      guard let index = built[String(decoding: path.name, as: UTF8.self)],
        path.description.hasSuffix(
          "lib/modules/\(kernel)/\(recipe.modules[index].value.place)/\(OverlayPath.printable(path.name))")
      else { continue }
      let module = recipe.modules[index]
      let source = module.value.source
      let detail =
        source.hasPrefix(recipe.directory + "/") ? String(source.dropFirst(recipe.directory.count + 1)) : source
      origins[path] = .recipe(module.place, key: title, detail: detail)
    }
    return origins
  }
}
