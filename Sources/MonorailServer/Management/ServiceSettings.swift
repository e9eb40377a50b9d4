import JSONDocument

/// How an OBM service (out-of-band management) reaches a node's power or BMC. A node has at most one for each service.
public struct ServiceSettings: Sendable, Hashable {
  public let id: String
  public let nodeID: String
  /// `ipmi-obm-service`.
  public let service: String
  /// What the service needs, passwords included.
  public let config: JSONObject

  public init(id: String, nodeID: String, service: String, config: JSONObject) {
    (self.id, self.nodeID, self.service, self.config) = (id, nodeID, service, config)
  }

  /// What nobody is shown.
  private static let secrets: Set<String> = ["password", "community", "productkey"]

  /// As the API shows it: without passwords.
  var view: JSON {
    var shown = JSONObject()
    for member in config.members where !Self.secrets.contains(member.key.lowercased()) {
      shown[member.key] = member.value
    }
    return [
      "id": .string(id), "node": .string("/api/2.0/nodes/" + nodeID), "service": .string(service),
      "config": .object(shown),
    ]
  }
}

/// Where the settings of OBM services are kept.
protocol ServiceSettingsStore: Sendable {
  /// In the order of their coming.
  ///
  /// - Parameter nodeID: `nil` for all nodes.
  func serviceSettings(of nodeID: String?) throws -> [ServiceSettings]

  /// Saves settings in place of what was there for that node and service.
  func saveServiceSettings(of nodeID: String, service: String, config: JSONObject) async throws -> ServiceSettings

  /// - Returns: whether they were there.
  func deleteServiceSettings(id: String) async throws -> Bool

  /// The IP address that lookups have for a MAC address, in lower case.
  func ipAddress(ofMACAddress mac: String) throws -> String?
}
