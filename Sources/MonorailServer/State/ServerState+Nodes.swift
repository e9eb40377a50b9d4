import JSONDocument
import MonorailProtocol

extension ServerState {
  /// Every node, in the order of their coming.
  public var nodes: [KnownNode] { storage.read { storage in storage.order.compactMap { storage.nodes[$0] } } }

  public func node(_ id: String) -> KnownNode? { storage.read { $0.nodes[id] } }

  public func node(withAddress address: MACAddress) -> KnownNode? { storage.read { $0.node(withAddress: address) } }

  /// Makes a node known; nothing changes when it is known already, but that it has the address too.
  ///
  /// - Parameter id: its identifier; `nil` derives one from the address.
  /// - Returns: the identifier.
  @discardableResult
  public func addNode(address: MACAddress, id: String? = nil) -> String {
    let id = id ?? KnownNode.identifier(for: address)
    storage.update { storage in
      storage.add(KnownNode(id: id))
      storage.link(address, to: id)
    }
    return id
  }

  /// Makes a node known that has no address yet.
  public func addNode(id: String) { storage.update { $0.add(KnownNode(id: id)) } }

  /// Forgets a node, its queue and its OBM settings: it gets 404 again (or appears anew, if the server lets it). Its reports
  /// stay.
  public func removeNode(_ id: String) {
    storage.update { storage in
      storage.serviceSettings.removeAll { $0.nodeID == id }
      storage.nodes[id] = nil
      storage.order.removeAll { $0 == id }
    }
  }

  /// How a request says which node it is of.
  enum NodeName {
    case id(String)
    /// Of its NICs: it is the node that has the first of them that any node has.
    case addresses([MACAddress])
  }

  /// Notes that a node has asked for something: from which address, and which NICs it has. An address of another node stays
  /// with that node.
  ///
  /// - Parameters:
  ///   - ip: where the request came from.
  ///   - adds: whether a node that is not known is added.
  ///   - firstWork: the task sets that a node gets when it asks for the first time; they are queued along with this. When
  ///     this throws, nothing is changed.
  /// - Throws: what `firstWork` throws.
  /// - Returns: the node, and whether it asked for the first time; `nil` when it is not known and was not added.
  func nodeAppeared(
    _ name: NodeName, ip: String?, adds: Bool, firstWork: (KnownNode) throws -> [TaskSetBody]
  ) throws -> (node: KnownNode, isFirst: Bool)? {
    try storage.update { storage in
      guard let id = storage.id(of: name, adds: adds) else { return nil }
      var node = storage.nodes[id] ?? KnownNode(id: id)
      let isFirst = !node.hasAppeared
      (node.ipAddress, node.hasAppeared) = (ip, true)
      if case .addresses(let addresses) = name {
        for address in addresses where storage.node(withAddress: address) == nil { node.add(address) }
      }
      let work = isFirst ? try firstWork(node) : []
      storage.add(node)
      storage.nodes[id] = node
      for body in work { try storage.push(body.bytes(for: id), to: id, workflow: nil, options: JSONObject()) }
      return (storage.nodes[id] ?? node, isFirst)
    }
  }
}

extension ServerState.Storage {
  func node(withAddress address: MACAddress) -> KnownNode? {
    nodes.values.first { $0.macAddresses.contains(address) }
  }

  fileprivate func id(of name: ServerState.NodeName, adds: Bool) -> String? {
    switch name {
    case .id(let id):
      return nodes[id] != nil || adds ? id : nil
    case .addresses(let addresses):
      return addresses.lazy.compactMap { node(withAddress: $0)?.id }.first
        ?? (adds ? addresses.first.map { KnownNode.identifier(for: $0) } : nil)
    }
  }

  fileprivate mutating func link(_ address: MACAddress, to id: String) { nodes[id]?.add(address) }

  fileprivate mutating func add(_ node: KnownNode) {
    guard nodes[node.id] == nil else { return }
    nodes[node.id] = node
    order.append(node.id)
  }
}
