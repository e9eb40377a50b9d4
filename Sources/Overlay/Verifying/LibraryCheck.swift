/// Whether what is linked dynamically finds its loader and its libraries on the node.
struct LibraryCheck {
  let overlay: InspectedOverlay
  /// The directories that ldconfig would put into the cache.
  let configured: [[UInt8]]

  private static let remedy =
    "run ldconfig in the overlay: monorail-overlay shell --base IMAGE OVERLAY -- ldconfig"

  private var tree: MergedTree { overlay.tree }

  func findings() throws(OverlayError) -> [Finding] {
    let (cache, problem) = try cache()
    let search = LibrarySearch(tree: tree, cache: cache, configured: configured, facts: overlay.archive.nature)
    var found = Set<Finding>()
    if let problem { found.insert(problem) }
    var loaded = Set<OverlayPath>()
    func check(_ path: OverlayPath, _ facts: ElfFacts) {
      var objects = [LibrarySearch.Object(path: path, facts: facts, origin: Self.directory(of: path), loader: nil)]
      var names = Set<[UInt8]>()
      // Many libraries need the loader, which is a library too, and in memory already.
      if let loader = facts.interpreter?.split(separator: UInt8(ascii: "/")).last { names.insert(Array(loader)) }
      var index = 0
      while index < objects.count {
        for name in objects[index].facts.needed where names.insert(name).inserted {
          func load(_ library: OverlayPath, _ facts: ElfFacts, _ directory: [UInt8]) {
            loaded.insert(library)
            if let soname = facts.name { names.insert(soname) }
            objects.append(LibrarySearch.Object(path: library, facts: facts, origin: directory, loader: index))
          }
          switch search.find(name, for: index, among: objects) {
          case .inBase, .unknown: break
          case .inOverlay(let library, let facts, let directory): load(library, facts, directory)
          case .notInCache(let path, let file, let isCertain):
            // Whoever loads a library may set LD_LIBRARY_PATH.
            let isError = isCertain && facts.interpreter != nil
            found.insert(notInCache(name, path, for: objects[index], isError: isError, cache))
            if let (library, facts) = file { load(library, facts, Self.directory(of: library)) }
          case .missing(let wrong, let whiteout):
            found.insert(missing(name, for: objects[index], root: facts, wrong: wrong, whiteout: whiteout))
          }
        }
        index += 1
      }
    }

    let objects = overlay.programsAndLibraries.filter { overlay.architecture.runs($0.facts.machine) }
    for (path, facts) in objects {
      guard let loader = facts.interpreter else { continue }
      if let finding = loaderFinding(path, facts, loader) { found.insert(finding) }
      check(path, facts)
    }
    // A library that no program of the overlay loads may be for a program of the base.
    for (path, facts) in objects where facts.interpreter == nil && !loaded.contains(path) { check(path, facts) }
    if let finding = try forgotten(cache, search) { found.insert(finding) }
    return Array(found)
  }

  private func loaderFinding(_ path: OverlayPath, _ facts: ElfFacts, _ loader: [UInt8]) -> Finding? {
    let name = OverlayPath.printable(loader)
    func finding(_ reason: String) -> Finding { Finding(.error, .loader, path, "cannot start: \(reason)") }
    switch tree.resolve(loader) {
    case .unknown: return nil
    case .missing(let reason): return finding("it needs the loader \(name), which \(reason)")
    case .found(let node):
      guard node.isExecutable else { return finding("its loader \(name) is no file that can be executed") }
      guard node.layer == .overlay else { return nil }
      if case .elf(let loader)? = overlay.archive.nature(of: node.path), loader.machine == facts.machine { return nil }
      return finding("its loader \(name) is no program for \(facts.machine)")
    }
  }

  private func missing(
    _ name: [UInt8], for object: LibrarySearch.Object, root: ElfFacts, wrong: OverlayPath?, whiteout: OverlayPath?
  ) -> Finding {
    let library = OverlayPath.printable(name)
    let place =
      tree.base == nil
      ? "which is not where the loader looks" : "which is neither in the overlay nor in the base where the loader looks"
    var message = "needs the library \(library), \(place)"
    if let wrong {
      message += "; \(wrong) is no library for \(object.facts.machine)"
    } else if let whiteout {
      message += "; \(whiteout) is a whiteout"
    } else if let other = overlay.programsAndLibraries.first(where: {
      $0.path.name.elementsEqual(name) && $0.facts.machine == object.facts.machine
    }) {
      message +=
        "; there is \(other.path), which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in"
        + " etc/ld.so.conf.d makes the loader find"
      // Whoever loads such a library may set LD_LIBRARY_PATH.
      if root.interpreter == nil { return Finding(.warning, .library, object.path, message) }
    }
    return Finding(.error, .library, object.path, message)
  }

  private static func directory(of path: OverlayPath) -> [UInt8] {
    let parent = path.parent?.bytes ?? []
    return Array("/".utf8) + parent
  }
}

// MARK: - The cache

extension LibraryCheck {
  /// The cache that the node will have, and what is the matter with it.
  private func cache() throws(OverlayError) -> (LibrarySearch.Cache, Finding?) {
    switch tree.resolve(LoaderCache.path) {
    case .unknown: return (.unknown, nil)
    case .missing: return (.known(nil), nil)
    case .found(let node):
      let cache = LoaderCache(try overlay.contents(of: node, limit: 16 << 20))
      guard cache == nil, node.layer == .overlay else { return (.known(cache), nil) }
      return (
        .known(nil),
        Finding(
          .warning, .cache, node.path,
          "is no cache that the loader can read, so that the loader passes over it;"
            + " \(Self.remedy)")
      )
    }
  }

  private func notInCache(
    _ name: [UInt8], _ path: [UInt8], for object: LibrarySearch.Object, isError: Bool, _ cache: LibrarySearch.Cache
  ) -> Finding {
    let place = OverlayPath.printable(path)
    let reason =
      switch cache {
      case .known(nil): "the loader finds that only through \(LoaderCache.path), and there is none"
      case .known: "the loader finds that only through \(LoaderCache.path), which does not list it"
      case .unknown: "the loader finds that only when the base's \(LoaderCache.path) lists it"
      }
    return Finding(
      isError ? .error : .warning, .cache, object.path,
      "needs the library \(OverlayPath.printable(name)), which is \(place): \(reason); \(Self.remedy)")
  }

  /// The overlay's cache takes the place of the base's: libraries that only the base's lists are not found any more.
  private func forgotten(_ cache: LibrarySearch.Cache, _ search: LibrarySearch) throws(OverlayError) -> Finding? {
    guard case .found(let node) = tree.resolve(LoaderCache.path), node.layer == .overlay,
      case .known(let own?) = cache, let below = tree.base?[node.path], below.kind == .file,
      let old = LoaderCache(try overlay.contents(of: below, limit: 16 << 20))
    else { return nil }
    let machine = overlay.architecture.native
    let system = search.systemDirectories(machine)
    let lost = old.libraries.filter { library in
      let directory = Array(library.path[..<(library.path.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
      guard old.isFor(machine, library), !system.contains(directory), own.paths(of: library.name, for: machine).isEmpty,
        case .found = tree.resolve(library.path)
      else { return false }
      return true
    }
    guard let first = lost.map({ OverlayPath.printable($0.path) }).min() else { return nil }
    let others = lost.count == 1 ? "" : " and \(lost.count - 1) more"
    return Finding(
      .error, .cache, node.path,
      "does not list \(first)\(others), which the base's cache lists: programs of the base do not find it any more;"
        + " \(Self.remedy)")
  }
}
