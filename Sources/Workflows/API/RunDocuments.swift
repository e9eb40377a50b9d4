import JSONDocument

extension GraphRun {
  /// The run as the stock server stores it and shows it under a node.
  ///
  /// - Parameter id: the identifier of the stored record; `nil` before it is stored.
  public func raw(id: String? = nil) -> JSON {
    let ids = instanceIds
    var raw = JSONObject()
    raw["_status"] = .string(status.rawValue)
    addFacts(to: &raw, id: id)
    raw["definition"] = definition(ids)
    raw["createdAt"] = startTime.map { .string(UTCTime.text($0)) }
    raw["updatedAt"] = updateTime.map { .string(UTCTime.text($0)) }
    var tasks = JSONObject()
    for task in self.tasks { tasks.append(key: task.instanceId, value: .object(task.raw(ids))) }
    raw["tasks"] = .object(tasks)
    return .object(raw)
  }

  /// The run as `GET workflows` shows it.
  ///
  /// - Parameters:
  ///   - id: the identifier of the stored record.
  ///   - hidesSecrets: values with names as of passwords become `REDACTED`.
  public func view(id: String, hidesSecrets: Bool) -> JSON {
    let ids = instanceIds
    var view = JSONObject()
    view["status"] = .string(status.rawValue)
    addFacts(to: &view, id: id)
    view["name"] = .string(Mustache.escaped(plan.definition.friendlyName))
    view["definition"] = .string("\(APIPath.graphs)/\(plan.definition.injectableName)")
    view["serviceGraph"] = ""
    view["tasks"] = .array(tasks.map { .object($0.view(ids)) })
    return hidesSecrets ? JSON.object(view).withoutSecrets : .object(view)
  }

  private func addFacts(to document: inout JSONObject, id: String?) {
    document["id"] = id.map(JSON.string)
    document["instanceId"] = .string(plan.instanceId)
    document["node"] = context["target"]
    document["name"] = .string(plan.definition.friendlyName)
    document["injectableName"] = .string(plan.definition.injectableName)
    document["domain"] = "default"
    document["context"] = .object(context)
    var log = JSONObject()
    log["graphInstance"] = .string(plan.instanceId)
    log["graphName"] = .string(plan.definition.friendlyName)
    log["id"] = context["target"]
    document["logContext"] = .object(log)
  }

  /// The definition with instance identifiers in place of the labels that tasks wait for.
  private func definition(_ ids: [String: String]) -> JSON {
    var document = plan.definition.document
    let items = document["tasks"]?.arrayValue ?? []
    document["tasks"] = .array(
      zip(items, plan.definition.items).map { json, item in
        guard var object = json.objectValue, !item.waitOn.isEmpty else { return json }
        object["waitOn"] = item.waitOn.json { ids[$0] ?? $0 }
        return .object(object)
      })
    return .object(document)
  }

  private var instanceIds: [String: String] {
    Dictionary(plan.tasks.map { ($0.label, $0.instanceId) }, uniquingKeysWith: { first, _ in first })
  }
}

extension TaskRun {
  fileprivate func raw(_ ids: [String: String]) -> JSONObject {
    let definition = plan.resolved.definition
    var raw = view(ids)
    raw["label"] = .string(label)
    raw["error"] = error.map(JSON.string)
    raw["remark"] = remark.map(JSON.string)
    raw["name"] = .string(definition.injectableName)
    raw["friendlyName"] = .string(definition.friendlyName)
    raw["injectableName"] = .string(definition.injectableName)
    raw["implementsTask"] = .string(definition.implementsTask)
    raw["jobOptionsSchema"] = plan.resolved.base.schema?.schema ?? [:]
    raw["properties"] = .object(plan.resolved.properties)
    raw["ignoreFailure"] = .bool(ignoresFailure)
    return raw
  }

  fileprivate func view(_ ids: [String: String]) -> JSONObject {
    var view = JSONObject()
    view["label"] = .string(Mustache.escaped(label))
    view["instanceId"] = .string(instanceId)
    var options = options
    options["_taskTimeout"] = givenTimeLimit
    view["options"] = .object(options)
    view["runJob"] = .string(plan.resolved.base.runJob)
    view["state"] = .string(state.rawValue)
    view["taskStartTime"] = startTime.map { .string(UTCTime.text($0)) }
    view["taskEndTime"] = endTime.map { .string(UTCTime.text($0)) }
    view["error"] = error.map { .string(Mustache.escaped($0)) }
    // The stock server has no such field.
    view["remark"] = remark.map { .string(Mustache.escaped($0)) }
    view["terminalOnStates"] = .array(
      TaskState.finishedInOrder.filter(terminalStates.contains).map { .string($0.rawValue) })
    view["waitingOn"] = waitingOn.json { ids[$0] ?? $0 }
    return view
  }
}

extension JSON {
  private static let secretNames = ["password", "passwd", "secret", "community", "productkey"]

  /// The document with `REDACTED` in place of values, but null, whose names are as of passwords.
  public var withoutSecrets: JSON {
    switch self {
    case .array(let elements): .array(elements.map(\.withoutSecrets))
    case .object(let object):
      .object(
        object.mapValues { member in
          let name = member.key.lowercased()
          let isSecret = member.value != .null && Self.secretNames.contains { name.contains($0) }
          return isSecret ? "REDACTED" : member.value.withoutSecrets
        })
    default: self
    }
  }
}
