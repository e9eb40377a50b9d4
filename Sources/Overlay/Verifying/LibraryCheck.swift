/// Whether what is linked dynamically finds its loader and its libraries on the node.
struct LibraryCheck {
  let overlay: InspectedOverlay
  let configured: [[UInt8]]

  private var tree: MergedTree { overlay.tree }

  func findings() -> [Finding] {
    let search = LibrarySearch(tree: tree, configured: configured, facts: overlay.archive.nature)
    var found = Set<Finding>()
    var loaded = Set<OverlayPath>()
    var configuredDirectories: [[UInt8]: OverlayPath] = [:]
    func check(_ path: OverlayPath, _ facts: ElfFacts) {
      var objects = [LibrarySearch.Object(path: path, facts: facts, origin: Self.directory(of: path), loader: nil)]
      var names = Set<[UInt8]>()
      // The loader itself is a library that many name, and it is there already.
      if let loader = facts.interpreter?.split(separator: UInt8(ascii: "/")).last { names.insert(Array(loader)) }
      var index = 0
      while index < objects.count {
        for name in objects[index].facts.needed where names.insert(name).inserted {
          switch search.find(name, for: index, among: objects) {
          case .inBase, .unknown: break
          case .inOverlay(let library, let facts, let directory, let isConfigured):
            loaded.insert(library)
            if let soname = facts.name { names.insert(soname) }
            if isConfigured, configuredDirectories[directory].map({ library < $0 }) ?? true {
              configuredDirectories[directory] = library
            }
            objects.append(LibrarySearch.Object(path: library, facts: facts, origin: directory, loader: index))
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
    // What no program of the overlay loads may be loaded by one of the base.
    for (path, facts) in objects where facts.interpreter == nil && !loaded.contains(path) { check(path, facts) }
    return found + cacheFindings(configuredDirectories)
  }

  private func loaderFinding(_ path: OverlayPath, _ facts: ElfFacts, _ loader: [UInt8]) -> Finding? {
    let name = OverlayPath.printable(loader)
    switch tree.resolve(loader) {
    case .unknown: return nil
    case .missing(let reason):
      return Finding(.error, path, "cannot start: it needs the loader \(name), which \(reason)")
    case .found(let node):
      guard node.isExecutable else {
        return Finding(.error, path, "cannot start: its loader \(name) is no file that can be executed")
      }
      guard node.layer == .overlay else { return nil }
      if case .elf(let loader)? = overlay.archive.nature(of: node.path), loader.machine == facts.machine { return nil }
      return Finding(.error, path, "cannot start: its loader \(name) is no program for \(facts.machine)")
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
      // Who loads such a library may well see to that.
      if root.interpreter == nil { return Finding(.warning, object.path, message) }
    }
    return Finding(.error, object.path, message)
  }

  /// The loader reads not the configuration but the cache that ldconfig makes of it.
  private func cacheFindings(_ directories: [[UInt8]: OverlayPath]) -> [Finding] {
    if overlay.archive.entries.keys.contains(where: { $0.bytes == Array("etc/ld.so.cache".utf8) }) { return [] }
    return directories.map { directory, library in
      Finding(
        .warning, library,
        "is found through etc/ld.so.conf, but only when the cache is new: run ldconfig in the overlay's shell, so that"
          + " it has an etc/ld.so.cache, or move it out of \(OverlayPath.printable(directory)) into a directory of the system's"
      )
    }
  }

  private static func directory(of path: OverlayPath) -> [UInt8] {
    let parent = path.parent?.bytes ?? []
    return Array("/".utf8) + parent
  }
}
