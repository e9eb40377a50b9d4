/// A value of a recipe's YAML, and where it stands.
struct RecipeValue {
  /// The raw values are for messages.
  enum Shape: String {
    case nothing = "has no value"
    case text = "is text"
    case list = "is a list"
    case map = "is a map"
  }

  /// How a text is written.
  enum Style {
    /// Without quotes, as numbers, `true` and `false` are.
    case plain
    case quoted
    /// Behind `|` or `>`.
    case block
  }

  indirect enum Content {
    case text(String, Style)
    case list([RecipeValue])
    /// Keys, which are texts, and values.
    case map([(RecipeValue, RecipeValue)])
  }

  let place: Place
  private let content: Content

  init(_ content: Content, _ place: Place) { (self.content, self.place) = (content, place) }

  /// The value that a recipe's text is.
  ///
  /// - Throws: what is no YAML, or not allowed in a recipe.
  init(text: String, file: String) throws(Mistakes) {
    guard let root = try YAMLReader.read(Array(text.utf8), file: file) else {
      throw Mistakes([Mistake(Place(file, line: 1), "the recipe is empty; docs/recipes.md begins with one to copy")])
    }
    self = root
  }

  var shape: Shape {
    switch content {
    case .map: .map
    case .list: .list
    case .text(let text, .plain) where ["", "~", "null", "Null", "NULL"].contains(text): .nothing
    case .text: .text
    }
  }

  /// `nil` when it is no text.
  var text: String? {
    if shape == .text, case .text(let text, _) = content { text } else { nil }
  }

  /// Whether it is text without quotes, as numbers, `true` and `false` are written.
  var isPlain: Bool { style == .plain }

  /// Where the text's first line stands: that of `|` and `>` begins in the line behind.
  var textPlace: Place { style == .block ? Place(place.file, line: place.line + 1) : place }

  private var style: Style? {
    if case .text(_, let style) = content { style } else { nil }
  }

  /// Empty when it is no list.
  var items: [RecipeValue] {
    if case .list(let items) = content { items } else { [] }
  }

  /// Empty when it is no map.
  var entries: [(key: Located<String>, value: RecipeValue)] {
    guard case .map(let pairs) = content else { return [] }
    return pairs.map { key, value in
      guard case .text(let text, _) = key.content else { return (Located("", key.place), value) }
      return (Located(text, key.place), value)
    }
  }
}
