import JSONDocument

/// `Job.Catalogs.ProvideData`: puts one value of the newest catalog of a source into the context, under
/// `context[source][path]`.
struct ProvideCatalogValueJob: Job {
  private let node: String
  private let source: String
  private let path: String
  private let context: JSONObject

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    source = try setting.string("source")
    path = try setting.string("path")
    context = setting.context
  }

  var plan: [String] { ["takes \(path) of the catalog \(source)"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.readCatalogs(node: node, sources: [source]))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    case .performed(.done(let catalogs)):
      guard let data = catalogs[source]?["data"], let value = ValuePath.value(path, in: data) else {
        return [.finish(.failed("the catalog \(source) of the node has no value at \(path)"))]
      }
      // The context is merged by its top-level keys: what other tasks put under this source stays.
      var values = context[source]?.objectValue ?? JSONObject()
      values[path] = value
      var changes = JSONObject()
      changes[source] = .object(values)
      return [.finish(.succeeded(context: changes))]
    default: return []
    }
  }
}

/// `Job.Get.Catalog.Values`: puts values of catalogs into `context.data`, null for those that are not there.
struct CatalogValuesJob: Job {
  private struct Request: Equatable {
    let source: String
    /// Name in the context → path in the record.
    let keys: [JSONObject.Member]
  }

  private let node: String
  private let requests: [Request]
  private let context: JSONObject

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    context = setting.context
    requests = (setting.options["requestedData"]?.arrayValue ?? []).map {
      Request(source: $0["source"]?.stringValue ?? "", keys: $0["keys"]?.objectValue?.members ?? [])
    }
  }

  var plan: [String] {
    requests.map { request in
      let names = request.keys.map { "\($0.key) from \($0.value.interpolated)" }
      return "takes \(names.joined(separator: ", ")) of the catalog \(request.source)"
    }
  }

  mutating func start(at now: Int) -> [JobAction] {
    [.perform(.readCatalogs(node: node, sources: requests.map(\.source)))]
  }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    case .performed(.done(let catalogs)):
      var data = context["data"]?.objectValue ?? JSONObject()
      for request in requests {
        let record = catalogs[request.source] ?? .null
        for key in request.keys { data[key.key] = ValuePath.value(key.value.interpolated, in: record) ?? .null }
      }
      var changes = JSONObject()
      changes["data"] = .object(data)
      return [.finish(.succeeded(context: changes))]
    default: return []
    }
  }
}
