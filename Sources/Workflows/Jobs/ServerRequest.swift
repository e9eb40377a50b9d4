import JSONDocument

/// What a job asks the server for.
public enum ServerRequest: Sendable, Hashable {
  /// Store what commands printed.
  ///
  /// - node: the node's identifier.
  /// - replacesLast: the last catalog of that source is overwritten; else one is added.
  /// Answered with any value, or with a failure when a catalog makes the task fail.
  case storeCatalogs(node: String, [ReportedCatalog], replacesLast: Bool)
  /// Read the newest catalog of each source. Answered with an object: source → the record, null where there is none.
  case readCatalogs(node: String, sources: [String])
  /// Act on the node's power or BMC. Answered with any value, or with a failure.
  case manage(node: String, ManagementAction)
  /// Save how the node's power or BMC is reached, in place of what was there for that service. Answered with any value.
  case saveManagementSettings(node: String, service: String, config: JSONObject)
  /// Make a text of that many random hexadecimal digits. Answered with the text.
  case makeRandomText(digits: Int)
  /// Start another graph. Answered with its `instanceId`, a text, or with a failure.
  case runGraph(name: String, options: JSONObject)
  /// Start the graph that the node's SKU names, with the options that it names. Answered with its `instanceId`, with null
  /// when the node has no SKU or the SKU names no graph, or with a failure.
  case runSKUGraph(node: String)
  /// Cancel a graph. Not answered.
  case cancelGraph(instanceId: String)
  /// Tell the world of an event. Answered with any value.
  case publish(event: String, node: String)
  /// Find the node's SKU by the rules of all SKUs (`SKURules`), and store it, or that there is none. Answered with any
  /// value.
  case generateSKU(node: String)
  /// Give each node the tags whose rules match (`TagRules`). Answered with any value, or with a failure for a node that is
  /// not known.
  case generateTags(nodes: [String])
  /// Run commands on the server itself, those whose output has a parser, and store what they print as catalogs of the
  /// node. What fails is logged. Answered with any value.
  case catalogHere(node: String, commands: [String])
  /// Download a file to the server's files, under a name that has no directory. Answered with any value, or with a failure.
  case download(url: String, name: String)

  /// Whether `WorkflowEvent.performed` answers it.
  public var isAnswered: Bool {
    if case .cancelGraph = self { false } else { true }
  }
}

/// How a server answers a request of a job.
public enum RequestAnswer: Sendable, Hashable {
  case done(JSON)
  case failed(String)
}

/// The result of one command that makes catalogs.
public struct ReportedCatalog: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// The task set names source and format. The command is not looked at.
    case marked(source: String, format: String)
    /// The text of the command tells the parser.
    case byCommand(String)
  }

  public let kind: Kind
  /// Every field of the task as it was reported.
  public let task: JSONObject

  public init(kind: Kind, task: JSONObject) { (self.kind, self.task) = (kind, task) }
}

/// An action of an OBM (out-of-band management) service.
public struct ManagementAction: Sendable, Hashable {
  /// `powerOn`, `reboot`, `setBootPxe`, …
  public let action: String
  /// The service to use if the node has it; else the node's only one is used.
  public let service: String?
  /// How often it is tried again.
  public let retries: Int
  /// The time before the second try, in milliseconds. It doubles with each try.
  public let delay: Int
}
