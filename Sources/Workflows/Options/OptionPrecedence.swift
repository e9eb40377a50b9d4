import JSONDocument

/// Which of the values that are given for an option counts.
enum OptionPrecedence {
  /// - Parameters:
  ///   - own: the definition's options with the overrides of the graph's item.
  ///   - required: the base task's `requiredOptions`.
  ///   - defaults: `options.defaults` of the graph, the request's merged over it.
  ///   - label: the graph's options of the task's label, the request's merged over them.
  static func options(
    own: JSONObject, required: [String], defaults: JSONObject, label: JSONObject, hasSchema: Bool
  ) -> JSONObject {
    var result = own
    guard hasSchema else {
      let names = own.members.map(\.key) + required + label.members.map(\.key)
      for name in names {
        if let value = label[name] ?? defaults[name] { result[name] = value }
      }
      return result
    }
    result.replace(with: defaults)
    for member in label.members where member.value != .null || result[member.key] == .null {
      result[member.key] = member.value
    }
    return result
  }
}
