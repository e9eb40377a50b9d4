import Glibc
import Overlay
import Recipes
import SystemFiles

/// `download`, `files` and `links` of one recipe: entries that need nothing to run.
struct FilesStep: BuildStep {
  let title = "files"
  let place: Place
  var places: [Place] {
    [place] + recipe.downloads.map(\.place) + recipe.files.map(\.place) + recipe.links.map(\.place)
  }
  private let recipe: Recipe
  /// What goes into the overlay, and what its origins are. Downloads come before files, and files before links.
  private var entries: [Entry] = []
  /// Where each of them came to be, behind symlinks of the overlay or the base image.
  private var paths: [OverlayPath] = []

  private struct Entry {
    var addition: OverlayChange.Addition
    let origin: Origin
    /// The digest of a file's contents, or the text of the others.
    let content: String
    /// What is fetched first.
    var download: Recipe.Download?
  }

  /// `nil` when the recipe has none of the three.
  init?(_ recipe: Recipe) {
    let places = recipe.downloads.map(\.place) + recipe.files.map(\.place) + recipe.links.map(\.place)
    guard let first = places.min() else { return nil }
    (self.recipe, place) = (recipe, first)
  }

  mutating func prepare(_ overlay: any OverlayState, _ build: BuildContext) throws(OverlayError) {
    for item in recipe.downloads {
      build.lock(Lock.Download(url: item.value.url, sha256: item.value.sha256))
      entries.append(Self.entry(item))
    }
    for item in recipe.files { entries += try Self.entries(item, in: recipe.directory) }
    for item in recipe.links {
      let addition = OverlayChange.Addition(
        item.value.path, .symlink(target: Array(item.value.target.utf8)), permissions: 0o777, place: "\(item.place)")
      entries.append(
        Entry(
          addition: addition, origin: .recipe(item.place, key: "links", detail: item.value.target),
          content: item.value.target))
    }
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) {
    for entry in entries {
      let addition = entry.addition
      key.add("path", addition.path.bytes)
      key.add("kind", "\(Self.word(addition.kind)) \(addition.permissions) \(addition.owner) \(addition.group)")
      key.add("content", entry.content)
    }
  }

  mutating func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    var change = OverlayChange()
    (change.writer, change.limits) = (LayerCache.writer, build.limits)
    for entry in entries {
      var addition = entry.addition
      if let download = entry.download {
        let path = try build.fetch(download.url, sha256: download.sha256, place: addition.place)
        addition.kind = .file(path)
      }
      change.additions.append(addition)
    }
    paths = try change.apply(
      to: try overlay.archive(), over: try build.baseImage(), result: result, scratch: build.scratch)
  }

  func origins(of changed: [OverlayPath], in archive: String) throws(OverlayError) -> [OverlayPath: Origin] {
    var origins: [OverlayPath: Origin] = [:]
    for (path, entry) in zip(paths, entries) { origins[path] = entry.origin }
    return origins
  }

  private static func entry(_ item: Located<Recipe.Download>) -> Entry {
    var addition = OverlayChange.Addition(
      item.value.target, .text([]), permissions: item.value.attributes.permissions ?? 0o644, place: "\(item.place)")
    (addition.owner, addition.group) = (item.value.attributes.owner, item.value.attributes.group)
    return Entry(
      addition: addition, origin: .recipe(item.place, key: "download", detail: item.value.url),
      content: item.value.sha256, download: item.value)
  }

  /// One entry, or those of a whole directory.
  private static func entries(_ item: Located<Recipe.File>, in directory: String) throws(OverlayError) -> [Entry] {
    let file = item.value
    func entry(
      _ path: OverlayPath, _ kind: OverlayChange.Addition.Kind, _ permissions: UInt32, content: String, detail: String
    ) -> Entry {
      var addition = OverlayChange.Addition(path, kind, permissions: permissions, place: "\(item.place)")
      (addition.owner, addition.group) = (file.attributes.owner, file.attributes.group)
      return Entry(addition: addition, origin: .recipe(item.place, key: "files", detail: detail), content: content)
    }
    switch file.origin {
    case .text(let text):
      return [
        entry(
          file.target, .text(Array(text.utf8)), file.attributes.permissions ?? 0o644, content: text, detail: "content")
      ]
    case .template(let path, let text):
      let permissions = file.attributes.permissions ?? usualPermissions(of: path)
      return [
        entry(file.target, .text(Array(text.utf8)), permissions, content: text, detail: shown(path, directory))
      ]
    case .directory:
      return [entry(file.target, .directory, file.attributes.permissions ?? 0o755, content: "", detail: "directory")]
    case .path(let path) where !FileSystem.isDirectory(path):
      if let problem = RecipeSource.problem(withFile: path, shown: shown(path, directory).printable) {
        throw OverlayError("\(item.place): \(problem)")
      }
      return [
        entry(
          file.target, .file(path), file.attributes.permissions ?? usualPermissions(of: path),
          content: try FileDigest.sha256(of: path), detail: shown(path, directory))
      ]
    case .path(let path):
      var entries: [Entry] = []
      for member in try SourceTree(path, name: shown(path, directory)).members() {
        let target = member.entry.path.components.reduce(file.target) { $0.appending($1) }
        let source = "\(path)/\(String(decoding: member.entry.path.bytes, as: UTF8.self))"
        let detail = member.entry.path.isRoot ? shown(path, directory) : shown(source, directory)
        switch member.entry.kind {
        case .directory: entries.append(entry(target, .anyDirectory, 0o755, content: "", detail: detail))
        case .symlink(let link):
          entries.append(
            entry(
              target, .symlink(target: link), 0o777, content: String(decoding: link, as: UTF8.self), detail: detail))
        case .file:
          guard String(validating: member.entry.path.bytes, as: UTF8.self) != nil else {
            throw OverlayError(
              "\(item.place): \(shown(path, directory)) has a file whose name is not UTF-8, \(member.entry.path): rename it"
            )
          }
          let usual: UInt32 = member.entry.permissions & 0o100 != 0 ? 0o755 : 0o644
          entries.append(
            entry(
              target, .file(source), file.attributes.permissions ?? usual, content: try FileDigest.sha256(of: source),
              detail: detail))
        default:
          throw OverlayError(
            "\(item.place): \(detail) is a \(member.entry.kind), which a recipe does not copy; make it in \"commands\"")
        }
      }
      return entries
    }
  }

  /// 0755 for a file that its owner may run, as git keeps it; the rest of the mode depends on the checkout.
  private static func usualPermissions(of path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & 0o100 != 0 ? 0o755 : 0o644
  }

  /// A path as the recipe has it.
  private static func shown(_ path: String, _ directory: String) -> String {
    path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.count + 1)) : path
  }

  private static func word(_ kind: OverlayChange.Addition.Kind) -> String {
    switch kind {
    case .file, .text: "file"
    case .symlink: "symlink"
    case .directory: "directory"
    case .anyDirectory: "any directory"
    }
  }
}
