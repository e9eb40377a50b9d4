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

  func mistakes(in value: JSON) -> [Mistake] {
    var mistakes: [Mistake] = []
    Self.check(value, schema, "", &mistakes)
    return mistakes
  }

  private static func check(_ value: JSON, _ schema: JSON, _ path: String, _ mistakes: inout [Mistake]) {
    guard case .object(let rules) = schema else { return }
    func add(_ sentence: String) { mistakes.append(Mistake(path: path, sentence: sentence, value: value)) }
    if let type = rules["type"] {
      let types = type.stringValue.map { [$0] } ?? type.arrayValue?.compactMap(\.stringValue) ?? []
      if !types.contains(where: { value.hasType($0) }) { return add("should be \(types.joined(separator: ","))") }
    }
    if let allowed = rules["enum"]?.arrayValue, !allowed.contains(where: { $0.equals(value) }) {
      add("should be equal to one of the allowed values: \(allowed.map(\.interpolated).joined(separator: ", "))")
    }
    if let all = rules["allOf"]?.arrayValue { for part in all { check(value, part, path, &mistakes) } }
    if let any = rules["anyOf"]?.arrayValue, !any.contains(where: { matches(value, $0) }) {
      // When only one of them is for values of this type, its sentences say more.
      let ofType = any.filter { $0["type"]?.stringValue.map(value.hasType) ?? true }
      if ofType.count == 1 {
        check(value, ofType[0], path, &mistakes)
      } else {
        add("should match some schema in anyOf")
      }
    }
    if let one = rules["oneOf"]?.arrayValue, one.count(where: { matches(value, $0) }) != 1 {
      add("should match exactly one schema in oneOf")
    }
    switch value {
    case .object(let object): checkMembers(object, rules, path, &mistakes)
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
        if let rule { check(element, rule, "\(path)[\(index)]", &mistakes) }
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

  private static func checkMembers(
    _ object: JSONObject, _ rules: JSONObject, _ path: String, _ mistakes: inout [Mistake]
  ) {
    func add(_ sentence: String) { mistakes.append(Mistake(path: path, sentence: sentence, value: .object(object))) }
    for name in rules["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where !object.has(name) {
      add("should have required property '\(name)'")
    }
    let properties = rules["properties"]?.objectValue ?? JSONObject()
    let additional = rules["additionalProperties"]
    for member in object.members {
      if let rule = properties[member.key] {
        check(member.value, rule, "\(path).\(member.key)", &mistakes)
      } else if additional == .bool(false) {
        add("should NOT have additional properties: \(member.key)")
      } else if let additional {
        check(member.value, additional, "\(path).\(member.key)", &mistakes)
      }
    }
  }

  private static func matches(_ value: JSON, _ schema: JSON) -> Bool {
    var mistakes: [Mistake] = []
    check(value, schema, "", &mistakes)
    return mistakes.isEmpty
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
