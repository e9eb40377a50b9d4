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
    guard hasSchema else {
      // A default reaches only an option that something else names.
      let isNamed = Set(own.members.map(\.key) + required)
      return own.setting(defaults.filtered { isNamed.contains($0.key) || label.has($0.key) }).setting(label)
    }
    let result = own.setting(defaults)
    return result.setting(label.filtered { $0.value != .null || result[$0.key] == .null })
  }
}
