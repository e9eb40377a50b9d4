import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailProtocol

/// What every route works with.
struct Backend: Sendable {
  let configuration: ServerConfiguration
  let state: ServerState
  let connections: Connections
  let files: FileStore
  let templates: FileStore
  let results: ResultStore?
  let manager: NodeManager
  /// Where nodes send syslog; `nil` when nobody listens.
  let syslogPort: Int?

  func tell(_ event: ServerEvent) { configuration.tell(event) }

  init(
    _ configuration: ServerConfiguration, _ state: ServerState, _ journal: RequestJournal, syslogPort: Int?
  ) throws {
    self.syslogPort = syslogPort
    self.configuration = configuration
    self.state = state
    manager = NodeManager(configuration.management, state)
    connections = Connections(
      journal: journal, state: state, maximum: configuration.maximumConnections ?? Connections.allowed())
    let limit = configuration.maximumUploadBytes
    files = FileStore(
      directory: try configuration.filesDirectory ?? state.scratchDirectory("files"), maximumBytes: limit)
    templates = FileStore(
      directory: try configuration.templatesDirectory ?? state.scratchDirectory("templates"), maximumBytes: limit)
    results = configuration.resultsDirectory.map { ResultStore(directory: $0) }
  }

  /// Notes that the node of that identifier has asked for something. Where the configuration allows it, an unknown one is
  /// added.
  ///
  /// - Throws: `APIError` 404.
  func nodeAppeared(_ id: String, _ request: Request, _ context: ServerContext) throws -> KnownNode {
    guard let node = try appeared(.id(id), adds: FileStore.isValid(id), request, context) else {
      throw APIError.noNode(id)
    }
    return node
  }

  /// Notes that the node with those addresses has asked for something: it is the one that has the first of them that any
  /// node has, and gets the others too. Otherwise, where the configuration allows it, a node with all of them is added.
  ///
  /// - Throws: `APIError` 404.
  func nodeAppeared(at addresses: [MACAddress], _ request: Request, _ context: ServerContext) throws -> KnownNode {
    guard let node = try appeared(.addresses(addresses), adds: true, request, context) else {
      throw APIError(.notFound, "no node has the address \(addresses.map(\.description).joined(separator: ", "))")
    }
    return node
  }

  private func appeared(
    _ name: ServerState.NodeName, adds: Bool, _ request: Request, _ context: ServerContext
  ) throws -> KnownNode? {
    let ip = context.channel.remoteAddress?.ipAddress
    let appearance = try state.nodeAppeared(name, ip: ip, adds: adds && configuration.registersUnknownNodes) { node in
      try configuration.taskSetsForNewNodes.map {
        try TaskSetBody(TemplateText.render($0, variables(for: node, request)))
      }
    }
    guard let (node, isFirst) = appearance else { return nil }
    if isFirst { tell(.node(id: node.id, mac: node.macAddress, ip: ip)) }
    return node
  }

  /// What templates can name: the server as the client reached it, the node, and the node's options.
  func variables(for node: KnownNode?, _ request: Request, options: JSONObject? = nil) -> JSON {
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
