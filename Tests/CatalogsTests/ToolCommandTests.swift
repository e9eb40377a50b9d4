import Catalogs
import Foundation
import Testing

@Suite struct ToolCommandTests {
  static let commands: [(String, source: String, tool: String)] = [
    ("sudo dmidecode", "dmi", "dmidecode"),
    ("sudo ohai --directory /etc/ohai/plugins", "ohai", "ohai"),
    ("sudo lshw -json", "lshw", "lshw"),
    ("sudo lspci -nn -vmm", "lspci", "lspci"),
    ("sudo lsblk -o KNAME,TYPE,ROTA; echo BREAK; sudo lsscsi --size", "lsscsi", "lsscsi"),
    ("sudo lsscsi --size", "lsscsi", "lsscsi"),
    ("sudo lsblk -b -J -o KNAME,TYPE,SIZE,ROTA,MODEL", "lsblk", "lsblk"),
    ("sudo ipmitool sel", "ipmi-sel-information", "ipmitool-sel"),
    ("sudo ipmitool sel list -c", "ipmi-sel", "ipmitool-sel-list"),
    ("sudo ipmitool mc info", "ipmi-mc-info", "ipmitool-mc-info"),
    ("sudo ipmitool fru", "ipmi-fru", "ipmitool-fru"),
    ("sudo ipmitool lan print", "bmc", "ipmitool-lan-print"),
    ("sudo ipmitool lan print 1", "bmc-1", "ipmitool-lan-print"),
    ("sudo ipmitool lan print 3", "rmm", "ipmitool-lan-print"),
    ("sudo ipmitool lan print15", "bmc-15", "ipmitool-lan-print"),
    ("sudo ipmitool user summary 3", "rmm-user-summary", "ipmitool-user-summary"),
    ("sudo ipmitool user summary 12", "ipmi-user-summary-12", "ipmitool-user-summary"),
    ("sudo ipmitool -c user list 3", "rmm-user-list", "ipmitool-user-list"),
    ("sudo ipmitool -c user list 1", "ipmi-user-list-1", "ipmitool-user-list"),
    ("sudo /opt/MegaRAID/storcli/storcli64 show ctrlcount J", "megaraid-controller-count", "storcli-count"),
    ("sudo /opt/MegaRAID/storcli/storcli64 /c0 show all J", "megaraid-controllers", "storcli-controllers"),
    ("sudo /opt/MegaRAID/perccli/perccli64 /c0 /eall /sall show all J", "megaraid-physical-drives", "storcli-drives"),
    ("sudo /opt/MegaRAID/storcli/storcli64 /c0 /vall show all J", "megaraid-virtual-disks", "storcli-volumes"),
    ("sudo /opt/MegaRAID/perccli/perccli64 -v", "perccli-version", "perccli-version"),
    ("sudo /opt/mpt/mpt2fusion/sas2flash -s -list", "mpt2fusion-adapters", "sas2flash"),
    ("sudo mlxfwmanager --query-xml", "mellanox", "mlxfwmanager"),
    ("sudo test_eses -R --xml", "test_eses", "test-eses"),
    ("sudo test_eses -q std --xml", "test_eses", "test-eses"),
    ("cd /opt/ami; sudo ./afulnx_64 /S", "ami", "afulnx"),
    ("sudo /opt/intel/flashupdt -i", "flashupdt", "flashupdt"),
    ("sudo bash get_smart.sh", "smart", "smart"),
    ("sudo node get_driveid.js", "driveId", "driveid"),
    ("sudo /usr/sbin/lldpcli show neighbor -f keyvalue", "lldp", "lldpcli"),
    ("sudo ip -d addr show; sudo ip -d link show", "ip", "ip"),
    ("sudo ip -j -d addr show", "ip", "ip-json"),
    ("esxcli software vib get --vibname=net-ixgbe | head", "esxcli-network-driver-version", "esxcli"),
    ("/opt/MegaRAID/MegaCli/MegaCli64 -AdpAllInfo -aALL", "megaraid", "megacli"),
  ]

  @Test(arguments: commands)
  func `A command is known by its text`(_ text: String, _ source: String, _ tool: String) throws {
    let command = try #require(ToolCommand(text))
    #expect(command.source == source)
    #expect(command.tool.name == tool)
  }

  @Test(arguments: [
    "", "dmidecode", "sudo dmidecode ", " sudo dmidecode", "sudo dmidecode -q", "sudo ipmitool lan print 123",
    "sudo ipmitool lan print  1", "sudo ipmitool lan print x", "sudo ipmitool user summary",
    "sudo ipmitool user summary x",
    "sudo ipmitool user summary -1", "sudo ipmitool user summary 99999999999999999999", "sudo ipmitool -c user list",
    "sudo /opt/MegaRAID/storcli/storcli64 /c1 show all J", "sudo mlxfwmanager",
  ])
  func `Any other text is no command of a tool`(_ text: String) {
    #expect(ToolCommand(text) == nil)
  }

  @Test func `Names and commands of tools are unique`() {
    let names = CatalogTool.all.map(\.name)
    #expect(Set(names).count == names.count)
    let commands = CatalogTool.all.flatMap(\.commands)
    #expect(Set(commands).count == commands.count)
  }

  @Test(arguments: [
    ("dmidecode", "dmidecode"), ("dmi", "dmidecode"), ("bmc", "ipmitool-lan-print"), ("rmm", "ipmitool-lan-print"),
    ("ip", "ip"),
  ])
  func `A tool is found by its name and by its catalog's`(_ name: String, _ tool: String) {
    #expect(CatalogTool.named(name)?.name == tool)
    #expect(CatalogTool.named(name + "x") == nil)
  }

  @Test(arguments: [
    ("sudo dmidecode", false), ("sudo ipmitool lan print", false), ("sudo ipmitool lan print 1", false),
    ("sudo ipmitool lan print 2", true), ("sudo ipmitool -c user list 1", false),
    ("sudo ipmitool user summary 15", true),
    ("sudo ipmitool sel", false),
  ])
  func `A failed command stores nothing, and only channels beyond the first may fail silently`(
    _ text: String, _ isSilent: Bool
  ) throws {
    let catalog = try #require(ToolCommand(text)).catalog(ofFailure: "code 1")
    #expect((catalog == nil) == isSilent)
    #expect(catalog?.data == nil)
    if !isSilent { #expect(catalog?.reason == "the command failed: code 1") }
  }

  @Test(arguments: CatalogTool.all.map(\.name))
  func `The page tells of each tool's catalogs`(_ name: String) throws {
    let page = Fixture.directory.appending(path: "../../../docs/catalogs.md").standardized
    let text = try String(contentsOf: page, encoding: .utf8)
    for source in try #require(CatalogTool.named(name)).source.split(separator: ", ")
    where !["ipmi-user-summary", "ipmi-user-list"].contains(source) {
      #expect(text.contains("`\(source)`"), "\(source)")
    }
  }
}
