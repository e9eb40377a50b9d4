import JSONDocument
import MonorailProtocol
import MonorailStore
import Workflows

extension ServerState {
  /// Every catalog in the order of their coming, or those of one node.
  ///
  /// - Throws: `StoreError` when the database cannot be read.
  public func catalogs(of nodeID: String? = nil) throws -> [CatalogRecord] { try store.catalogs(of: nodeID) }

  /// An address that is known, with the node that has it.
  struct KnownAddress: Sendable {
    let macAddress: String?
    let ipAddress: String?
    let nodeID: String?
  }

  /// The addresses of all nodes, in the order of the nodes' coming, then those that no node has, such as a BMC's. A node
  /// without a MAC address has an entry, too.
  ///
  /// - Throws: `StoreError` when the database cannot be read.
  func addresses() throws -> [KnownAddress] {
    let lookups = try store.lookups()
    let learnt = Dictionary(
      lookups.compactMap { lookup in lookup.ipAddress.map { (lookup.macAddress, $0) } },
      uniquingKeysWith: { first, _ in first })
    var known: [KnownAddress] = []
    for node in store.nodes {
      for mac in node.addresses {
        known.append(KnownAddress(macAddress: mac, ipAddress: learnt[mac] ?? node.ipAddress, nodeID: node.id))
      }
      if node.addresses.isEmpty {
        known.append(KnownAddress(macAddress: nil, ipAddress: node.ipAddress, nodeID: node.id))
      }
    }
    let macs = Set(known.compactMap(\.macAddress))
    for lookup in lookups.sorted(by: { $0.macAddress < $1.macAddress }) where !macs.contains(lookup.macAddress) {
      known.append(KnownAddress(macAddress: lookup.macAddress, ipAddress: lookup.ipAddress, nodeID: nil))
    }
    return known
  }
}

extension CatalogRecord {
  /// As `GET nodes/<id>/catalogs` shows it.
  func view() throws -> JSON { try json(node: "/api/2.0/nodes/" + node) }

  /// As `GET nodes/<id>/catalogs/<source>` shows it.
  func raw() throws -> JSON { try json(node: node) }

  private func json(node: String) throws -> JSON {
    var fields = JSONObject()
    fields["id"] = .string(id)
    fields["node"] = .string(node)
    fields["createdAt"] = .string(UTCTime.text(createdAt))
    fields["updatedAt"] = .string(UTCTime.text(updatedAt))
    fields["source"] = .string(source)
    fields["data"] = try data()
    if let reason { fields["reason"] = .string(reason) }
    return .object(fields)
  }
}
