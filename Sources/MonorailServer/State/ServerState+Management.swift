import JSONDocument
import MonorailStore

extension ServerState: ServiceSettingsStore {
  func serviceSettings(of nodeID: String?) throws -> [ServiceSettings] {
    try store.managementSettings(of: nodeID).map {
      ServiceSettings(id: $0.id, nodeID: $0.node, service: $0.service, config: $0.config)
    }
  }

  func saveServiceSettings(
    of nodeID: String, service: String, config: JSONObject
  ) async throws -> ServiceSettings {
    try await store.perform(.saveManagementSettings(node: nodeID, service: service, config: config))
    guard let saved = try serviceSettings(of: nodeID).first(where: { $0.service == service }) else {
      throw StoreError(.conflict, "the OBM settings of node \(nodeID) for \(service) were removed at the same time")
    }
    return saved
  }

  func deleteServiceSettings(id: String) async throws -> Bool {
    try await store.perform(.deleteManagementSettings(id))
  }

  func ipAddress(ofMACAddress mac: String) throws -> String? {
    try store.lookups(mac).first { $0.macAddress == mac }?.ipAddress ?? store.node(withAddress: mac)?.ipAddress
  }
}
