import MonorailProtocol
import SystemFiles

/// The machine's own network interfaces, as sysfs shows them.
public enum NetworkInterfaces {
  /// The addresses of the physical NICs, in the order of their names. A NIC is physical when it has a device behind it:
  /// bridges, bonds, veth pairs and the loopback have none.
  public static func physicalAddresses(sysfs: String = "/sys/class/net") -> [MACAddress] {
    FileSystem.names(in: sysfs).sorted().compactMap { name in
      guard FileSystem.exists("\(sysfs)/\(name)/device"),
        let text = try? FileSystem.contents(of: "\(sysfs)/\(name)/address"),
        let address = MACAddress(String(decoding: text.filter { $0 > 0x20 }, as: UTF8.self)),
        address.description != "00:00:00:00:00:00"
      else { return nil }
      return address
    }
  }
}
