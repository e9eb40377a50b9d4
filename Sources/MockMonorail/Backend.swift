import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailProtocol

/// What every route works with.
struct Backend: Sendable {
  let configuration: MockConfiguration
  let state: MonorailState
  let connections: Connections
  let files: FileStore
  let templates: FileStore
  let results: ResultStore?
  /// Where nodes send syslog; `nil` when nobody listens.
  let syslogPort: Int?

  func tell(_ event: ServerEvent) { configuration.tell(event) }

  init(_ configuration: MockConfiguration, _ state: MonorailState, syslogPort: Int?) throws {
    self.syslogPort = syslogPort
    self.configuration = configuration
    self.state = state
    connections = Connections(state: state, maximum: configuration.maximumConnections ?? Connections.allowed())
    let limit = configuration.maximumUploadBytes
    files = FileStore(
      directory: try configuration.filesDirectory ?? state.scratchDirectory("files"), maximumBytes: limit)
    templates = FileStore(
      directory: try configuration.templatesDirectory ?? state.scratchDirectory("templates"), maximumBytes: limit)
    results = configuration.resultsDirectory.map { ResultStore(directory: $0) }
  }

  /// The node of that identifier; where the configuration allows it, an unknown one is added.
  func node(_ id: String, _ request: Request, _ context: MockContext) throws -> MockNode {
    if state.node(id) == nil {
      guard configuration.registersUnknownNodes, FileStore.isValid(id) else {
        throw APIError.noNode(id)
      }
      state.addNode(id: id)
    }
    return try appear(id, request, context)
  }

  /// The node that has the first of those addresses that any node has. Otherwise, where the configuration allows it, a node
  /// with all of them is added.
  func node(at addresses: [MACAddress], _ request: Request, _ context: MockContext) throws -> MockNode {
    var id = addresses.lazy.compactMap { state.node(withAddress: $0)?.id }.first
    if id == nil, configuration.registersUnknownNodes { id = addresses.first.map { state.addNode(address: $0) } }
    guard let id else {
      throw APIError(.notFound, "no node has the address \(addresses.map(\.description).joined(separator: ", "))")
    }
    state.link(addresses, to: id)
    return try appear(id, request, context)
  }

  private func appear(_ id: String, _ request: Request, _ context: MockContext) throws -> MockNode {
    let address = context.channel.remoteAddress?.ipAddress
    let isNew = state.update { storage in
      defer { storage.nodes[id]?.hasAppeared = true }
      storage.nodes[id]?.ipAddress = address
      return storage.nodes[id]?.hasAppeared == false
    }
    if isNew, let node = state.node(id) {
      tell(.node(id: id, mac: node.macAddress, ip: address))
      for text in configuration.taskSetsForNewNodes {
        try state.push(taskSetText: TemplateText.render(text, variables(for: node, request)), to: id)
      }
    }
    guard let node = state.node(id) else { throw APIError.noNode(id) }
    return node
  }

  /// What templates can name: the server as the client reached it, the node, and the node's options.
  func variables(for node: MockNode?, _ request: Request, options: JSONObject? = nil) -> JSON {
    let address = AdvertisedServer(request, configuration)
    let base = address.url + "/api/current"
    var variables = JSONObject()
    variables["server"] = .string(address.host)
    variables["port"] = .integer(address.port)
    var api = JSONObject()
    api["server"] = .string(address.url)
    api["base"] = .string(base)
    for name in ["files", "lookups", "nodes", "profiles", "tasks", "templates"] {
      api[name] = .string(base + "/" + name)
    }
    variables["api"] = .object(api)
    if let node {
      variables["identifier"] = .string(node.id)
      variables["nodeId"] = .string(node.id)
      if let address = node.macAddress { variables["macaddress"] = .string(address.description) }
    }
    let options = options ?? node?.options ?? JSONObject()
    for member in (options["defaults"]?.objectValue?.members ?? []) + options.members {
      variables[member.key] = member.value
    }
    return .object(variables)
  }
}

/// Where a client finds this server: what it was told to be, or what the client itself used.
struct AdvertisedServer {
  let host: String
  let port: Int
  let url: String

  init(_ request: Request, _ configuration: MockConfiguration) {
    let isTLS = configuration.certificateFile != nil
    let used = request.head.authority ?? configuration.host
    var host = used
    var port: Int?
    if let colon = used.lastIndex(of: ":"), used.last != "]", let number = Int(used[used.index(after: colon)...]) {
      host = String(used[..<colon])
      port = number
    }
    self.host = configuration.advertisedServer ?? host
    self.port = configuration.advertisedPort ?? port ?? (isTLS ? 443 : 80)
    url = "\(isTLS ? "https" : "http")://\(self.host):\(self.port)"
  }
}
