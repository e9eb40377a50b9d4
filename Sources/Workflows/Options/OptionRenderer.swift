import JSONDocument

/// Fills in the templates in a task's options.
struct OptionRenderer {
  /// What templates can name: `options`, `context`, `server`, …
  let values: JSON
  /// At the start of a run, tags that name the context stay as they are. They are filled in when the task starts.
  let defersContext: Bool

  private static let maximumDepth = 50

  /// Renders every text in a value. Keys of objects are no templates.
  ///
  /// - Parameter path: the option, for messages.
  /// - Throws: `WorkflowError` with the path of the option.
  func render(_ value: JSON, path: String = "", budget: inout RenderBudget) throws(WorkflowError) -> JSON {
    switch value {
    case .string(let text):
      guard TemplateToken.hasTags(text) else { return value }
      do { return try render(text, depth: 0, budget: &budget) } catch { throw error.at(option: path) }
    case .array(let elements):
      var result: [JSON] = []
      for (index, element) in elements.enumerated() {
        result.append(try render(element, path: "\(path)[\(index)]", budget: &budget))
      }
      return .array(result)
    case .object(let object):
      return .object(
        try object.mapValues { (member) throws(WorkflowError) in
          guard member.value.mayHoldTemplates else { return member.value }
          return try render(member.value, path: path.isEmpty ? member.key : "\(path).\(member.key)", budget: &budget)
        })
    default: return value
    }
  }

  private func render(_ text: String, depth: Int, budget: inout RenderBudget) throws(WorkflowError) -> JSON {
    let tokens = TemplateToken.tokens(of: text)
    if Self.isComplex(tokens, text) {
      return .string(try Mustache(tokens).render(values, budget: &budget))
    }
    var pieces: [JSON] = []
    var lastTag: String?
    for token in tokens {
      switch token {
      case .text(let text): pieces.append(.string(String(text)))
      case .tag(_, let name, let source):
        pieces.append(try value(ofTag: name, source: source, depth: depth, budget: &budget))
        lastTag = name
      }
    }
    // The stock server looks at the value of the last tag alone. When that is no text, only the first piece counts.
    if let lastTag, let value = ValuePath.value(lastTag, in: values), value.stringValue == nil, let first = pieces.first
    {
      return first
    }
    let joined = pieces.map(\.interpolated).joined()
    try budget.take(bytes: joined.utf8.count)
    return .string(joined)
  }

  private static func isComplex(_ tokens: [TemplateToken], _ text: String) -> Bool {
    text.contains { $0.isNewline }
      || tokens.contains { if case .tag(_?, _, _) = $0 { true } else { false } }
  }

  private func value(ofTag tag: String, source: Substring, depth: Int, budget: inout RenderBudget) throws(WorkflowError)
    -> JSON
  {
    try budget.take(tags: 1)
    for item in Self.alternatives(of: tag) {
      if defersContext, item.hasPrefix("context") { return .string(String(source)) }
      let value = item.contains(".") ? ValuePath.value(item, in: values) ?? .null : .string(item)
      guard value.isTruthy else { continue }
      guard case .string(let text) = value, TemplateToken.hasTags(text) else {
        try budget.take(bytes: value.valueCount * 16)
        return value
      }
      guard depth < Self.maximumDepth else {
        throw WorkflowError("Exceeded max depth rendering string: \(item)")
      }
      return try render(text, depth: depth + 1, budget: &budget)
    }
    throw WorkflowError("Value does not exist for \(tag)")
  }

  /// Splits at each run of `|`, which takes one blank on each side with it.
  static func alternatives(of tag: String) -> [String] {
    var items: [String] = []
    var rest = tag[...]
    while let bar = rest.firstIndex(of: "|") {
      var item = rest[..<bar]
      if item.last == " " { item.removeLast() }
      items.append(String(item))
      rest = rest[bar...].drop { $0 == "|" }
      if rest.first == " " { rest.removeFirst() }
    }
    return items + [String(rest)]
  }
}

extension JSON {
  fileprivate var mayHoldTemplates: Bool {
    switch self {
    case .string, .array, .object: true
    default: false
    }
  }
}
