import SystemFiles

/// Reads a recipe and all that it names.
struct RecipeLoader {
  /// Recipes that name each other.
  static let deepest = 32
  static let mostRecipes = 100

  private let permissions: Permissions
  /// Paths of `permissions`, with and without their symlinks.
  private var permitted: [String] = []
  private(set) var mistakes: [Mistake] = []
  /// In the order in which they are done.
  private(set) var included: [Recipe] = []
  /// Names of variables that recipes give values to, or ask for.
  private var knownVariables: Set<String> = []
  /// Bytes of all templates, with their variables filled in.
  private var filledBytes = 0
  /// Recipes that were begun, by their paths without symlinks.
  private var begun: Set<String> = []
  /// Those whose end is not reached: each names the next one.
  private var open: [(path: String, shown: String)] = []

  init(_ permissions: Permissions) { self.permissions = permissions }

  /// - Parameter variables: those of the command line.
  mutating func load(_ file: String, variables: [String: String]) -> Recipe? {
    let start = Place(file, line: 1)
    for path in permissions.paths {
      guard let resolved = Path.resolved(path) else {
        mistakes.append(Mistake(start, SystemError("allow \(path)").description))
        continue
      }
      permitted.append(resolved)
      // A recipe may name it by its symlinks, too. Behind a symlink ".." leads elsewhere than the text says.
      if !Path.components(path).contains(".."), let here = Path.resolved(".") {
        permitted.append(Confinement.withoutDots(path.hasPrefix("/") ? path : "\(here)/\(path)"))
      }
    }
    guard let path = Path.resolved(file) else {
      mistakes.append(Mistake(start, SystemError("open \(file)").description))
      return nil
    }
    let recipe = load(path, shown: file, outerVariables: variables)
    if mistakes.isEmpty {
      for name in variables.keys.sorted() where !knownVariables.contains(name) {
        let meant =
          Spelling.nearest(to: name, among: knownVariables.sorted()).map { "; did you mean \($0.quoted)?" } ?? ""
        mistakes.append(Mistake(start, "no recipe has the variable \(name.quoted) of --set\(meant)"))
      }
    }
    return recipe
  }

  /// - Parameters:
  ///   - path: without symlinks.
  ///   - shown: for people.
  private mutating func load(_ path: String, shown: String, outerVariables: [String: String]) -> Recipe? {
    begun.insert(path)
    open.append((path, shown))
    defer { open.removeLast() }
    let root: RecipeValue
    do throws(RecipeText.Problem) {
      let text = try RecipeText.read(path)
      do throws(Mistakes) { root = try RecipeValue(text: text, file: shown) } catch {
        mistakes += error.list
        return nil
      }
    } catch {
      mistakes.append(Mistake(Place(shown, line: error.line), error.message))
      return nil
    }
    let name = Self.name(of: shown)
    var recipe = Recipe(file: shown, path: path, name: Located(name, Place(shown, line: 1)))
    var reader = RecipeReader(
      shown, Confinement(recipe.directory, permitted: permitted), permissions: permissions,
      outerVariables: outerVariables)
    reader.filledBytes = filledBytes
    reader.read(root, into: &recipe)
    filledBytes = reader.filledBytes
    if !RecipeReader.isName(recipe.name.value), reader.mistakes.isEmpty {
      reader.report(
        root.place,
        "the file's name \(name.quoted) cannot be the overlay's: give the recipe a name, as in \"\(RecipeKey.name.example)\""
      )
    }
    mistakes += reader.mistakes
    knownVariables.formUnion(reader.usedVariables)
    knownVariables.formUnion(recipe.variables.keys)
    loadIncluded(of: recipe, reader)
    return recipe
  }

  private mutating func loadIncluded(of recipe: Recipe, _ reader: RecipeReader) {
    for source in recipe.from {
      guard case .recipe(let path) = source.value else { continue }
      if let first = open.firstIndex(where: { $0.path == path }) {
        let circle = (open[first...].map(\.shown) + [open[first].shown]).joined(separator: ", which names ")
        mistakes.append(Mistake(source.place, "a recipe cannot contain itself: \(circle) again"))
      } else if begun.contains(path) {
        continue
      } else if open.count >= Self.deepest {
        mistakes.append(Mistake(source.place, "more than \(Self.deepest) recipes name each other in a row"))
      } else if begun.count >= Self.mostRecipes {
        mistakes.append(
          Mistake(source.place, "one build has at most \(Self.mostRecipes) recipes; put some of them together"))
        return
      } else if let part = load(path, shown: Self.shown(path, by: reader), outerVariables: reader.variables) {
        included.append(part)
      }
    }
  }

  /// A recipe's path as people know it: beside the one that names it.
  private static func shown(_ path: String, by reader: RecipeReader) -> String {
    let inside = Path.components(reader.confinement.directory)
    let names = Path.components(path)
    return names.starts(with: inside) ? reader.shown(names.dropFirst(inside.count).joined(separator: "/")) : path
  }

  private static func name(of file: String) -> String {
    let name = Path.split(file).name
    for ending in [".yaml", ".yml"] where name.hasSuffix(ending) { return String(name.dropLast(ending.count)) }
    return name
  }
}
