/// The server's routes, as the agent asks for them.
public enum APIPath {
  /// Where the API lives. The first two are the same; `1.1` is in older definitions.
  public static let versions = ["current", "common", "2.0", "1.1"]

  public static func tasks(_ identifier: String) -> String { "/api/current/tasks/\(identifier)" }

  public static func bootstrap(_ address: MACAddress) -> String {
    "/api/current/tasks/bootstrap.js?macAddress=\(address)"
  }
}
