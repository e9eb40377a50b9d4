import Catalogs
import JSONDocument
import Testing

@Suite struct UnparsableTests {
  struct Output: CustomTestStringConvertible, Sendable {
    let tool: String
    let text: String
    let reason: String

    init(_ tool: String, _ text: String, _ reason: String) {
      (self.tool, self.text, self.reason) = (tool, text, reason)
    }

    var testDescription: String { "\(tool): \(reason)" }
  }

  static let outputs = [
    Output("dmidecode", "Handle 1\nChassis\n\tlost line\n\nEnd Of Table\n", "line 3: 'lost line' belongs to no list"),
    Output(
      "dmidecode", "Handle 1\nChassis\n\tHeight: tall\n\tlost\n\nEnd Of Table\n", "line 4: 'lost' belongs to no list"),
    Output("ohai", "", "the output is empty"),
    Output("ohai", "{\"a\":", "not valid JSON: "),
    Output("ohai", "{} x", "not valid JSON"),
    Output("lshw", "[{}]", "lshw's document is no object"),
    Output("lshw", "{}", "has no children[0].children"),
    Output("lshw", "{\"children\": [{\"children\": [{}]}]}", "has no id"),
    Output("lsscsi", "KNAME TYPE ROTA\nBREAK\n[0:0:0:0] disk ATA\n", "line 3: a device has six columns or more"),
    Output("lsblk", "{}", "lsblk's document has no blockdevices"),
    Output("ipmitool-sel", "SEL Information\nVersion: 1.5\n", "line 2: ' : ' is missing in 'Version: 1.5'"),
    Output("ipmitool-mc-info", "", "the output is empty"),
    Output(
      "ipmitool-fru", " Board Mfg : X\n", "line 1: ' Board Mfg : X' stands before the first 'FRU Device Description'"),
    Output("storcli-count", "{\"Controllers\": []}", "no Controllers[0].Response Data"),
    Output("storcli-controllers", "sh: storcli64: not found", "not valid JSON"),
    Output("storcli-drives", "{\"Controllers\": [{}]}", "no Controllers[0].Command Status"),
    Output("sas2flash", "1\n2\n3\n4\n5\nno value\n6\n7\n8\n9", "line 6: a colon is missing in 'no value'"),
    Output("mlxfwmanager", "", "there is no element"),
    Output("mlxfwmanager", "-E- no devices", "text before the first element"),
    Output("mlxfwmanager", "<a><b></a>", "the end of an element that is not open"),
    Output("mlxfwmanager", "<a><b>", "the element b does not end"),
    Output("mlxfwmanager", "<a b=c/>", "the attribute b has no value"),
    Output("mlxfwmanager", "<a b='c", "the value of b does not end"),
    Output("mlxfwmanager", "<a>&lol;</a>", "the entity &lol; is not known"),
    Output("mlxfwmanager", "<a>&</a>", "a & that begins no entity"),
    Output("mlxfwmanager", "<a><!-- ", "--> is missing"),
    Output("mlxfwmanager", "<!DOCTYPE a [<!ENTITY b 'c'>", "a declaration does not end"),
    Output("mlxfwmanager", "<", "a name is missing"),
    Output("flashupdt", "BIOS Version Information\n  BIOS ID:.. 1\nSuccessfully Completed", "belongs to no title"),
    Output(
      "smart", "####/dev/sda scsi\nsmartctl 6.2 x\n\n###HBA\ncontroller_name\n",
      "'=' is missing in the controller's line 'controller_name'"),
    Output("smart", "{\"a\": 1}", "a document has no smartctl.version"),
    Output("smart", "{\"smartctl\": {\"version\": [7, 3]}}\n{\"a\"\n", "line 2: not valid JSON"),
    Output("driveid", "{}", "the document is no array"),
    Output("lldpcli", "", "the output is empty"),
    Output("ip", "", "the output is empty"),
    Output("ip", "Cannot open netlink", "line 1: 'Cannot open netlink' belongs to no interface"),
    Output("ip", "2: eth0", "line 1: no name of an interface"),
    Output("ip", "2: eth0: <UP> mtu 1500\n    link/ether 00:1e:67:98:bc:7e", "the interface eth0 has no IPv4 address"),
    Output("ip-json", "{}", "ip's document is no array of interfaces"),
    Output("esxcli", "x\n Name: a\n", "the output has no line"),
    Output("megacli", "Exit Code: 0x01\n", "there is no line 'Adapter #N'"),
  ]

  @Test(arguments: outputs)
  func `An output that cannot be parsed is kept raw, with the reason`(_ output: Output) throws {
    let catalog = ToolCommand(try #require(CatalogTool.named(output.tool))).catalog(of: output.text)
    guard case .raw(let data, let reason) = catalog.content else {
      Issue.record("it was parsed: \(catalog.record.text)")
      return
    }
    #expect(data == ["data": .string(output.text)])
    #expect(reason.contains(output.reason), "\(reason)")
    #expect(catalog.lookups == [])
    #expect(catalog.failsTask == ["dmidecode", "flashupdt"].contains(output.tool))
  }

  static let absent: [(String, String, String)] = [
    (
      "storcli-count", "{\"Controllers\": [{\"Response Data\": {\"Controller Count\": 0}}]}",
      "there is no RAID controller"
    ),
    (
      "storcli-volumes",
      "{\"Controllers\": [{\"Command Status\": {\"Status\": \"Failure\", \"Description\": \"No VD's have been configured.\"}}]}",
      "the tool says Failure: No VD's have been configured."
    ),
    ("storcli-drives", "{\"Controllers\": [{\"Command Status\": {\"Status\": \"Failure\"}}]}", "the tool says Failure"),
    ("ipmitool-lan-print", "", "the output is empty: the BMC has no such channel"),
    ("ipmitool-user-list", "", "the output is empty: the BMC has no such channel"),
    (
      "ipmitool-lan-print", "IP Address  : 10.0.0.1\nMAC Address  : 00:00:00:00:00:00\n",
      "the channel's MAC address is 00:00:00:00:00:00"
    ),
  ]

  @Test(arguments: absent)
  func `An output that tells of nothing stores nothing`(_ tool: String, _ output: String, _ reason: String) throws {
    let catalog = ToolCommand(try #require(CatalogTool.named(tool))).catalog(of: output)
    #expect(catalog.content == .nothing(reason: reason))
    #expect(catalog.lookups == [])
  }

  @Test(arguments: [
    ("dmidecode", "# dmidecode 3.4\nScanning /dev/mem for entry point.\n", "{}"), ("dmidecode", "", "{}"),
    ("ipmitool-sel", "", "{}"), ("ipmitool-fru", "", "{}"), ("lsscsi", "", "[]"), ("lspci", "", "[{}]"),
    ("smart", "", "[]"),
    ("flashupdt", "flashupdt: no such device", "{}"), ("lldpcli", "\n", "{}"), ("afulnx", "nothing", "{}"),
  ])
  func `These outputs have empty catalogs, as on the stock server`(_ tool: String, _ output: String, _ data: String)
    throws
  {
    let catalog = ToolCommand(try #require(CatalogTool.named(tool))).catalog(of: output)
    #expect(catalog.content == .parsed(try JSON(parsing: data)))
  }

  @Test func `IPv4 address 0_0_0_0 and addresses that are none are not learnt`() throws {
    let lan = try #require(ToolCommand("sudo ipmitool lan print 2"))
    #expect(lan.catalog(of: "IP Address  : 0.0.0.0\nMAC Address  : 00:1e:67:98:bc:81\n").lookups == [])
    #expect(lan.catalog(of: "IP Address  : 10.0.0.1\nMAC Address  : none\n").lookups == [])
    #expect(lan.catalog(of: "IP Address  : 10.0.0.1\n").lookups == [])
  }
}
