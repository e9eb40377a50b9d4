import JSONDocument

/// A template with sections or line breaks, which the stock server gives to Hogan, a Mustache of JavaScript.
///
/// Names, sections, inverted sections, comments and texts without escapes are here. A partial gives nothing, since the
/// stock server gives Hogan no partials. Missing names give nothing. The format: mustache(5).
struct Mustache {
  private indirect enum Node {
    case text(Substring)
    case name(String, isEscaped: Bool)
    case section(String, isInverted: Bool, [Node])
  }

  private let nodes: [Node]

  /// How many tags, and texts between them or their lines, a template may have.
  private static let mostTokens = 50_000

  /// How deep sections may nest.
  private static let maximumDepth = 64

  /// - Throws: `WorkflowError` for sections that are not closed, and for tags that this server does not have.
  init(_ tokens: [TemplateToken]) throws(WorkflowError) {
    guard tokens.count <= Self.mostTokens else {
      throw WorkflowError("the template has more than \(Self.mostTokens) tags and lines")
    }
    var open: [(name: String, isInverted: Bool, nodes: [Node])] = []
    var nodes: [Node] = []
    for token in Self.withoutStandaloneLines(tokens) {
      switch token {
      case .text(let text): nodes.append(.text(text))
      case .tag(nil, let name, _): nodes.append(.name(name, isEscaped: true))
      case .tag("{", let name, _), .tag("&", let name, _): nodes.append(.name(name, isEscaped: false))
      case .tag("!", _, _), .tag(">", _, _): break
      case .tag(let kind, let name, _) where kind == "#" || kind == "^":
        guard open.count < Self.maximumDepth else { throw WorkflowError("the template nests too deep at {{#\(name)}}") }
        open.append((name, kind == "^", nodes))
        nodes = []
      case .tag("/", let name, _):
        guard var section = open.popLast() else {
          throw WorkflowError("the template closes the section \(name), which is not open")
        }
        guard section.name == name else {
          throw WorkflowError("the template closes \(name) where \(section.name) is open")
        }
        section.nodes.append(.section(name, isInverted: section.isInverted, nodes))
        nodes = section.nodes
      case .tag(let kind?, let name, _):
        throw WorkflowError("the template has {{\(kind)\(name)}}; this server does not have tags of this kind")
      }
    }
    if let section = open.last { throw WorkflowError("the template does not close the section \(section.name)") }
    self.nodes = nodes
  }

  func render(_ values: JSON, budget: inout RenderBudget) throws(WorkflowError) -> String {
    var stack = [values]
    var output = ""
    try Self.render(nodes, &stack, &output, &budget)
    return output
  }

  private static func render(
    _ nodes: [Node], _ stack: inout [JSON], _ output: inout String, _ budget: inout RenderBudget
  ) throws(WorkflowError) {
    for node in nodes {
      switch node {
      case .text(let text):
        try budget.take(bytes: text.utf8.count)
        output += text
      case .name(let name, let isEscaped):
        try budget.take(tags: 1)
        let text = value(name, stack).map { $0 == .null ? "" : $0.interpolated } ?? ""
        try budget.take(bytes: text.utf8.count)
        output += isEscaped ? escaped(text) : text
      case .section(let name, let isInverted, let inner):
        try budget.take(tags: 1)
        let value = value(name, stack) ?? .null
        let isShown = value.isTruthy && value.arrayValue?.isEmpty != true
        guard isShown != isInverted else { continue }
        if isInverted {
          try render(inner, &stack, &output, &budget)
          continue
        }
        // A section of a text, a number or true is shown once, with the values around it.
        for element in value.arrayValue ?? [value.objectValue.map(JSON.object) ?? stack.last ?? .null] {
          try budget.take(tags: 1)
          stack.append(element)
          try render(inner, &stack, &output, &budget)
          stack.removeLast()
        }
      }
    }
  }

  /// The first part of a name is looked for in all that is open, from the innermost; the others only in what is found.
  private static func value(_ name: String, _ stack: [JSON]) -> JSON? {
    if name == "." { return stack.last }
    let parts = name.split(separator: ".", maxSplits: 1)
    guard let first = parts.first else { return nil }
    guard let found = stack.reversed().lazy.compactMap({ $0[String(first)] }).first else { return nil }
    return parts.count == 1 ? found : ValuePath.value(String(parts[1]), in: found)
  }

  static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { "&<>\"'".utf8.contains($0) }) else { return text }
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.append(character)
      }
    }
    return result
  }

  /// A line that has only blanks and tags that print nothing leaves no empty line behind.
  private static func withoutStandaloneLines(_ tokens: [TemplateToken]) -> [TemplateToken] {
    var result: [TemplateToken] = []
    var line: [TemplateToken] = []
    func isSilent(_ token: TemplateToken) -> Bool {
      switch token {
      case .text(let text): text.allSatisfy(\.isWhitespace)
      case .tag(let kind, _, _): kind.map("#^/!>".contains) ?? false
      }
    }
    func endLine() {
      let hasTag = line.contains { if case .tag = $0 { true } else { false } }
      let isStandalone = hasTag && line.allSatisfy(isSilent)
      result += isStandalone ? line.filter { if case .tag = $0 { true } else { false } } : line
      line.removeAll()
    }
    for token in tokens {
      line.append(token)
      if case .text(let text) = token, text.last?.isNewline == true { endLine() }
    }
    endLine()
    return result
  }
}
