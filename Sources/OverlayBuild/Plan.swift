import Overlay
import Recipes
import SystemFiles

/// The steps of a build, in their order.
struct Plan {
  private(set) var steps: [any BuildStep] = []
  /// Recipes whose steps are not there yet, by their paths.
  private var pending: [String: Recipe]

  init(_ recipes: RecipeSet) {
    pending = Dictionary(recipes.included.map { ($0.path, $0) }) { $1 }
    add(recipes.built)
  }

  /// Adds what a recipe begins with, in its order, and then the recipe's own steps. A recipe that several name is done once.
  private mutating func add(_ recipe: Recipe) {
    for source in recipe.from {
      switch source.value {
      case .recipe(let path): if let part = pending.removeValue(forKey: path) { add(part) }
      case .archive(let path):
        steps.append(MergeStep(path, name: Self.name(of: path, in: recipe.directory), source.place))
      }
    }
    if let step = PackagesStep(recipe) { steps.append(step) }
    if let step = FilesStep(recipe) { steps.append(step) }
    if let step = ModulesStep(recipe) { steps.append(step) }
    steps += recipe.commands.map { CommandStep($0) }
    if let step = ServicesStep(recipe) { steps.append(step) }
    if let step = HooksStep(recipe) { steps.append(step) }
    if let step = RemoveStep(recipe) { steps.append(step) }
  }

  /// A path as it is on every machine: as the recipe has it, or only the file's name where the path leaves the directory.
  private static func name(of path: String, in directory: String) -> String {
    path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.utf8.count + 1)) : Path.split(path).name
  }
}
