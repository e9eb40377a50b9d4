import GRDB
import JSONDocument
import Workflows

extension Store {
  /// Every node, in the order of their coming.
  public var nodes: [NodeRecord] { live.withLock { Array($0.nodes.values) }.sorted { $0.number < $1.number } }

  public func node(_ id: String) -> NodeRecord? { live.withLock { $0.nodes[id] } }

  /// The node that has a NIC of that MAC address.
  ///
  /// - Parameter address: in lower case, with colons.
  public func node(withAddress address: String) -> NodeRecord? {
    live.withLock { live in live.addresses[address].flatMap { live.nodes[$0] } }
  }

  /// The node that a client means by its identifier, a MAC address of one of its NICs, an IP address that is known of it, or
  /// one of its `identifiers`. Case does not count in addresses and `identifiers`.
  ///
  /// - Returns: `nil` also when several nodes have the IP address or the one of `identifiers`.
  public func node(named name: String) throws -> NodeRecord? {
    if let node = node(name) { return node }
    let lower = name.lowercased()
    if let node = node(withAddress: lower.replacing("-", with: ":")) { return node }
    var found = Set(try lookups(lower).compactMap { $0.node ?? node(withAddress: $0.macAddress)?.id })
    let nodes = nodes
    found.formUnion(nodes.filter { $0.ipAddress == lower }.map(\.id))
    if found.isEmpty {
      found.formUnion(
        nodes.filter { node in
          (node.document["identifiers"]?.arrayValue ?? []).contains { $0.stringValue?.lowercased() == lower }
        }.map(\.id))
    }
    return found.count == 1 ? found.first.flatMap { node($0) } : nil
  }

  /// The addresses that are known, of nodes and of others, in the order of their coming.
  ///
  /// - Parameter query: an IP or MAC address, or a node's identifier; `nil` for all.
  public func lookups(_ query: String? = nil) throws -> [LookupRecord] {
    try read { db in
      let sql = "SELECT * FROM lookups WHERE ?1 IS NULL OR ?1 IN (mac, ip, node) ORDER BY number"
      return try Row.fetchAll(db, sql: sql, arguments: [query]).map { LookupRecord($0) }
    }
  }

  /// How a node's power or BMC is reached.
  ///
  /// - Parameter node: `nil` for all nodes.
  public func managementSettings(of node: String? = nil) throws -> [ManagementSettings] {
    try read { db in
      let sql = "SELECT * FROM obms WHERE ?1 IS NULL OR node = ?1 ORDER BY number"
      return try Row.fetchAll(db, sql: sql, arguments: [node]).map { try ManagementSettings($0) }
    }
  }
}

/// What is known of a MAC address.
public struct LookupRecord: Sendable, Hashable {
  public let number: Int
  /// 24 hexadecimal digits, which are the number.
  public var id: String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, 24 - digits.count)) + digits
  }
  public let macAddress: String
  public let ipAddress: String?
  public let node: String?
  /// In milliseconds since 1970.
  public let createdAt: Int
  /// In milliseconds since 1970.
  public let updatedAt: Int

  fileprivate init(_ row: Row) {
    (number, macAddress, ipAddress, node) = (row["number"], row["mac"], row["ip"], row["node"])
    (createdAt, updatedAt) = (row["createdAt"], row["updatedAt"])
  }
}

/// How an OBM service reaches a node's power or BMC. There is one for a node and a service.
public struct ManagementSettings: Sendable, Hashable {
  public let id: String
  public let node: String
  public let service: String
  /// With passwords.
  public let config: JSONObject

  fileprivate init(_ row: Row) throws {
    (id, node, service) = (row["id"], row["node"], row["service"])
    config = try (row["config"] as StoredBytes).object()
  }
}

extension StoreCommand where Result == String {
  /// Makes a node known; one that is there stays as it is.
  ///
  /// - Parameters:
  ///   - id: its identifier; `nil` makes one.
  ///   - addresses: MAC addresses, in lower case with colons. One of another node stays with that node.
  ///   - document: its fields as they were posted.
  ///   - settings: how its power and its BMC are reached.
  /// - Returns: the identifier.
  public static func addNode(
    _ id: String?, addresses: [String] = [], document: JSONObject = JSONObject(),
    settings: [(service: String, config: JSONObject)] = []
  ) -> StoreCommand<String> {
    StoreCommand { transaction in
      let id = id ?? Identifier.object()
      try transaction.addNode(id, document: document)
      for address in addresses { try transaction.link(address, to: id) }
      for entry in settings {
        try transaction.saveManagementSettings(node: id, service: entry.service, config: entry.config)
      }
      return id
    }
  }
}

extension StoreCommand where Result == Void {
  /// Forgets a node, its addresses and the task sets that wait for it. Its reports and
  /// runs stay; its catalogs go.
  ///
  /// - Throws: `StoreError` while a run of the node is active, and for an unknown node.
  public static func removeNode(_ id: String) -> StoreCommand<Void> {
    StoreCommand { try $0.removeNode(id) }
  }

  /// Replaces the fields that were posted of a node, and adds addresses.
  public static func describe(
    _ id: String, _ document: JSONObject, addresses: [String] = []
  ) -> StoreCommand<Void> {
    StoreCommand { transaction in
      try transaction.update(id) { $0.document = document }
      for address in addresses { try transaction.link(address, to: id) }
    }
  }

  /// Saves what is known of a MAC address. What is `nil` stays as it was.
  ///
  /// - Parameters:
  ///   - mac: in lower case, with colons.
  ///   - node: the node gets the address, and a node that had it loses it.
  public static func saveLookup(_ mac: String, ipAddress: String?, node: String?) -> StoreCommand<Void> {
    StoreCommand { transaction in
      if let node {
        _ = try transaction.node(node)
        if let owner = transaction.node(ofAddress: mac), owner != node { transaction.unlink(mac, from: owner) }
        try transaction.link(mac, to: node)
      }
      try transaction.execute(
        """
        INSERT INTO lookups (mac, ip, createdAt, updatedAt) VALUES (?, ?, ?, ?)
        ON CONFLICT (mac) DO UPDATE SET ip = coalesce(excluded.ip, ip), updatedAt = excluded.updatedAt
        """,
        [mac, ipAddress, transaction.now, transaction.now])
    }
  }

  /// Forgets a MAC address. A node that has it is no longer known by it.
  public static func deleteLookup(_ mac: String) -> StoreCommand<Void> {
    StoreCommand { transaction in
      if let owner = transaction.node(ofAddress: mac) { transaction.unlink(mac, from: owner) }
      try transaction.execute("DELETE FROM lookups WHERE mac = ?", [mac])
    }
  }

  /// Saves how a node's power or BMC is reached, in place of what was there for that service.
  public static func saveManagementSettings(
    node: String, service: String, config: JSONObject
  ) -> StoreCommand<Void> {
    StoreCommand { try $0.saveManagementSettings(node: node, service: service, config: config) }
  }

}

extension StoreCommand where Result == Int {
  /// The node has started anew: it asked for its boot profile, or its agent began. A task set that it had is not given
  /// again, as it may have begun it.
  ///
  /// - Parameter isBoot: it asked for its boot profile.
  /// - Returns: how often it has asked for its boot profile.
  public static func nodeStarted(_ id: String, isBoot: Bool) -> StoreCommand<Int> {
    StoreCommand { try $0.nodeStarted(id, isBoot: isBoot) }
  }
}

extension StoreCommand where Result == Bool {
  /// Forgets how a node's power or BMC is reached.
  ///
  /// - Parameter id: of the settings.
  /// - Returns: whether there were such settings.
  public static func deleteManagementSettings(_ id: String) -> StoreCommand<Bool> {
    StoreCommand { transaction in
      try transaction.execute("DELETE FROM obms WHERE id = ?", [id])
      return transaction.db.changesCount > 0
    }
  }
}

extension Transaction {
  func addNode(_ id: String, document: JSONObject) throws {
    guard nodeIfKnown(id) == nil else { return }
    let number = try insert(
      """
      INSERT INTO nodes (id, document, hasAppeared, options, handedOut, reports, boots, createdAt, updatedAt)
      VALUES (?, ?, 0, ?, 0, 0, 0, ?, ?)
      """,
      [id, StoredBytes(.object(document)), StoredBytes(.object(JSONObject())), now, now])
    changes.nodes[id] = NodeRecord(id: id, number: number, document: document, now: now)
  }

  func link(_ address: String, to id: String) throws {
    guard node(ofAddress: address) == nil, var node = nodeIfKnown(id) else { return }
    try execute(
      """
      INSERT INTO lookups (mac, node, createdAt, updatedAt) VALUES (?, ?, ?, ?)
      ON CONFLICT (mac) DO UPDATE SET node = excluded.node, updatedAt = excluded.updatedAt
      """,
      [address, id, now, now])
    node.addresses.append(address)
    changes.nodes[id] = node
    changes.addresses[address] = id
  }

  /// Takes an address from a node in memory; the caller changes its row.
  fileprivate func unlink(_ address: String, from id: String) {
    changes.addresses[address] = .some(nil)
    guard var node = nodeIfKnown(id) else { return }
    node.addresses.removeAll { $0 == address }
    changes.nodes[id] = node
  }

  /// Notes which IP address a NIC has. The NIC need not be a node's.
  func note(ipAddress: String, of mac: String) throws {
    try execute(
      """
      INSERT INTO lookups (mac, ip, createdAt, updatedAt) VALUES (?, ?, ?, ?)
      ON CONFLICT (mac) DO UPDATE SET ip = excluded.ip, updatedAt = excluded.updatedAt
      """,
      [mac, ipAddress, now, now])
  }

  func saveManagementSettings(node: String, service: String, config: JSONObject) throws {
    _ = try self.node(node)
    try execute(
      """
      INSERT INTO obms (id, node, service, config, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (node, service) DO UPDATE SET config = excluded.config, updatedAt = excluded.updatedAt
      """,
      [Identifier.object(), node, service, StoredBytes(.object(config)), now, now])
    touch(node)
  }

  fileprivate func removeNode(_ id: String) throws {
    let node = try node(id)
    if let run = node.runs.first(where: { run($0)?.isActive == true }) {
      throw StoreError(.conflict, "node \(id) cannot be deleted while its workflow \(run) is active")
    }
    for run in node.runs { try handle(.cancelled, in: run) }
    for run in node.runs { try retire(run) }
    try execute("DELETE FROM taskSets WHERE node = ? AND state = 'queued'", [id])
    try execute("UPDATE taskSets SET state = 'lost' WHERE node = ? AND state = 'out'", [id])
    try execute("DELETE FROM lookups WHERE node = ?", [id])
    try execute("DELETE FROM catalogs WHERE node = ?", [id])
    try execute("DELETE FROM obms WHERE node = ?", [id])
    try execute("DELETE FROM nodes WHERE id = ?", [id])
    for address in node.addresses { changes.addresses[address] = .some(nil) }
    changes.nodes[id] = .some(nil)
  }

  fileprivate func nodeStarted(_ id: String, isBoot: Bool) throws -> Int {
    let node = try node(id)
    let boots = node.boots + (isBoot ? 1 : 0)
    if isBoot { try update(id) { $0.boots = boots } }
    // An agent also looks itself up when a connection breaks. That of a machine which boots over the network begins only
    // after a boot, so there the boot alone counts.
    if isBoot || node.boots == 0 { try markReceived(id) }
    return boots
  }
}
