import JSONDocument

extension GraphDefinition {
  /// The graph as `GET workflows/graphs` shows it. As on the stock server, `ignoreFailure`, `optionOverrides` and unknown
  /// fields are not in it, and a task's name is the path of its definition.
  public var view: JSON {
    var view = JSONObject()
    view["friendlyName"] = .string(friendlyName)
    view["injectableName"] = .string(injectableName)
    view["options"] = .object(options)
    view["tasks"] = .array(items.map(\.view))
    return .object(view)
  }
}

extension GraphItem {
  fileprivate var view: JSON {
    var view = JSONObject()
    view["label"] = .string(label)
    switch source {
    case .named(let name): view["taskName"] = .string("\(APIPath.tasks)/\(name)")
    case .inline(let definition): view["taskDefinition"] = .object(definition)
    }
    if !waitOn.isEmpty { view["waitOn"] = waitOn.json { $0 } }
    return .object(view)
  }
}

extension TaskDefinition {
  /// A task definition as `GET workflows/tasks` shows it: the required fields, and the schema if there is one.
  ///
  /// - Parameter document: as it was written; fields may have any type.
  public static func view(of document: JSONObject) -> JSON {
    .object(document.filtered { requiredFields.contains($0.key) || $0.key == "optionsSchema" })
  }
}

extension WaitOn {
  /// The form of a definition.
  ///
  /// - Parameter name: the name to write for a label.
  func json(naming name: (String) -> String) -> JSON {
    func object(_ entries: [Entry]) -> JSONObject {
      var object = JSONObject()
      for entry in entries {
        let words = entry.words.map(JSON.string)
        object[name(entry.label)] = words.count == 1 ? words[0] : .array(words)
      }
      return object
    }
    var json = object(all)
    if !anyOf.isEmpty { json["anyOf"] = .object(object(anyOf)) }
    return .object(json)
  }
}

/// Paths of the API that stand in its answers.
enum APIPath {
  static let tasks = "/api/2.0/workflows/tasks"
  static let graphs = "/api/2.0/workflows/graphs"
}
