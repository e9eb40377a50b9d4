import JSONDocument
import MonorailProtocol

/// A node, as the server knows it.
public struct KnownNode: Sendable, Equatable {
  public let id: String
  /// Of all its NICs that are known.
  public internal(set) var macAddresses: [MACAddress] = []
  /// The address of its last request.
  public internal(set) var ipAddress: String?
  /// What templates see besides the standard variables: the options of the task set handed out last.
  public internal(set) var options = JSONObject()
  /// Waiting to be handed out, first one first.
  public internal(set) var queue: [QueuedTaskSet] = []
  public internal(set) var handedOut = 0
  public internal(set) var reports = 0
  /// How often it has asked for its boot profile.
  public internal(set) var boots = 0
  /// Whether it has asked for anything yet.
  public internal(set) var hasAppeared = false

  init(id: String) { self.id = id }

  /// The address by which the server knew it first.
  public var macAddress: MACAddress? { macAddresses.first }

  mutating func add(_ address: MACAddress) {
    if !macAddresses.contains(address) { macAddresses.append(address) }
  }

  /// The identifier that a node gets when none is given: 24 hexadecimal digits, as the stock server's, ending in the
  /// address.
  static func identifier(for address: MACAddress) -> String {
    "000000000000" + address.description.filter { $0 != ":" }
  }
}

/// A task set that waits for its node.
public struct QueuedTaskSet: Sendable, Equatable {
  public let id: String
  /// The name of the workflow that it came from, if any.
  public let workflow: String?
  /// What goes out, byte for byte.
  public let body: [UInt8]
  public let options: JSONObject
}
