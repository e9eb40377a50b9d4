import CELF

/// Finds libraries as the loader does (ld.so(8)): in the paths that a program or library brings along, in the directories of
/// the loader's configuration, then in the system's own.
struct LibrarySearch {
  let tree: MergedTree
  let configured: [[UInt8]]
  /// What a file of the overlay is.
  let facts: (OverlayPath) -> FileNature?

  /// A program, or a library that one has loaded.
  struct Object {
    /// The file itself, behind all symlinks.
    var path: OverlayPath
    var facts: ElfFacts
    /// The directory that it was found in (`$ORIGIN`).
    var origin: [UInt8]
    /// What loaded it: its place among the objects that are loaded.
    var loader: Int?
  }

  enum Result {
    /// A library of the overlay, the directory it was found in, and whether only the loader's configuration leads there.
    case inOverlay(OverlayPath, ElfFacts, directory: [UInt8], isConfigured: Bool)
    case inBase
    /// The base may have it.
    case unknown
    /// `wrong`: a file of that name that the loader does not take; `whiteout`: what removes it.
    case missing(wrong: OverlayPath?, whiteout: OverlayPath?)
  }

  func find(_ name: [UInt8], for index: Int, among loaded: [Object]) -> Result {
    let slash = UInt8(ascii: "/")
    let object = loaded[index]
    if name.contains(slash) {
      // A relative one depends on where the program is started.
      return name.first == slash ? look(for: [name], machine: object.facts.machine, configuredFrom: 1) : .unknown
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
    let brought = directories.count
    let system = systemDirectories(object.facts.machine, loader: loaded[0].facts.interpreter)
    directories += system + configured
    return look(
      for: directories.map { $0 + [slash] + name }, machine: object.facts.machine,
      configuredFrom: brought + system.count)
  }

  private func look(for candidates: [[UInt8]], machine: ElfMachine, configuredFrom: Int) -> Result {
    var (wrong, whiteout): (OverlayPath?, OverlayPath?)
    var isUnknown = false
    for (index, candidate) in candidates.enumerated() {
      switch tree.resolve(candidate) {
      case .unknown: isUnknown = true
      case .missing(.whiteout(let path)): whiteout = whiteout ?? path
      case .missing: break
      case .found(let node) where node.layer == .base:
        if node.kind == .file { return .inBase }
      case .found(let node):
        guard case .elf(let facts)? = facts(node.path), facts.kind == .loadable, facts.machine == machine else {
          wrong = wrong ?? node.path
          break
        }
        let directory = Array(candidate[..<(candidate.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
        return .inOverlay(node.path, facts, directory: directory, isConfigured: index >= configuredFrom)
      }
    }
    return isUnknown ? .unknown : .missing(wrong: wrong, whiteout: whiteout)
  }

  /// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`; the second is different from distribution to distribution.
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

  /// What is compiled into the loader.
  private func systemDirectories(_ machine: ElfMachine, loader: [UInt8]?) -> [[UInt8]] {
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
    if loader?.starts(with: "/lib/ld-musl-".utf8) == true { directories.append("/usr/local/lib") }
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
