import HTTPTypes
import Hummingbird
import JSONDocument
import MonorailProtocol
import MonorailStore
import Workflows

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
      journal: journal, maximum: configuration.maximumConnections ?? Connections.allowed())
    let limit = configuration.maximumUploadBytes
    files = FileStore(
      directory: try configuration.filesDirectory ?? state.scratchDirectory("files"), maximumBytes: limit)
    templates = FileStore(
      directory: try configuration.templatesDirectory ?? state.scratchDirectory("templates"), maximumBytes: limit)
    files.removeAbandonedUploads()
    templates.removeAbandonedUploads()
    results = configuration.resultsDirectory.map { ResultStore(directory: $0) }
  }

  /// Notes that the node of that identifier has asked for something. Where the configuration allows it, an unknown one is
  /// added.
  ///
  /// - Throws: `APIError` 404.
  func nodeAppeared(_ id: String, _ request: Request, _ context: ServerContext) async throws -> KnownNode {
    guard let node = try await appeared(.id(id), adds: FileStore.isValid(id), request, context) else {
      throw APIError.noNode(id)
    }
    return node
  }

  /// Notes that the node with those addresses has asked for something: it is the one that has the first of them that any
  /// node has, and gets the others too. Otherwise, where the configuration allows it, a node with all of them is added.
  ///
  /// - Parameter isBoot: it asks what to boot.
  /// - Throws: `APIError` 404.
  func nodeAppeared(
    at addresses: [MACAddress], isBoot: Bool = false, _ request: Request, _ context: ServerContext
  ) async throws -> KnownNode {
    let name = addresses.first.map {
      NodeName.addresses(addresses.map(\.description), idIfNew: KnownNode.identifier(for: $0))
    }
    guard let name, let node = try await appeared(name, adds: true, isBoot: isBoot, request, context) else {
      throw APIError(.notFound, "no node has the address \(addresses.map(\.description).joined(separator: ", "))")
    }
    return node
  }

  private func appeared(
    _ name: NodeName, adds: Bool, isBoot: Bool = false, _ request: Request, _ context: ServerContext
  ) async throws -> KnownNode? {
    let ip = context.channel.remoteAddress?.ipAddress
    let appearance = try await state.nodeAppeared(
      name, ip: ip, adds: adds && configuration.registersUnknownNodes, isBoot: isBoot
    ) {
      try firstWork(of: $0, request)
    }
    guard let appearance else { return nil }
    let node = KnownNode(appearance.node)
    if appearance.isFirst { tell(.node(id: node.id, mac: node.macAddress, ip: ip)) }
    if let problem = appearance.problem {
      tell(.problem("node \(node.id) does not get the graph \(configuration.discoveryGraph ?? ""): \(problem)"))
    }
    return node
  }

  private func firstWork(of node: KnownNode, _ request: Request) throws -> FirstWork {
    var work = FirstWork()
    work.taskSets = try configuration.taskSetsForNewNodes.map {
      try TaskSetBody(TemplateText.render($0, variables(for: node, request))).bytes(for: node.id)
    }
    work.graph = configuration.discoveryGraph.map {
      StartRequest(graph: $0, node: node.id, scope: scope(request))
    }
    return work
  }

  /// What the templates of a graph's options can name of the server: its addresses as the client reached it.
  func scope(_ request: Request) -> RenderScope {
    let address = AdvertisedServer(request, configuration)
    var server = JSONObject()
    server["apiServerAddress"] = .string(address.host)
    server["apiServerPort"] = .integer(address.port)
    server["apiServerScheme"] = .string(String(address.url.prefix { $0 != ":" }))
    return RenderScope(server: server)
  }

  /// What templates can name without a graph: the server as the client reached it, the node, and over them the options
  /// of a task set.
  ///
  /// - Parameter options: `nil`: those of the task set that the node was handed last.
  func variables(for node: KnownNode?, _ request: Request, options: JSONObject? = nil) -> JSON {
    let options = Self.flattened(options ?? node?.options ?? JSONObject())
    return .object(fixedVariables(for: node, request).setting(options))
  }

  /// What templates can name while a graph's task answers for the node: the task's options, and over them what is the same
  /// for all tasks, as on the stock server.
  ///
  /// - Returns: `nil` when no task of the run answers.
  func variables(for node: KnownNode, _ request: Request, of run: GraphRun) -> JSON? {
    guard let (task, options) = run.templateAnswer else { return nil }
    var fixed = fixedVariables(for: node, request)
    fixed["context"] = .object(run.context)
    fixed["taskId"] = .string(task)
    fixed["sku"] = run.plan.scope.sku
    fixed["env"] = run.plan.scope.environment
    return .object(Self.flattened(options).setting(fixed))
  }

  /// The options, and below them the members of `defaults`.
  private static func flattened(_ options: JSONObject) -> JSONObject {
    (options["defaults"]?.objectValue ?? JSONObject()).setting(options)
  }

  private func fixedVariables(for node: KnownNode?, _ request: Request) -> JSONObject {
    let address = AdvertisedServer(request, configuration)
    let base = address.url + "/api/current"
    var variables = JSONObject()
    variables["server"] = .string(address.host)
    variables["port"] = .integer(address.port)
    variables["file"] = ["server": .string(address.url)]
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
      if let address = node.ipAddress { variables["ipaddress"] = .string(address) }
    }
    return variables
  }
}
