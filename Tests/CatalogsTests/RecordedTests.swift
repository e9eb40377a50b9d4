import Catalogs
import JSONDocument
import Testing

/// Outputs of real tools in a virtual machine: what their catalogs have at some places, and of what kind it is.
@Suite struct RecordedTests {
  struct Place: CustomTestStringConvertible, Sendable {
    let fixture: String
    let path: [String]
    let value: JSON

    init(_ fixture: String, _ path: [String], _ value: JSON) {
      (self.fixture, self.path, self.value) = (fixture, path, value)
    }

    var testDescription: String { "\(fixture) \(path.joined(separator: "/"))" }
  }

  static let places = [
    Place("dmidecode.vm", ["System Information", "Manufacturer"], "Monorail"),
    Place("dmidecode.vm", ["BIOS Information", "Characteristics", "1"], "Targeted content distribution is supported"),
    Place("dmidecode.vm", ["Processor Information", "Type"], "Central Processor"),
    Place("dmidecode.vm", ["Memory Device", "Size"], "768 MB"),
    Place("dmidecode.vm", ["OEM Strings", "String 1"], "first"),
    Place("lshw.vm", ["class"], "system"),
    Place("lshw.vm", ["children", "0", "children", "0", "size"], 98304),
    Place("lspci.vm", ["0", "Class"], "Host bridge [0600]"),
    Place("lspci.vm", ["0", "Slot"], "00"),
    Place("lsscsi.vm", ["0", "modelName"], "QEMU HARDDISK"),
    Place("lsscsi.vm", ["0", "rotational"], true),
    Place("lsscsi.vm", ["1", "rotational"], false),
    Place("lsscsi.vm", ["4", "devicePath"], "/dev/nvme0n1"),
    Place("lsblk.vm", ["blockdevices", "0", "size"], 2_147_483_648),
    Place("ipmitool-mc-info.vm", ["Firmware Revision"], "2.41"),
    Place("ipmitool-mc-info.vm", ["Additional Device Support", "4"], "Chassis Device"),
    Place("ipmitool-sel.vm", ["Last Add Time"], "11/14/23 22:13:21 UTC"),
    Place("ipmitool-sel-list.vm", ["1", "2"], "System Event #0x01"),
    Place("ipmitool-fru.vm", ["Builtin FRU Device (ID 0)", "Board Serial"], "BRD-4711"),
    Place("ipmitool-lan-print.vm", ["IP Address"], "192.0.2.77"),
    Place("ipmitool-lan-print.vm", ["Cipher Suite Priv Max", "1"], "X=Cipher Suite Unused"),
    Place("lldpcli.vm", ["enp0s6", "chassis", "name"], "switch-7"),
    Place("lldpcli.vm", ["enp0s6", "port", "ifname"], "Ethernet1/12"),
    Place("ip.vm", ["enp0s6", "inet"], "10.0.2.10/24"),
    Place("ip.vm", ["enp0s6", "flags", "0"], "BROADCAST"),
    Place("ip-json.vm", ["enp0s6", "mtu"], "1500"),
    Place("smart.vm", ["0", "OS Device Name"], "/dev/sda scsi"),
    Place("smart.vm", ["0", "SMART", "Identity", "SMART support is", "1"], "Enabled"),
    Place("smart.vm", ["0", "SMART", "Attributes", "Attributes Table", "6", "RAW_VALUE"], "31 (Min/Max 31/31)"),
    Place("smart.vm", ["1", "Controller"], [:]),
    Place("smart.vm-json", ["0", "SMART", "Attributes", "Attributes Table", "6", "RAW_VALUE"], "31 (Min/Max 31/31)"),
    Place("smart.vm-json", ["3", "SMART", "Identity", "Model Number"], "QEMU NVMe Ctrl"),
  ]

  @Test(arguments: places)
  func `A value stands at its place`(_ place: Place) throws {
    let catalog = try Fixture(place.fixture).catalog()
    #expect(catalog.isParsed, "\(catalog.reason ?? "")")
    var value = catalog.data
    for part in place.path { value = Int(part).flatMap { value?.arrayValue?[$0] } ?? value?[part] }
    #expect(value == place.value)
  }

  static let lookups: [(String, [Lookup])] = [
    ("lshw.vm", [.nodeAddress(mac: "52:54:00:6d:72:02")]),
    ("ipmitool-lan-print.vm", [.ipAddress(ip: "192.0.2.77", mac: "02:00:6d:72:00:bc")]),
    (
      "ip.vm",
      [.ipAddress(ip: "10.0.2.10", mac: "52:54:00:6d:72:01"), .ipAddress(ip: "10.0.2.11", mac: "52:54:00:6d:72:02")]
    ),
    (
      "ip-json.vm",
      [.ipAddress(ip: "10.0.2.10", mac: "52:54:00:6d:72:01"), .ipAddress(ip: "10.0.2.11", mac: "52:54:00:6d:72:02")]
    ),
    ("dmidecode.vm", []),
  ]

  @Test(arguments: lookups)
  func `Addresses are learnt`(_ name: String, _ expected: [Lookup]) throws {
    #expect(try Fixture(name).catalog().lookups == expected)
  }

  @Test(arguments: [
    "dmidecode.vm", "lspci.vm", "ipmitool-mc-info.vm", "ipmitool-sel.vm", "ipmitool-sel-list.vm", "ipmitool-fru.vm",
    "ipmitool-lan-print.vm", "lldpcli.vm", "ip.vm", "ip-json.vm", "smart.vm", "smart.vm-json",
  ])
  func `Tools that print text have no value but texts, lists and objects`(_ name: String) throws {
    func kinds(_ value: JSON) -> Set<String> {
      switch value {
      case .array(let elements): elements.reduce(["list"]) { $0.union(kinds($1)) }
      case .object(let object): object.members.reduce(["object"]) { $0.union(kinds($1.value)) }
      default: [value.kind]
      }
    }
    let data = try #require(try Fixture(name).catalog().data)
    #expect(kinds(data).isSubset(of: ["text", "list", "object"]))
  }

  @Test func `The JSON form of ip says what the text says`() throws {
    let text = try #require(try Fixture("ip.vm").catalog().data?.objectValue)
    let json = try #require(try Fixture("ip-json.vm").catalog().data?.objectValue)
    #expect(json.members.map(\.key) == text.members.map(\.key))
    for interface in json.members {
      for member in interface.value.objectValue?.members ?? [] {
        #expect(text[interface.key]?[member.key] == member.value, "\(interface.key) \(member.key)")
      }
    }
  }

  @Test func `The JSON form of smartctl says what the text says`() throws {
    let text = try #require(try Fixture("smart.vm").catalog().data?.arrayValue)
    let json = try #require(try Fixture("smart.vm-json").catalog().data?.arrayValue)
    for disk in 0..<2 {
      let (text, json) = (text[disk]["SMART"], json[disk]["SMART"])
      #expect(json?["Self-Assessment"] == text?["Self-Assessment"])
      #expect(json?["Attributes"] == text?["Attributes"])
      #expect(json?["Error Log"] == text?["Error Log"])
      #expect(json?["Self-test Log"] == text?["Self-test Log"])
      for member in json?["Identity"]?.objectValue?.members ?? [] where member.key != "Local Time is" {
        #expect(text?["Identity"]?[member.key] == member.value, "\(member.key)")
      }
      func entries(_ value: JSON?) -> [[JSON?]]? {
        value?["Capabilities"]?.arrayValue?.map { [$0["Name"], $0["Value"]] }
      }
      #expect(entries(json) == entries(text))
    }
  }
}
