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
  /// one with colons that RackHD's profile writes). An address without the type is taken too.
  ///
  /// `nil` for a group address, which no NIC has as its own: `01-00-1e-67-98-bc` is the type with five octets.
  public init?(bootInterface text: String) {
    let type = text.prefix { $0 != "-" && $0 != ":" }
    let isTyped = type.count == 2 && text.utf8.count == 20
    guard let address = MACAddress(isTyped ? text.dropFirst(3) : text[...]), !address.isGroup else { return nil }
    self = address
  }

  /// Whether it names several stations: the lowest bit of the first octet is set (IEEE 802).
  private var isGroup: Bool { description.utf8.dropFirst().first.map { "13579bdf".utf8.contains($0) } ?? false }
}
