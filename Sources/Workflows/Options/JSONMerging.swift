import JSONDocument

extension JSON {
  /// The deep merge of a request's options over a graph's: objects by key, arrays by index, and any other value, null
  /// too, replaces what is there.
  func merged(with other: JSON) -> JSON {
    switch (self, other) {
    case (.object(let mine), .object(let theirs)): return .object(mine.merged(with: theirs))
    case (.array(let mine), .array(let theirs)):
      var result = mine
      for (index, element) in theirs.enumerated() {
        if index < result.count {
          result[index] = result[index].merged(with: element)
        } else {
          result.append(element)
        }
      }
      return .array(result)
    default: return other
    }
  }

  /// As JavaScript has it: null, false, 0 and the empty text are not.
  var isTruthy: Bool {
    switch self {
    case .null: false
    case .bool(let value): value
    case .number(let text): Double(text).map { $0 != 0 } ?? true
    case .string(let text): !text.isEmpty
    case .array, .object: true
    }
  }

  /// The value if it is truthy. In place of `nil`, which is also the literal of JSON's null, it says `.none`.
  var ifTruthy: JSON? { isTruthy ? .some(self) : .none }

  /// The text that JavaScript makes of the value when it is put into a text.
  var interpolated: String {
    switch self {
    case .string(let text): text
    case .number(let text): intValue.map(String.init) ?? text
    case .array(let elements): elements.map { $0 == .null ? "" : $0.interpolated }.joined(separator: ",")
    case .object: "[object Object]"
    case .null, .bool: self.text
    }
  }
}

extension JSONObject {
  func merged(with other: JSONObject) -> JSONObject { setting(other) { $0.merged(with: $1) } }

  func has(_ key: String) -> Bool { self[key] != nil }
}
