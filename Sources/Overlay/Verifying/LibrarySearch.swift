import CELF

/// Finds libraries as the loader does (ld.so(8)): in the paths that a program or library brings along, in the loader's cache,
/// then in the directories that are compiled into the loader.
struct LibrarySearch {
  enum Cache {
    /// The overlay or the base has one, or (`nil`) neither has one that can be read.
    case known(LoaderCache?)
    /// The base may have one.
    case unknown
  }

  let tree: MergedTree
  let cache: Cache
  /// The directories that ldconfig would put into the cache.
  let configured: [[UInt8]]
  /// What a file of the overlay is.
  let facts: (OverlayPath) -> FileNature?

  /// A program, or a library that a program has loaded.
  struct Object {
    /// The file itself, behind all symlinks.
    var path: OverlayPath
    var facts: ElfFacts
    /// The directory that the object was found in (`$ORIGIN`).
    var origin: [UInt8]
    /// What loaded it: its place among the objects that are loaded.
    var loader: Int?
  }

  enum Result {
    case inOverlay(OverlayPath, ElfFacts, directory: [UInt8])
    case inBase
    /// The base may have it.
    case unknown
    /// It is where ldconfig would find it, but the cache does not list it. `path`: as the loader would name it; `isCertain`:
    /// whether that is the cache which the node will have, and the library is in no directory of the system's either.
    case notInCache(path: [UInt8], (OverlayPath, ElfFacts)?, isCertain: Bool)
    /// `wrong`: a file of that name that the loader does not take; `whiteout`: what removes it.
    case missing(wrong: OverlayPath?, whiteout: OverlayPath?)
  }

  func find(_ name: [UInt8], for index: Int, among loaded: [Object]) -> Result {
    let slash = UInt8(ascii: "/")
    let object = loaded[index]
    let machine = object.facts.machine
    if name.contains(slash) {
      // A relative one depends on where the program is started.
      return name.first == slash ? look(for: [name], machine: machine).result : .unknown
    }
    var directories: [[UInt8]] = []
    if object.facts.runpath.isEmpty {
      var next: Int? = index
      while let place = next {
        if loaded[place].facts.runpath.isEmpty {
          directories += loaded[place].facts.rpath.flatMap { expand($0, loaded[place]) }
        }
        next = loaded[place].loader
      }
    } else {
      directories += object.facts.runpath.flatMap { expand($0, object) }
    }
    var candidates = directories.map { $0 + [slash] + name }
    let loader = loaded[0].facts.interpreter
    // musl's loader has no cache.
    let isMusl = loader?.starts(with: "/lib/ld-musl-".utf8) == true
    if !isMusl, case .known(let cache?) = cache { candidates += cache.paths(of: name, for: machine) }
    candidates += systemDirectories(machine, isMusl: isMusl).map { $0 + [slash] + name }
    let result = look(for: candidates, machine: machine).result
    switch result {
    case .missing, .unknown:
      guard !isMusl, let found = findUncached(name, machine, result) else { return result }
      return found
    default: return result
    }
  }

  /// Looks where ldconfig would.
  private func findUncached(_ name: [UInt8], _ machine: ElfMachine, _ others: Result) -> Result? {
    let (result, path) = look(for: configured.map { $0 + [UInt8(ascii: "/")] + name }, machine: machine)
    var isCertain = if case .missing = others { true } else { false }
    if case .unknown = cache { isCertain = false }
    switch result {
    case .inOverlay(let library, let facts, _): return .notInCache(path: path, (library, facts), isCertain: isCertain)
    case .inBase: return .notInCache(path: path, nil, isCertain: isCertain)
    default: return nil
    }
  }

  /// - Returns: what is there, and the candidate that led to it.
  private func look(for candidates: [[UInt8]], machine: ElfMachine) -> (result: Result, path: [UInt8]) {
    var (wrong, whiteout): (OverlayPath?, OverlayPath?)
    var isUnknown = false
    for candidate in candidates {
      switch tree.resolve(candidate) {
      case .unknown: isUnknown = true
      case .missing(.whiteout(let path)): whiteout = whiteout ?? path
      case .missing: break
      case .found(let node) where node.layer == .base:
        if node.kind == .file { return (.inBase, candidate) }
      case .found(let node):
        guard case .elf(let facts)? = facts(node.path), facts.kind == .loadable, facts.machine == machine else {
          wrong = wrong ?? node.path
          break
        }
        let directory = Array(candidate[..<(candidate.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
        return (.inOverlay(node.path, facts, directory: directory), candidate)
      }
    }
    return (isUnknown ? .unknown : .missing(wrong: wrong, whiteout: whiteout), [])
  }

  /// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`. `$LIB` differs from distribution to distribution: all its values are tried.
  private func expand(_ directory: [UInt8], _ object: Object) -> [[UInt8]] {
    let names = object.facts.machine.libraryNames
    let platform = names?.triplet.split(separator: "-").first.map(String.init) ?? ""
    let libraries = names.map { ["lib/\($0.triplet)", $0.plain] } ?? ["lib"]
    return libraries.map { library in
      var result = directory
      for (variable, value) in [
        ("ORIGIN", object.origin), ("LIB", Array(library.utf8)), ("PLATFORM", Array(platform.utf8)),
      ] {
        result.replace("${\(variable)}", with: value)
        result.replace("$\(variable)", with: value)
      }
      return result
    }
  }

  /// The directories that are compiled into the loader.
  func systemDirectories(_ machine: ElfMachine, isMusl: Bool = false) -> [[UInt8]] {
    var directories: [String] = []
    if let (triplet, plain) = machine.libraryNames {
      let multiarch = ["/lib/\(triplet)", "/usr/lib/\(triplet)"]
      let others = ["/\(plain)", "/usr/\(plain)"]
      // A loader of Debian's looks into directories named after the machine, others into lib64.
      let isDebian = tree.base.map { base in
        [triplet, "lib/\(triplet)", "usr/lib/\(triplet)"].contains { name in
          (try? OverlayPath(name)).map { base[$0]?.kind == .directory } == true
        }
      }
      directories += isDebian == false ? others : isDebian == true ? multiarch : multiarch + others
    }
    directories += ["/lib", "/usr/lib"]
    if isMusl { directories.append("/usr/local/lib") }
    return directories.map { Array($0.utf8) }
  }
}

extension [UInt8] {
  fileprivate mutating func replace(_ text: String, with value: [UInt8]) {
    let text = Array(text.utf8)
    var index = 0
    while index + text.count <= count {
      if self[index..<(index + text.count)].elementsEqual(text) {
        replaceSubrange(index..<(index + text.count), with: value)
        index += value.count
      } else {
        index += 1
      }
    }
  }
}
