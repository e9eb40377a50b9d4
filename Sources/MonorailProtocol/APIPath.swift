/// The server's routes, as the agent asks for them.
public enum APIPath {
  /// The versions that stand in the API's paths (`/api/<version>/…`). `current` and `common` both mean 2.0; older
  /// definitions say 1.1.
  public static let versions = ["current", "common", "2.0", "1.1"]

  public static func tasks(_ identifier: String) -> String { "/api/current/tasks/\(identifier)" }

  /// The node's identifier in the path of its tasks: the last component. Empty when there is none.
  public static func identifier(in tasksPath: String) -> String {
    tasksPath.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? ""
  }

  public static func bootstrap(_ address: MACAddress) -> String {
    "/api/current/tasks/bootstrap.js?macAddress=\(address)"
  }
}
