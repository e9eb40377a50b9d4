import JSONDocument

/// What templates can name besides a task's own options.
public struct RenderScope: Sendable {
  /// The server's configuration. `apiServerAddress` and `apiServerPort` make `api.*`; `fileServerAddress`, if it is
  /// there, with `fileServerPort` and `fileServerPath`, makes `file.server`. `apiServerScheme` is that of both: `http`
  /// when it is not there. It stands here since a run is stored with these values.
  public var server: JSONObject
  /// Settings of the node's SKU; `nil` without one.
  public var sku: JSON?
  /// Those settings over the global ones.
  public var environment: JSON

  public init(server: JSONObject, sku: JSON? = nil, environment: JSON = .object(JSONObject())) {
    (self.server, self.sku, self.environment) = (server, sku, environment)
  }

  /// - Parameters:
  ///   - context: the graph's shared values. Its `proxy` stands for the API server's address.
  ///   - options: the task's options.
  ///   - task: facts of the task: `nodeId`, `instanceId`, `name`, …
  func values(context: JSONObject, options: JSONObject, task: JSONObject) -> JSON {
    let api = apiAddresses(apiServer(context: context))
    var values = JSONObject()
    values["server"] = .object(server)
    values["api"] = .object(api)
    values["file"] = ["server": .string(fileServer(context: context))]
    values["options"] = .object(options)
    values["context"] = .object(context)
    values["task"] = .object(task)
    values["sku"] = sku
    values["env"] = environment
    return .object(values)
  }

  /// What `file.server` stands for.
  ///
  /// - Parameter context: the graph's shared values.
  public func fileServer(context: JSONObject) -> String { configuredFileServer ?? apiServer(context: context) }

  private var scheme: String { server["apiServerScheme"]?.stringValue ?? "http" }

  private func apiServer(context: JSONObject) -> String {
    if let proxy = context["proxy"]?.stringValue { return proxy }
    let host = server["apiServerAddress"]?.interpolated ?? ""
    return "\(scheme)://\(host):\(server["apiServerPort"]?.interpolated ?? "")"
  }

  private func apiAddresses(_ address: String) -> JSONObject {
    var api = JSONObject()
    api["server"] = .string(address)
    let base = address + "/api/current"
    api["base"] = .string(base)
    for name in ["templates", "profiles", "lookups", "files", "nodes"] { api[name] = .string("\(base)/\(name)") }
    return api
  }

  private var configuredFileServer: String? {
    guard let host = server["fileServerAddress"]?.stringValue, !host.isEmpty else { return nil }
    let port = server["fileServerPort"].map { ":\($0.interpolated)" } ?? ""
    var address = "\(scheme)://\(host)\(port)\(server["fileServerPath"]?.stringValue ?? "")"
    while address.hasSuffix("/") { address.removeLast() }
    return address
  }
}
