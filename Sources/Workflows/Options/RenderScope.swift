import JSONDocument

/// What templates can name besides a task's own options.
public struct RenderScope: Sendable {
  /// The server's configuration. `apiServerAddress` and `apiServerPort` make `api.*`; `fileServerAddress`, if it is
  /// there, with `fileServerPort` and `fileServerPath`, makes `file.server`.
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
    let api = apiAddresses(proxy: context["proxy"]?.stringValue)
    var values = JSONObject()
    values["server"] = .object(server)
    values["api"] = .object(api)
    values["file"] = ["server": .string(fileServer ?? api["server"]?.stringValue ?? "")]
    values["options"] = .object(options)
    values["context"] = .object(context)
    values["task"] = .object(task)
    values["sku"] = sku
    values["env"] = environment
    return .object(values)
  }

  private func apiAddresses(proxy: String?) -> JSONObject {
    let host = server["apiServerAddress"]?.interpolated ?? ""
    let address = proxy ?? "http://\(host):\(server["apiServerPort"]?.interpolated ?? "")"
    var api = JSONObject()
    api["server"] = .string(address)
    let base = address + "/api/current"
    api["base"] = .string(base)
    for name in ["templates", "profiles", "lookups", "files", "nodes"] { api[name] = .string("\(base)/\(name)") }
    return api
  }

  private var fileServer: String? {
    guard let host = server["fileServerAddress"]?.stringValue, !host.isEmpty else { return nil }
    let port = server["fileServerPort"].map { ":\($0.interpolated)" } ?? ""
    var address = "http://\(host)\(port)\(server["fileServerPath"]?.stringValue ?? "")"
    while address.hasSuffix("/") { address.removeLast() }
    return address
  }
}
