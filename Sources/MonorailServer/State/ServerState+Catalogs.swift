import Catalogs
import Foundation
import MonorailProtocol

/// Catalogs, and the addresses that they tell.
struct CatalogStorage: Sendable {
  /// Oldest first; each run of a task adds one.
  var records: [CatalogRecord] = []
  /// How many bytes of text `records` has.
  var bytes = 0
  /// How many there have been.
  var count = 0
  /// The IP address of each MAC address of which a catalog told one, in lower case.
  var ipAddresses: [String: String] = [:]
}

extension ServerState {
  /// Every catalog in the order of their coming, or those of one node.
  public func catalogs(of nodeID: String? = nil) -> [CatalogRecord] {
    storage.read { storage in storage.catalogs.records.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  /// The newest catalog of that source.
  public func catalog(_ source: String, of nodeID: String) -> CatalogRecord? {
    storage.read { storage in storage.catalogs.records.last { $0.nodeID == nodeID && $0.source == source } }
  }

  func catalog(id: String) -> CatalogRecord? {
    storage.read { storage in storage.catalogs.records.first { $0.id == id } }
  }

  /// An address that is known, with the node that has it.
  struct KnownAddress: Sendable {
    let macAddress: String?
    let ipAddress: String?
    let nodeID: String?
  }

  /// The addresses of all nodes, in the order of the nodes' coming, then those that no node has, such as a BMC's. A node
  /// without a MAC address has an entry, too.
  var addresses: [KnownAddress] {
    storage.read { storage in
      let learnt = storage.catalogs.ipAddresses
      var known: [KnownAddress] = []
      for node in storage.order.compactMap({ storage.nodes[$0] }) {
        for mac in node.macAddresses.map(\.description) {
          known.append(KnownAddress(macAddress: mac, ipAddress: learnt[mac] ?? node.ipAddress, nodeID: node.id))
        }
        if node.macAddresses.isEmpty {
          known.append(KnownAddress(macAddress: nil, ipAddress: node.ipAddress, nodeID: node.id))
        }
      }
      let macs = Set(known.compactMap(\.macAddress))
      for (mac, ip) in learnt.sorted(by: { $0.key < $1.key }) where !macs.contains(mac) {
        known.append(KnownAddress(macAddress: mac, ipAddress: ip, nodeID: nil))
      }
      return known
    }
  }
}

extension ServerState.Storage {
  /// Adds what is stored of each catalog. The oldest ones go when there are too many bytes.
  mutating func add(_ made: [Catalog], of nodeID: String, at time: Date, keeping maximumBytes: Int) {
    for catalog in made {
      learn(catalog.lookups, from: nodeID)
      guard let data = catalog.data else { continue }
      var text: [UInt8] = []
      data.write(to: &text)
      catalogs.count += 1
      catalogs.records.append(
        CatalogRecord(
          id: Identifier.text(catalogs.count), nodeID: nodeID, source: catalog.source, text: text,
          reason: catalog.reason, created: time))
      catalogs.bytes += text.count
    }
    var surplus = 0
    while catalogs.bytes > maximumBytes, surplus < catalogs.records.count - 1 {
      catalogs.bytes -= catalogs.records[surplus].text.count
      surplus += 1
    }
    catalogs.records.removeFirst(surplus)
  }

  private mutating func learn(_ lookups: [Lookup], from nodeID: String) {
    for lookup in lookups {
      switch lookup {
      case .nodeAddress(let mac):
        if let address = MACAddress(mac), node(withAddress: address) == nil { nodes[nodeID]?.add(address) }
      case .ipAddress(let ip, let mac):
        catalogs.ipAddresses[mac] = ip
      }
    }
  }
}
