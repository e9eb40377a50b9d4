import JSONDocument
import MonorailProtocol
import MonorailStore

extension ServerState {
  /// Every node, in the order of their coming.
  public var nodes: [KnownNode] { store.nodes.map { KnownNode($0) } }

  public func node(_ id: String) -> KnownNode? { store.node(id).map { KnownNode($0) } }

  /// The node that a client means by an identifier or an address: see `Store.node(named:)`.
  func node(named name: String) throws -> KnownNode? { try store.node(named: name).map { KnownNode($0) } }

  public func node(withAddress address: MACAddress) -> KnownNode? {
    store.node(withAddress: address.description).map { KnownNode($0) }
  }

  /// Makes a node known; nothing changes when it is known already, but that it has the address too.
  ///
  /// - Parameter id: its identifier; `nil` derives one from the address.
  /// - Returns: the identifier.
  @discardableResult
  public func addNode(address: MACAddress, id: String? = nil) throws -> String {
    let id = id ?? KnownNode.identifier(for: address)
    return try store.perform(.addNode(id, addresses: [address.description]))
  }

  /// Makes a node known that has no address yet.
  public func addNode(id: String) throws { try store.perform(.addNode(id)) }

  /// Forgets a node and its queue: it gets 404 again (or appears anew, if the server lets it). Its reports stay.
  ///
  /// - Throws: `StoreError` while a run of the node is active, and for an unknown node.
  public func removeNode(_ id: String) throws { try store.perform(.removeNode(id)) }

  /// Notes that a node has asked for something: from which address, and which NICs it has. An address of another node stays
  /// with that node.
  ///
  /// - Parameters:
  ///   - ip: where the request came from.
  ///   - adds: whether a node that is not known is added.
  ///   - isBoot: the machine asks what to boot.
  ///   - firstWork: what a node gets when it asks for the first time. When this throws, nothing is changed.
  /// - Throws: what `firstWork` throws; `StoreError`.
  /// - Returns: `nil` when the node is not known and was not added.
  func nodeAppeared(
    _ name: NodeName, ip: String?, adds: Bool, isBoot: Bool,
    firstWork: @escaping @Sendable (KnownNode) throws -> FirstWork
  ) async throws -> NodeAppearance? {
    if !isBoot, let appearance = store.unchangedAppearance(of: name, ipAddress: ip) { return appearance }
    return try await store.perform(
      .nodeAppeared(name, ipAddress: ip, adds: adds, isBoot: isBoot) { try firstWork(KnownNode($0)) })
  }
}
