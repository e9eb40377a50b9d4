import JSONDocument

/// The part of JSON Schema that task definitions use.
///
/// `type`, `enum`, `required`, `properties`, `additionalProperties`, `items`, `minItems`, `maxItems`, `minLength`,
/// `maxLength`, `minimum`, `maximum`, `anyOf`, `oneOf` and `allOf` count. Other keywords are not looked at.
/// Source: json-schema.org, draft 4. The sentences are those of Ajv, which the stock server uses.
public struct JSONSchema: Sendable, Hashable {
  let schema: JSON

  public init(_ schema: JSON) { self.schema = schema }

  /// What is wrong with a document, as a path and a sentence.
  struct Mistake: Equatable {
    let path: String
    let sentence: String
    /// The value at the path; for a member that is missing, the object without it.
    let value: JSON
    var text: String { "data\(path) \(sentence)" }
  }

  /// - Parameter budget: when it is spent, that is the last mistake.
  func mistakes(in value: JSON, budget: inout RenderBudget) -> [Mistake] {
    var check = Check(budget: budget)
    check.check(value, schema, "")
    budget = check.budget
    return check.mistakes
  }
}

/// One comparison of a document with a schema.
private struct Check {
  typealias Mistake = JSONSchema.Mistake

  /// How many allowed values a sentence names.
  private static let mostNamed = 20

  private(set) var mistakes: [Mistake] = []
  private(set) var budget: RenderBudget
  private var isSpent = false

  init(budget: RenderBudget) { self.budget = budget }

  /// - Returns: whether that much work may still be done.
  private mutating func takes(_ count: Int, _ value: JSON, _ path: String) -> Bool {
    guard !isSpent else { return false }
    isSpent = !budget.takes(checks: count)
    if isSpent {
      let sentence = "and its schema need more comparisons than this server makes"
      mistakes.append(Mistake(path: path, sentence: sentence, value: value))
    }
    return !isSpent
  }

  mutating func check(_ value: JSON, _ schema: JSON, _ path: String) {
    guard case .object(let rules) = schema, takes(1 + rules.members.count, value, path) else { return }
    func add(_ sentence: String) { mistakes.append(Mistake(path: path, sentence: sentence, value: value)) }
    if let type = rules["type"] {
      let types = type.stringValue.map { [$0] } ?? type.arrayValue?.compactMap(\.stringValue) ?? []
      if !types.contains(where: { value.hasType($0) }) { return add("should be \(types.joined(separator: ","))") }
    }
    if let allowed = rules["enum"]?.arrayValue, takes(JSON.array(allowed).valueCount, value, path),
      !allowed.contains(where: { $0.equals(value) })
    {
      let words = allowed.prefix(Self.mostNamed).map(\.interpolated) + (allowed.count > Self.mostNamed ? ["…"] : [])
      add("should be equal to one of the allowed values: \(words.joined(separator: ", "))")
    }
    if let all = rules["allOf"]?.arrayValue { for part in all { check(value, part, path) } }
    if let any = rules["anyOf"]?.arrayValue, count(value, any, path, most: 1) == 0 {
      // When only one of them is for values of this type, its sentences say more.
      let ofType = any.filter { $0["type"]?.stringValue.map(value.hasType) ?? true }
      if ofType.count == 1 {
        check(value, ofType[0], path)
      } else {
        add("should match some schema in anyOf")
      }
    }
    if let one = rules["oneOf"]?.arrayValue, count(value, one, path, most: 2) != 1 {
      add("should match exactly one schema in oneOf")
    }
    switch value {
    case .object(let object): checkMembers(object, rules, path)
    case .array(let elements):
      if let most = rules["maxItems"]?.intValue, elements.count > most {
        add("should NOT have more than \(most) items")
      }
      if let least = rules["minItems"]?.intValue, elements.count < least {
        add("should NOT have less than \(least) items")
      }
      let each = rules["items"]
      for (index, element) in elements.enumerated() {
        let rule = each?.arrayValue.map { $0.indices.contains(index) ? $0[index] : .null } ?? each
        if let rule { check(element, rule, "\(path)[\(index)]") }
      }
    case .string(let text):
      if let least = rules["minLength"]?.intValue, text.count < least {
        add("should NOT be shorter than \(least) characters")
      }
      if let most = rules["maxLength"]?.intValue, text.count > most {
        add("should NOT be longer than \(most) characters")
      }
    case .number(let text):
      let number = Double(text) ?? 0
      if let least = rules["minimum"]?.doubleValue, number < least {
        add("should be >= \(rules["minimum"]?.text ?? "")")
      }
      if let most = rules["maximum"]?.doubleValue, number > most { add("should be <= \(rules["maximum"]?.text ?? "")") }
    case .null, .bool: break
    }
  }

  private mutating func checkMembers(_ object: JSONObject, _ rules: JSONObject, _ path: String) {
    func add(_ sentence: String) { mistakes.append(Mistake(path: path, sentence: sentence, value: .object(object))) }
    for name in rules["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where !object.has(name) {
      add("should have required property '\(name)'")
    }
    let properties = rules["properties"]?.objectValue ?? JSONObject()
    let additional = rules["additionalProperties"]
    for member in object.members {
      if let rule = properties[member.key] {
        check(member.value, rule, "\(path).\(member.key)")
      } else if additional == .bool(false) {
        add("should NOT have additional properties: \(member.key)")
      } else if let additional {
        check(member.value, additional, "\(path).\(member.key)")
      }
    }
  }

  /// How many of the schemas the value matches; no more are looked for than `most`.
  private mutating func count(_ value: JSON, _ schemas: [JSON], _ path: String, most: Int) -> Int {
    var count = 0
    for schema in schemas where count < most && !isSpent {
      let before = mistakes.count
      check(value, schema, path)
      if mistakes.count == before { count += 1 }
      if !isSpent { mistakes.removeSubrange(before...) }
    }
    // Nothing is said of a value that was not looked at.
    return isSpent ? 1 : count
  }
}

extension JSON {
  fileprivate var doubleValue: Double? {
    if case .number(let text) = self { Double(text) } else { nil }
  }

  /// As values: 1 and 1.0 are equal.
  fileprivate func equals(_ other: JSON) -> Bool {
    if let mine = doubleValue, let theirs = other.doubleValue { return mine == theirs }
    return self == other
  }

  fileprivate func hasType(_ name: String) -> Bool {
    switch self {
    case .null: name == "null"
    case .bool: name == "boolean"
    case .number(let text):
      name == "number" || name == "integer" && (Double(text).map { $0 == $0.rounded() } ?? false)
    case .string: name == "string"
    case .array: name == "array"
    case .object: name == "object"
    }
  }
}
