import JSONDocument

extension ServerState: ServiceSettingsStore {
  func serviceSettings(of nodeID: String?) -> [ServiceSettings] {
    storage.read { storage in storage.serviceSettings.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  func saveServiceSettings(of nodeID: String, service: String, config: JSONObject) throws -> ServiceSettings {
    try storage.update { storage in
      guard storage.nodes[nodeID] != nil else { throw UnknownNode(id: nodeID) }
      let old = storage.serviceSettings.firstIndex { $0.nodeID == nodeID && $0.service == service }
      if old == nil { storage.serviceSettingsCount += 1 }
      let id = old.map { storage.serviceSettings[$0].id } ?? Identifier.text(storage.serviceSettingsCount)
      let settings = ServiceSettings(id: id, nodeID: nodeID, service: service, config: config)
      if let old { storage.serviceSettings[old] = settings } else { storage.serviceSettings.append(settings) }
      return settings
    }
  }

  func deleteServiceSettings(id: String) -> Bool {
    storage.update { storage in
      let count = storage.serviceSettings.count
      storage.serviceSettings.removeAll { $0.id == id }
      return storage.serviceSettings.count < count
    }
  }

  func ipAddress(ofMACAddress mac: String) -> String? { addresses.first { $0.macAddress == mac }?.ipAddress }
}

/// Identifiers as the stock server's: 24 hexadecimal digits.
enum Identifier {
  static func text(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, 24 - digits.utf8.count)) + digits
  }
}
