import JSONDocument

/// What a catalog tells about the addresses of a node or of its BMC, for the server's table of addresses.
public enum Lookup: Sendable, Hashable {
  /// The node has a NIC of that MAC address.
  case nodeAddress(mac: String)
  /// The NIC of that MAC address has that IP address. It need not be a NIC of the node: it may be its BMC's.
  case ipAddress(ip: String, mac: String)

  /// As a JSON object: `macAddress`, and `ipAddress` when it is known.
  public var json: JSON {
    switch self {
    case .nodeAddress(let mac): ["macAddress": .string(mac)]
    case .ipAddress(let ip, let mac): ["macAddress": .string(mac), "ipAddress": .string(ip)]
    }
  }

  /// `nil` for a text that is no MAC address, or that no NIC has (zeros only).
  static func node(_ mac: String) -> Lookup? { address(mac).map { .nodeAddress(mac: $0) } }

  /// `nil` when one of the two is missing or no address.
  static func pair(ip: String?, mac: String?) -> Lookup? {
    guard let ip, !ip.isEmpty, let mac = mac.flatMap({ address($0) }) else { return nil }
    return .ipAddress(ip: ip, mac: mac)
  }

  /// The MAC address in lower case. InfiniBand's addresses have 20 octets, others 6.
  private static func address(_ text: String) -> String? {
    let octets = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    let isAddress =
      (octets.count == 6 || octets.count == 20)
      && octets.allSatisfy { $0.count == 2 && $0.allSatisfy { Unicode.Scalar($0).properties.isASCIIHexDigit } }
    guard isAddress, octets.contains(where: { !$0.elementsEqual("00".utf8) }) else { return nil }
    return text.lowercased()
  }
}
