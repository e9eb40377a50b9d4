/// A NIC's hardware address, six octets.
public struct MACAddress: Sendable, Hashable, CustomStringConvertible {
  /// Lower case, with colons: `00:1e:67:98:bc:7e`.
  public let description: String

  /// Takes colons or hyphens, in either case; `nil` for anything but six octets of two hexadecimal digits.
  public init?(_ text: some StringProtocol) {
    let octets = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
    guard octets.count == 6,
      octets.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) && $0.allSatisfy(\.isASCII) })
    else { return nil }
    description = octets.joined(separator: ":").lowercased()
  }

  /// Takes the value of the kernel's `BOOTIF` parameter: the hardware type, then the address (pxelinux's form, and the
  /// one with colons that RackHD's profile writes). Without the type it is taken too.
  public init?(bootInterface text: String) {
    if let address = MACAddress(text) {
      self = address
    } else {
      guard let end = text.firstIndex(where: { $0 == "-" || $0 == ":" }),
        let address = MACAddress(text[text.index(after: end)...])
      else { return nil }
      self = address
    }
  }
}
