import Overlay
import SystemFiles

/// Reads the value of each key of one recipe. After a mistake it goes on, so that a person sees all of them at once.
struct RecipeReader {
  /// Packages that one recipe may name. The most that a base image of Debian has is some hundred.
  static let mostPackages = 1000
  /// Bytes that the templates of a build may have together, with their variables filled in.
  static let mostFilledBytes = 64 << 20
  /// Mistakes that are kept of one recipe.
  static let mostMistakes = 1000

  /// The directory of the recipe, as it is shown to people.
  let shownDirectory: String
  let confinement: Confinement
  let permissions: Permissions
  /// Values that win over the recipe's own: those of the recipes that name it, and of the command line.
  let outerVariables: [String: String]

  var mistakes: [Mistake] = []
  /// Those of the templates so far, of this recipe and those before.
  var filledBytes = 0
  /// The values that templates get.
  private(set) var variables: [String: String] = [:]
  /// Names of variables that templates ask for.
  private(set) var usedVariables: Set<String> = []
  /// Paths of `files` that were looked at.
  var checkedSources: Set<String> = []

  /// - Parameter file: the recipe's path, as it is shown to people.
  init(_ file: String, _ confinement: Confinement, permissions: Permissions, outerVariables: [String: String]) {
    shownDirectory = Path.split(file).directory
    (self.confinement, self.permissions, self.outerVariables) = (confinement, permissions, outerVariables)
  }

  /// - Parameter recipe: gets what the keys say, as far as that is no mistake.
  mutating func read(_ root: RecipeValue, into recipe: inout Recipe) {
    guard root.shape == .map else {
      report(root.place, "a recipe is a map of keys and values, as in \"\(RecipeKey.packages.example)\"")
      return
    }
    var values: [RecipeKey: RecipeValue] = [:]
    for (key, value) in root.entries {
      guard let known = RecipeKey(rawValue: key.value) else {
        reportUnknown(key, among: RecipeKey.allCases.map(\.rawValue), in: "a recipe")
        continue
      }
      values[known] = value
    }
    // Templates need them.
    if let value = values.removeValue(forKey: .variables) { recipe.variables = readVariables(value) }
    variables = recipe.variables.mapValues(\.value).merging(outerVariables) { $1 }
    for key in RecipeKey.allCases { if let value = values[key] { read(key, value, into: &recipe) } }
    mistakes += TargetConflicts.mistakes(in: recipe)
  }

  private mutating func read(_ key: RecipeKey, _ value: RecipeValue, into recipe: inout Recipe) {
    switch key {
    case .name: if let name = readName(value) { recipe.name = name }
    case .description: recipe.summary = text(value, key)
    case .variables: break
    case .from: recipe.from = list(value, key) { $0.readSource($1) }
    case .archives: recipe.archives = list(value, key) { $0.readArchive($1) }
    case .packages: recipe.packages = readPackages(value)
    case .documentation:
      if let word = word(value, key, of: ["keep", "drop"]) { recipe.keepsDocumentation = word == "keep" }
    case .download: recipe.downloads = list(value, key) { $0.readDownload($1) }
    case .files: recipe.files = list(value, key) { $0.readFile($1) }
    case .links: recipe.links = readLinks(value)
    case .modules: recipe.modules = list(value, key) { $0.readModule($1) }
    case .commands: recipe.commands = list(value, key) { $0.readCommand($1) }
    case .services: recipe.services = list(value, key) { $0.readService($1) }
    case .hooks: recipe.hooks = readHooks(value)
    case .remove: recipe.removals = list(value, key) { $0.readRemoval($1) }
    case .required: if let flag = flag(value, key.example) { recipe.hasRequiredFiles = flag }
    case .compression: recipe.compression = readCompression(value)
    case .ignore: recipe.ignored = list(value, key) { $0.readIgnored($1) }
    }
  }

  /// A recipe's name is a part of the overlay's.
  static func isName(_ text: String) -> Bool {
    text.utf8.count <= 100 && OverlayName.fitsCommandLine(text)
  }

  private mutating func readName(_ value: RecipeValue) -> Located<String>? {
    guard let name = text(value, .name) else { return nil }
    guard Self.isName(name.value) else {
      report(
        value.place,
        "\(name.value.quoted) cannot be the name: it becomes a part of the overlay's file name, and has at most 100 letters of"
          + " a-z, A-Z, 0-9 and \"._-+~@\", the first of them no \".\" and no \"-\"")
      return nil
    }
    return name
  }

  private mutating func readVariables(_ value: RecipeValue) -> [String: Located<String>] {
    var variables: [String: Located<String>] = [:]
    for (name, value) in map(value, .variables) {
      guard Template.isName(name.value) else {
        report(
          name.place,
          "\(name.value.quoted) cannot be the name of a variable: it has letters, digits, \"_\" and"
            + " \"-\", and begins with a letter or \"_\""
        )
        continue
      }
      variables[name.value] = text(
        value, "the variable \(name.value.quoted)", example: RecipeKey.variables.example, mayBeEmpty: true)
    }
    return variables
  }

  private mutating func readHooks(_ value: RecipeValue) -> [Located<String>] {
    value.shape == .list ? list(value, .hooks) { $0.text($1, .hooks)?.value } : [text(value, .hooks)].compactMap { $0 }
  }

  private mutating func readCompression(_ value: RecipeValue) -> Located<Recipe.Compression>? {
    let formats = CompressionFormat.allCases.map(\.rawValue)
    guard let fields = fields(value, .compression, short: "format"),
      let name = fields.required("format", &self), let word = word(name, .compression, of: formats),
      let format = CompressionFormat(rawValue: word)
    else { return nil }
    guard let level = fields["level"] else { return Located(Recipe.Compression(format), value.place) }
    guard let number = level.isPlain ? level.text.flatMap({ Int($0) }) : nil, format != .none,
      format.levels.contains(number)
    else {
      let levels = format.levels
      report(
        level.place,
        format == .none
          ? "\"none\" has no level: leave the level out"
          : "the level of \(word) is a number from \(levels.lowerBound) to \(levels.upperBound), as in"
            + " \"compression: {format: \(word), level: \(format.defaultLevel)}\"")
      return nil
    }
    return Located(Recipe.Compression(format, level: number), value.place)
  }

  private mutating func readIgnored(_ value: RecipeValue) -> IgnoredFindings? {
    guard let text = text(value, .ignore)?.value else { return nil }
    do throws(OverlayError) { return try IgnoredFindings(text) } catch {
      report(value.place, error.message)
      return nil
    }
  }

  /// A path in the recipe's directory, as it is shown to people.
  func shown(_ path: String) -> String {
    shownDirectory == "." ? path : shownDirectory == "/" ? "/\(path)" : "\(shownDirectory)/\(path)"
  }

  /// Whether templates are still read. After too many mistakes, or too long texts, they would only take time and memory.
  var canFill: Bool { mistakes.count < Self.mostMistakes && filledBytes <= Self.mostFilledBytes }

  /// A text with its variables filled in.
  mutating func filled(_ text: String, at place: Place) -> String {
    guard canFill else { return "" }
    let filled = Template(text: text, place: place).filled(with: variables)
    usedVariables.formUnion(filled.names)
    mistakes += filled.mistakes
    filledBytes += filled.text.utf8.count
    if filledBytes > Self.mostFilledBytes {
      report(place, "this template and those before it are longer than \(Self.mostFilledBytes) bytes together")
    }
    return filled.text
  }
}
