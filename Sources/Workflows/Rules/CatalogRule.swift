import JSONDocument

/// A rule of a SKU or a tag: a value of a node's newest catalog of a source, and what it must be.
public struct CatalogRule: Sendable, Hashable {
  private enum Condition: Sendable, Hashable {
    /// The value is there.
    case none
    case equals(JSON)
    case among([JSON], isNegated: Bool)
    case contains(JSON, isNegated: Bool)
    case matches(TextPattern, isNegated: Bool)
    case number(Comparison, Double)
  }

  private enum Comparison: String, Sendable, Hashable {
    case greaterThan, lessThan, min, max

    func holds(_ value: Double, _ limit: Double) -> Bool {
      switch self {
      case .greaterThan: value > limit
      case .lessThan: value < limit
      case .min: value >= limit
      case .max: value <= limit
      }
    }
  }

  /// `<source>.<key>…`
  public let path: String
  public let source: String
  private let keys: String
  private let condition: Condition

  private static let words = [
    "equals", "in", "notIn", "contains", "notContains", "regex", "notRegex", "greaterThan", "lessThan", "min", "max",
  ]

  /// - Throws: `WorkflowError` for a rule without a path, with two conditions, with one that is not known, or with a value
  ///   that the condition cannot use.
  public init(_ json: JSON) throws(WorkflowError) {
    guard let path = json["path"]?.stringValue, let dot = path.firstIndex(of: "."), dot != path.startIndex else {
      throw WorkflowError("a rule has a path (string): the source of a catalog, a dot, and keys")
    }
    self.path = path
    source = String(path[..<dot])
    keys = String(path[path.index(after: dot)...])
    let conditions = (json.objectValue?.members ?? []).filter { $0.key != "path" }
    guard conditions.count <= 1 else { throw WorkflowError("the rule of \(path) has more than one condition") }
    condition = try conditions.first.map { member throws(WorkflowError) in try Self.condition(member, path) } ?? .none
  }

  private static func condition(_ member: JSONObject.Member, _ path: String) throws(WorkflowError) -> Condition {
    let (word, value) = (member.key, member.value)
    func refusal(_ need: String) -> WorkflowError { WorkflowError("the rule of \(path): \(word) needs \(need)") }
    switch word {
    case "equals": return .equals(value)
    case "in", "notIn":
      guard let list = value.arrayValue else { throw refusal("a list") }
      return .among(list, isNegated: word == "notIn")
    case "contains", "notContains": return .contains(value, isNegated: word == "notContains")
    case "regex", "notRegex":
      guard let text = value.stringValue else { throw refusal("a regular expression") }
      do {
        return .matches(try TextPattern(text), isNegated: word == "notRegex")
      } catch {
        throw refusal("a regular expression, but \(error.message)")
      }
    default:
      guard let comparison = Comparison(rawValue: word) else {
        throw WorkflowError("the rule of \(path) has \(word), which is none of \(words.joined(separator: ", "))")
      }
      guard let number = value.number else { throw refusal("a number") }
      return .number(comparison, number)
    }
  }

  /// The value that the rule looks at.
  ///
  /// - Parameter catalogs: the data of the newest catalog of each source.
  func value(in catalogs: [String: JSON]) -> JSON? {
    catalogs[source].flatMap { ValuePath.value(keys, in: $0) }
  }

  /// - Parameter budget: what regular expressions may still take.
  /// - Throws: `WorkflowError` when that is used up.
  func holds(_ value: JSON, _ budget: inout TextPattern.Budget) throws(WorkflowError) -> Bool {
    switch condition {
    case .none: return true
    case .equals(let other): return value.isAlike(other)
    case .among(let list, let isNegated): return list.contains(where: value.isAlike) != isNegated
    case .contains(let part, let isNegated):
      return
        (value.arrayValue.map { $0.contains(where: part.isAlike) } ?? value.interpolated.contains(part.interpolated))
        != isNegated
    case .matches(let pattern, let isNegated):
      guard let isFound = pattern.isFound(in: value.interpolated, &budget) else {
        throw WorkflowError(
          "the rule of \(path): searching the node's value for the regular expression takes too long, alone or together "
            + "with the rules before it")
      }
      return isFound != isNegated
    case .number(let comparison, let limit): return value.number.map { comparison.holds($0, limit) } ?? false
    }
  }
}

/// The rules of a SKU.
public struct SKURules: Sendable, Hashable {
  private let rules: [CatalogRule]

  /// The sources that the rules look at.
  public var sources: Set<String> { Set(rules.map(\.source)) }

  /// - Parameter json: the `rules` of a SKU.
  /// - Throws: `WorkflowError` for a rule that cannot be used.
  public init(_ json: JSON) throws(WorkflowError) { rules = try CatalogRule.list(json) }

  /// How well a node fits, as the length of the longest path; `nil` when it does not.
  ///
  /// As on the stock server, a rule whose value is missing, null, false, 0 or empty is passed over. A node fits when no
  /// rule fails, and one or more had a value. The fit that is longest counts, and of equal ones the newest SKU's.
  ///
  /// - Parameters:
  ///   - catalogs: the data of the newest catalog of each source.
  ///   - budget: what the regular expressions of the same command may still take.
  /// - Throws: `WorkflowError` when the regular expressions take too long.
  public func fit(of catalogs: [String: JSON], _ budget: inout RuleBudget) throws(WorkflowError) -> Int? {
    var steps = budget.lend()
    defer { budget.takeBack(steps) }
    var longest: Int?
    for rule in rules {
      guard let value = rule.value(in: catalogs), value.isTruthy else { continue }
      guard try rule.holds(value, &steps) else { return nil }
      longest = max(longest ?? 0, rule.path.utf8.count)
    }
    return longest
  }
}

/// The rules of a tag.
public struct TagRules: Sendable, Hashable {
  private let rules: [CatalogRule]

  /// The sources that the rules look at.
  public var sources: Set<String> { Set(rules.map(\.source)) }

  /// - Parameter json: the `rules` of a tag.
  /// - Throws: `WorkflowError` for a rule that cannot be used.
  public init(_ json: JSON) throws(WorkflowError) { rules = try CatalogRule.list(json) }

  /// Whether a node gets the tag: there is a rule, and all rules hold. A value that is missing does not.
  ///
  /// - Parameters:
  ///   - catalogs: the data of the newest catalog of each source.
  ///   - budget: what the regular expressions of the same command may still take.
  /// - Throws: `WorkflowError` when the regular expressions take too long.
  public func match(_ catalogs: [String: JSON], _ budget: inout RuleBudget) throws(WorkflowError) -> Bool {
    var steps = budget.lend()
    defer { budget.takeBack(steps) }
    for rule in rules {
      guard let value = rule.value(in: catalogs), try rule.holds(value, &steps) else { return false }
    }
    return !rules.isEmpty
  }
}

extension CatalogRule {
  /// How many instructions the regular expressions of one SKU or tag may become together: they are made anew for each
  /// event that needs them.
  private static let mostInstructions = 4 * TextPattern.mostInstructions

  fileprivate static func list(_ json: JSON) throws(WorkflowError) -> [CatalogRule] {
    guard let elements = json.arrayValue else { throw WorkflowError("rules (array) is required") }
    var rules: [CatalogRule] = []
    var instructions = 0
    for element in elements {
      let rule = try CatalogRule(element)
      if case .matches(let pattern, _) = rule.condition { instructions += pattern.size }
      guard instructions <= mostInstructions else {
        throw WorkflowError("the regular expressions of the rules are too large together")
      }
      rules.append(rule)
    }
    return rules
  }
}

extension JSON {
  fileprivate var number: Double? {
    switch self {
    case .number(let text), .string(let text): Double(text)
    default: nil
    }
  }

  /// The same value, or the same text: catalogs have most numbers as texts.
  fileprivate func isAlike(_ other: JSON) -> Bool {
    if self == other { return true }
    switch (self, other) {
    case (.array, _), (.object, _), (_, .array), (_, .object): return false
    default: return interpolated == other.interpolated
    }
  }
}
