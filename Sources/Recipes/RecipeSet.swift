/// A recipe and all recipes that it names, in the order in which they are done: each one once, before the first that names it.
public struct RecipeSet: Sendable {
  /// The last one is the recipe that is built.
  public var recipes: [Recipe] { included + [built] }
  public let included: [Recipe]
  public let built: Recipe

  public init(_ built: Recipe, included: [Recipe] = []) { (self.built, self.included) = (built, included) }

  /// Reads a recipe and all that it names, and fills in its templates.
  ///
  /// - Parameters:
  ///   - path: of the recipe that is built.
  ///   - variables: values that win over those of recipes.
  /// - Throws: all that is wrong, each with file and line, and what is right.
  public init(
    contentsOf path: String, permissions: Permissions = Permissions(), variables: [String: String] = [:]
  ) throws(Mistakes) {
    var loader = RecipeLoader(permissions)
    guard let built = loader.load(path, variables: variables), loader.mistakes.isEmpty else {
      throw Mistakes(loader.mistakes)
    }
    self.init(built, included: loader.included)
  }
}

/// What recipes may reach besides their own directories.
public struct Permissions: Sendable, Equatable {
  /// Paths of this machine: files, or directories with all that is in them.
  public var paths: [String] = []
  /// Whether commands may have a network.
  public var hasNetwork = false

  public init() {}
}

/// All that is wrong with a recipe and those that it names.
public struct Mistakes: Error, Sendable, CustomStringConvertible {
  /// Sorted; never empty.
  public let list: [Mistake]

  public init(_ list: [Mistake]) { self.list = list.sorted() }

  /// A line for each, at most 50.
  public var description: String {
    let most = 50
    let rest = list.count > most ? ["and \(list.count - most) more"] : []
    return (list.prefix(most).map(\.description) + rest).joined(separator: "\n")
  }
}
