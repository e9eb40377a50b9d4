import Hummingbird
import MonorailProtocol

/// What a boot ROM tells of its machine: `macs=…&ips=…&macs=…&ips=…`. The n-th of `macs` and the n-th of `ips` are of one
/// NIC.
struct ProfileQuery: Equatable {
  struct Interface: Equatable {
    let address: MACAddress
    /// As the ROM wrote it; `nil` when the NIC has none.
    let ip: String?
  }

  /// The NICs that have a usable address, in the ROM's order, each once.
  let interfaces: [Interface]
  /// Whether NICs were named at all, usable or not.
  let namesInterfaces: Bool

  init(_ request: Request) {
    let parameters = request.uri.queryParameters
    self.init(
      macs: parameters.getAll("macs") + parameters.getAll("mac"),
      ips: parameters.getAll("ips") + parameters.getAll("ip"))
  }

  init(macs: [String], ips: [String]) {
    namesInterfaces = !macs.isEmpty
    let macs = macs.flatMap(Self.items)
    let ips = ips.flatMap(Self.items)
    var found: [Interface] = []
    // No machine has so many NICs; the limit bounds the time for a request of megabytes.
    for (index, text) in macs.prefix(256).enumerated() {
      guard let address = Self.address(text), !found.contains(where: { $0.address == address }) else { continue }
      let ip = index < ips.count && !ips[index].isEmpty && ips[index] != "0.0.0.0" ? ips[index] : nil
      found.append(Interface(address: address, ip: ip))
    }
    interfaces = found
  }

  /// The NIC that the machine booted from: the one whose address the request came from; behind address translation, the
  /// first that has an address.
  func bootInterface(source: String?) -> Interface? {
    interfaces.first { $0.ip != nil && $0.ip == source } ?? interfaces.first { $0.ip != nil } ?? interfaces.first
  }

  private static func items(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { $0.filter { !$0.isWhitespace } }
  }

  /// Takes colons, hyphens or nothing between the octets, as iPXE's `:hex`, `:hexhyp` and `:hexraw` write them. Refuses the
  /// addresses of zeros and of ones, which no NIC has.
  private static func address(_ text: String) -> MACAddress? {
    var text = text
    if text.utf8.count == 12, text.allSatisfy(\.isHexDigit) {
      let digits = Array(text)
      text = stride(from: 0, to: 12, by: 2).map { String(digits[$0...$0 + 1]) }.joined(separator: ":")
    }
    guard let address = MACAddress(text),
      !["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"].contains(address.description)
    else { return nil }
    return address
  }
}
