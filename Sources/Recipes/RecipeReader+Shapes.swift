// Values of the shapes that keys take: lists, maps, texts, words and flags. Each reports what is wrong, and what is right.

/// The fields of a map, and of which map.
struct RecipeFields {
  let key: RecipeKey
  let place: Place
  fileprivate var values: [String: RecipeValue] = [:]

  subscript(_ name: String) -> RecipeValue? { values[name] }

  /// The value of a field that must be there.
  func required(_ name: String, _ reader: inout RecipeReader) -> RecipeValue? {
    if let value = values[name] { return value }
    reader.report(place, "an entry of \(key.rawValue.quoted) has no \(name.quoted), as in \"\(key.example)\"")
    return nil
  }
}

extension RecipeReader {
  mutating func report(_ place: Place, _ message: String) {
    // Nobody reads more of them, and each takes time.
    if mistakes.count < Self.mostMistakes { mistakes.append(Mistake(place, message)) }
  }

  mutating func reportUnknown(_ key: Located<String>, among known: [String], in what: String) {
    guard mistakes.count < Self.mostMistakes else { return }
    let start = "there is no key \(key.value.quoted) in \(what)"
    if let meant = Spelling.nearest(to: key.value, among: known) {
      report(key.place, "\(start); did you mean \(meant.quoted)?")
    } else {
      report(key.place, "\(start); the keys are \(known.joined(separator: ", "))")
    }
  }

  private mutating func reportShape(_ value: RecipeValue, _ what: String, needs shape: String, _ example: String) {
    report(
      value.place,
      value.shape == .nothing
        ? "\(what) has no value: write \(shape), as in \"\(example)\", or leave it out"
        : "\(what) \(value.shape.rawValue), but must be \(shape), as in \"\(example)\"")
  }

  /// The items of a list that are no mistakes, each with its place.
  mutating func list<Item>(
    _ value: RecipeValue, _ key: RecipeKey, _ read: (inout RecipeReader, RecipeValue) -> Item?
  ) -> [Located<Item>] {
    guard value.shape == .list else {
      reportShape(value, key.rawValue.quoted, needs: "a list", key.example)
      return []
    }
    return value.items.compactMap { item in read(&self, item).map { Located($0, item.place) } }
  }

  mutating func map(_ value: RecipeValue, _ key: RecipeKey) -> [(key: Located<String>, value: RecipeValue)] {
    guard value.shape == .map else {
      reportShape(value, key.rawValue.quoted, needs: "a map", key.example)
      return []
    }
    return value.entries
  }

  /// The fields of a value that is a map of them, or a text that stands for one of them.
  ///
  /// - Parameter short: the field for which a text stands; `nil` when only a map is right.
  mutating func fields(_ value: RecipeValue, _ key: RecipeKey, short: String? = nil) -> RecipeFields? {
    var fields = RecipeFields(key: key, place: value.place)
    if let short, value.shape == .text {
      fields.values[short] = value
      return fields
    }
    guard value.shape == .map else {
      reportShape(
        value, "an entry of \(key.rawValue.quoted)", needs: short == nil ? "a map" : "text or a map", key.example)
      return nil
    }
    for (name, field) in value.entries {
      if key.fields.contains(name.value) {
        fields.values[name.value] = field
      } else {
        reportUnknown(name, among: key.fields, in: "an entry of \(key.rawValue.quoted)")
      }
    }
    return fields
  }

  mutating func text(_ value: RecipeValue, _ key: RecipeKey) -> Located<String>? {
    text(value, key.rawValue.quoted, example: key.example)
  }

  /// - Parameters:
  ///   - what: for messages.
  ///   - example: a piece of YAML.
  mutating func text(
    _ value: RecipeValue, _ what: String, example: String, mayBeEmpty: Bool = false
  ) -> Located<String>? {
    guard let text = value.text else {
      reportShape(value, what, needs: "text", example)
      return nil
    }
    guard !text.isEmpty || mayBeEmpty else {
      report(value.place, "\(what) is empty: write text, as in \"\(example)\", or leave it out")
      return nil
    }
    return Located(text, value.place)
  }

  mutating func word(_ value: RecipeValue, _ key: RecipeKey, of words: [String]) -> String? {
    guard let text = text(value, key)?.value else { return nil }
    if words.contains(text) { return text }
    let known = words.dropLast().joined(separator: ", ") + " or \(words.last ?? "")"
    report(value.place, "\(text.quoted) is not known in \(key.rawValue.quoted): write \(known)")
    return nil
  }

  mutating func flag(_ value: RecipeValue, _ example: String) -> Bool? {
    switch value.isPlain ? value.text : nil {
    case "true": return true
    case "false": return false
    default:
      let found = value.text.map { "\($0.quoted) is neither true nor false" } ?? "here must stand true or false"
      report(value.place, "\(found), without quotes, as in \"\(example)\"")
      return nil
    }
  }
}
