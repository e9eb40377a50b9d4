import GRDB
import JSONDocument

/// How a request says which node it is of.
public enum NodeName: Sendable {
  case id(String)
  /// Of its NICs, as MAC addresses in lower case with colons: it is the node that has the first of them that any node has.
  /// A node that is added gets the identifier.
  case addresses([String], idIfNew: String)
}

/// What a node gets when it asks for the first time.
public struct FirstWork: Sendable {
  /// Task sets to be queued.
  public var taskSets: [[UInt8]] = []
  /// A graph to be started.
  public var graph: StartRequest?

  public init() {}
}

/// A node that has asked for something.
public struct NodeAppearance: Sendable {
  public let node: NodeRecord
  /// It has never asked before.
  public let isFirst: Bool
  /// Why the graph of its first work could not be started.
  public let problem: String?
}

extension StoreCommand where Result == NodeAppearance? {
  /// Notes that a node has asked for something: from which address, and which NICs it has. An address of another node stays
  /// with that node.
  ///
  /// - Parameters:
  ///   - ipAddress: where the request came from.
  ///   - adds: whether a node that is not known is added.
  ///   - isBoot: the machine asks what to boot. When it has no catalog and nothing to do, it gets the graph of its first
  ///     work again, as the stock server does it.
  ///   - firstWork: called when the node asks for the first time; the work is queued along with this. When it throws,
  ///     nothing is changed. A node that is added by its identifier gets no graph: any request can name one, so nothing
  ///     shows that there is such a machine.
  /// - Returns: `nil` when the node is not known and was not added.
  public static func nodeAppeared(
    _ name: NodeName, ipAddress: String?, adds: Bool, isBoot: Bool = false,
    firstWork: @escaping @Sendable (NodeRecord) throws -> FirstWork
  ) -> StoreCommand<NodeAppearance?> {
    StoreCommand { try $0.nodeAppeared(name, ipAddress, adds, isBoot, firstWork) }
  }
}

extension Store {
  /// The answer of `StoreCommand.nodeAppeared`, when that would change nothing that is stored; else `nil`.
  public func unchangedAppearance(of name: NodeName, ipAddress: String?) -> NodeAppearance? {
    live.withLock { live in
      let id: String?
      switch name {
      case .id(let given): id = given
      case .addresses(let addresses, _):
        guard addresses.allSatisfy({ live.addresses[$0] != nil }) else { return nil }
        id = addresses.first.flatMap { live.addresses[$0] }
      }
      guard let node = id.flatMap({ live.nodes[$0] }), node.hasAppeared, node.ipAddress == ipAddress else { return nil }
      return NodeAppearance(node: node, isFirst: false, problem: nil)
    }
  }
}

extension Transaction {
  fileprivate func nodeAppeared(
    _ name: NodeName, _ ipAddress: String?, _ adds: Bool, _ isBoot: Bool,
    _ firstWork: (NodeRecord) throws -> FirstWork
  ) throws -> NodeAppearance? {
    let id: String
    var addresses: [String] = []
    switch name {
    case .id(let given): id = given
    case .addresses(let given, let new):
      addresses = given
      id = given.lazy.compactMap { self.node(ofAddress: $0) }.first ?? new
    }
    guard adds || nodeIfKnown(id) != nil else { return nil }
    let isGuess = if case .id = name { nodeIfKnown(id) == nil } else { false }
    try addNode(id, document: JSONObject())
    for address in addresses { try link(address, to: id) }
    let isFirst = try !node(id).hasAppeared
    try update(id) { node in
      node.hasAppeared = true
      node.ipAddress = ipAddress
    }
    var problem: String?
    if isFirst {
      let work = try firstWork(node(id))
      for body in work.taskSets {
        _ = try StoreCommand<Int>.push(body, to: id).body(self)
      }
      if !isGuess, let graph = work.graph { problem = try startFirst(graph) }
    } else if isBoot, try isIdleWithoutCatalog(id), let graph = try firstWork(node(id)).graph {
      problem = try startFirst(graph)
    }
    return NodeAppearance(node: try node(id), isFirst: isFirst, problem: problem)
  }

  /// Whether the node has nothing to do, no catalog, and no run that ended by itself in the last ten minutes.
  private func isIdleWithoutCatalog(_ id: String) throws -> Bool {
    let node = try node(id)
    guard node.queued == 0, !node.hasTaskSet, node.runs.isEmpty else { return false }
    // A graph that ends at once would otherwise run, and perhaps reboot the node, every few seconds.
    let recent = "SELECT 1 FROM runs WHERE node = ? AND status != 'cancelled' AND endedAt > ? LIMIT 1"
    guard try Int.fetchOne(db, sql: recent, arguments: [id, now - 600_000]) == nil else { return false }
    return try Int.fetchOne(db, sql: "SELECT 1 FROM catalogs WHERE node = ? LIMIT 1", arguments: [id]) == nil
  }

  /// Starts the graph of a node's first work.
  ///
  /// - Returns: why it could not be started; then nothing of it is stored, and the node is there all the same.
  private func startFirst(_ request: StartRequest) throws -> String? {
    let planned: PlannedRun
    do {
      planned = try store.planning(request, library: library)
    } catch {
      return "\(error)"
    }
    try handle(.started, in: add(planned, parent: nil))
    return nil
  }
}
