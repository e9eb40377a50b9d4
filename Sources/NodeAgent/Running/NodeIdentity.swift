import JSONDocument
import MonorailProtocol

/// Who this node is at which server: where it asks for tasks, and sends them back.
public struct NodeIdentity: Sendable, Equatable {
  public let server: ServerAddress
  public let tasksPath: String

  init(server: ServerAddress, tasksPath: String) { (self.server, self.tasksPath) = (server, tasksPath) }

  /// - Parameter reached: the server that gave the script; its scheme is kept.
  /// - Throws: `ConfigurationError` when the script names a host that cannot be.
  init(_ script: BootstrapScript, from reached: ServerAddress) throws(ConfigurationError) {
    guard let server = ServerAddress(scheme: reached.scheme, host: script.server, port: script.port) else {
      throw ConfigurationError("the bootstrap script says server = '\(script.server)', which is not a host")
    }
    self.init(server: server, tasksPath: script.tasksPath)
  }

  init?(_ json: JSON) {
    guard let server = json["server"]?.stringValue.flatMap({ ServerAddress($0) }),
      let path = json["tasksPath"]?.stringValue
    else { return nil }
    self.init(server: server, tasksPath: path)
  }

  var json: JSON { ["server": .string(server.description), "tasksPath": .string(tasksPath)] }

  var url: String { server.url(tasksPath) }
  var identifier: String { APIPath.identifier(in: tasksPath) }
}
