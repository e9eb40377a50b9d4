import JSONDocument
import MonorailProtocol
import MonorailStore

/// A node, as the server knows it.
public struct KnownNode: Sendable {
  private let record: NodeRecord

  init(_ record: NodeRecord) { self.record = record }

  public var id: String { record.id }
  /// Of all its NICs that are known.
  public var macAddresses: [MACAddress] { record.addresses.compactMap { MACAddress($0) } }
  /// The address of its last request.
  public var ipAddress: String? { record.ipAddress }
  /// What templates see besides the standard variables: the options of the task set handed out last.
  public var options: JSONObject { record.options }
  /// How many task sets pushed by hand wait for it.
  public var queued: Int { record.queued }
  public var handedOut: Int { record.handedOut }
  public var reports: Int { record.reports }
  /// How often it has asked for its boot profile.
  public var boots: Int { record.boots }
  /// Whether it has asked for anything yet.
  public var hasAppeared: Bool { record.hasAppeared }
  /// What was posted of it, with its SKU and its tags.
  var document: JSONObject { record.document }

  /// The address by which the server knew it first.
  public var macAddress: MACAddress? { record.addresses.first.flatMap { MACAddress($0) } }

  /// The identifier that a node gets when none is given: 24 hexadecimal digits, as the stock server's, ending in the
  /// address.
  static func identifier(for address: MACAddress) -> String {
    "000000000000" + address.description.filter { $0 != ":" }
  }
}
