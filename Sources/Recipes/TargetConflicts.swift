import Overlay

/// Finds files, links and downloads of one recipe that cannot all be on the node.
enum TargetConflicts {
  private struct Target {
    let path: OverlayPath
    let place: Place
    let isDirectory: Bool
  }

  static func mistakes(in recipe: Recipe) -> [Mistake] {
    let downloads = recipe.downloads.map { Target(path: $0.value.target, place: $0.place, isDirectory: false) }
    let files = recipe.files.map { Target(path: $0.value.target, place: $0.place, isDirectory: isDirectory($0.value)) }
    let links = recipe.links.map { Target(path: $0.value.path, place: $0.place, isDirectory: false) }
    var mistakes: [Mistake] = []
    var known: [OverlayPath: Target] = [:]
    let targets = (downloads + files + links).sorted { $0.place < $1.place }
    for target in targets {
      if let first = known[target.path] {
        mistakes.append(
          Mistake(target.place, "/\(target.path) is made in line \(first.place.line) already: remove one of them"))
      } else {
        known[target.path] = target
      }
    }
    // Sorted by path, what is in a directory comes right behind it.
    var above: Target?
    for target in known.values.sorted(by: { $0.path < $1.path }) {
      if let above, target.path.isInside(above.path) {
        mistakes.append(
          Mistake(
            target.place,
            "/\(target.path) cannot be made: line \(above.place.line) makes /\(above.path), which is no directory"))
      } else if !target.isDirectory {
        above = target
      }
    }
    return mistakes
  }

  private static func isDirectory(_ file: Recipe.File) -> Bool {
    switch file.origin {
    case .directory: true
    case .path(let path): FileKind(of: path) == .directory
    case .text, .template: false
    }
  }
}
