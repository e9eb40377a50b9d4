import Overlay
import Recipes
import SystemFiles

/// The steps of a build, in their order.
enum Plan {
  static func steps(_ recipes: RecipeSet) -> [any BuildStep] { recipes.recipes.flatMap(steps) }

  private static func steps(_ recipe: Recipe) -> [any BuildStep] {
    var steps: [any BuildStep] = []
    for source in recipe.from {
      guard case .archive(let path) = source.value else { continue }
      steps.append(MergeStep(path, name: name(of: path, in: recipe.directory), source.place))
    }
    if let step = PackagesStep(recipe) { steps.append(step) }
    if let step = FilesStep(recipe) { steps.append(step) }
    if let step = ModulesStep(recipe) { steps.append(step) }
    steps += recipe.commands.map { CommandStep($0) }
    if let step = ServicesStep(recipe) { steps.append(step) }
    if let step = HooksStep(recipe) { steps.append(step) }
    if let step = RemoveStep(recipe) { steps.append(step) }
    return steps
  }

  /// A path as it is on every machine: as the recipe has it, or only the file's name where the path leaves the directory.
  private static func name(of path: String, in directory: String) -> String {
    path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.utf8.count + 1)) : Path.split(path).name
  }
}
