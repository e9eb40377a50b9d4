internal import Yams

/// A value of a recipe's YAML, and where it stands.
struct RecipeValue {
  /// The raw values are for messages.
  enum Shape: String {
    case nothing = "has no value"
    case text = "is text"
    case list = "is a list"
    case map = "is a map"
  }

  let place: Place
  private let node: Node

  private init(_ node: Node, file: String) {
    self.node = node
    place = Place(file, line: node.mark?.line ?? 1)
  }

  /// The value that a recipe's text is.
  ///
  /// - Throws: what is no YAML, or not allowed in a recipe.
  init(text: String, file: String) throws(Mistakes) {
    try YAMLScreening.check(Array(text.utf8), file: file)
    let root: Node?
    do {
      // Without the rules that make numbers and dates of texts: what a text is depends on the key.
      root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch { throw Mistakes([Mistake(Place(file, line: 1), "this is no YAML: \(error)")]) }
    guard let root else {
      throw Mistakes([Mistake(Place(file, line: 1), "the recipe is empty; docs/recipes.md begins with one to copy")])
    }
    self.init(root, file: file)
  }

  var shape: Shape {
    switch node {
    case .mapping: .map
    case .sequence: .list
    case .scalar(let scalar):
      scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string) ? .nothing : .text
    // There is none after the screening.
    case .alias: .nothing
    }
  }

  /// `nil` when it is no text.
  var text: String? { shape == .text ? node.scalar?.string : nil }

  /// Whether it is text without quotes, as numbers, `true` and `false` are written.
  var isPlain: Bool { node.scalar?.style == .plain }

  /// Where the text's first line stands: that of `|` and `>` begins in the line behind.
  var textPlace: Place {
    let isBlock = node.scalar?.style == .literal || node.scalar?.style == .folded
    return isBlock ? Place(place.file, line: place.line + 1) : place
  }

  /// Empty when it is no list.
  var items: [RecipeValue] { node.sequence?.map { RecipeValue($0, file: place.file) } ?? [] }

  /// Empty when it is no map.
  var entries: [(key: Located<String>, value: RecipeValue)] {
    node.mapping?.map { key, value in
      let key = RecipeValue(key, file: place.file)
      return (Located(key.node.scalar?.string ?? "", key.place), RecipeValue(value, file: place.file))
    } ?? []
  }
}
