extension StockTasks {
  /// Commands whose output becomes catalogs. The text of each is what tells the parser.
  static let catalogs = """
    [
      \(catalog("dmi", "the firmware's tables", #""sudo dmidecode""#)),
      \(catalog("ohai", "ohai", #""sudo ohai --directory /etc/ohai/plugins""#)),
      \(catalog("lsall", "PCI, hardware and disks", #"""
          "sudo lspci -nn -vmm", "sudo lshw -json", "sudo lsblk -o KNAME,TYPE,ROTA; echo BREAK; sudo lsscsi --size"
        """#)),
      \(catalog("bmc", "the BMC", bmcCommands)),
      \(catalog("megaraid", "MegaRAID controllers", raidCommands("/opt/MegaRAID/storcli/storcli64"))),
      \(catalog("perccli", "PERC controllers", raidCommands("/opt/MegaRAID/perccli/perccli64"))),
      \(catalog("smart", "SMART data of disks", #"""
          { "command": "sudo bash get_smart.sh", "downloadUrl": "{{ api.templates }}/get_smart.sh?nodeId={{ task.nodeId }}" }
        """#)),
      \(catalog("driveid", "names of disks", #"""
          { "command": "sudo node get_driveid.js",
            "downloadUrl": "{{ api.templates }}/get_driveid.js?nodeId={{ task.nodeId }}" }
        """#)),
      \(catalog("Local.LLDP", "neighbors in the network", #""sudo /usr/sbin/lldpcli show neighbor -f keyvalue""#)),
      \(catalog("ami", "the AMI BIOS", #""cd /opt/ami; sudo ./afulnx_64 /S""#)),
      \(catalog("flashupdt", "Intel firmware", #""sudo /opt/intel/flashupdt -i""#))
    ]
    """

  private static func catalog(_ name: String, _ what: String, _ commands: String) -> String {
    """
    { "injectableName": "Task.Catalog.\(name)", "friendlyName": "Catalog \(what)",
      "implementsTask": "Task.Base.Linux.Catalog", "options": { "commands": [ \(commands) ] },
      "properties": { "catalog": { "type": "\(name)" } } }
    """
  }

  /// A BMC lacks most of the channels, so that these commands may fail with 1.
  private static var bmcCommands: String {
    func accepting(_ command: String) -> String {
      #"{ "command": "sudo ipmitool \#(command)", "acceptedResponseCodes": [1] }"#
    }
    let others = ["sel", "sel list -c", "mc info", "fru"].map { "\"sudo ipmitool \($0)\"" }
    let channels = (1...15).flatMap { channel in
      (channel == 1 ? [] : ["lan print \(channel)"]) + ["user summary \(channel)", "-c user list \(channel)"]
    }
    return ([accepting("lan print")] + others + channels.map(accepting)).joined(separator: ", ")
  }

  private static func raidCommands(_ program: String) -> String {
    ["show ctrlcount J", "/c0 show all J", "/c0 /eall /sall show all J", "/c0 /vall show all J"]
      .map { "\"sudo \(program) \($0)\"" }.joined(separator: ", ")
  }
}
