extension StockTasks {
  /// SKUs and tags, users of a BMC, erasing of disks, and volumes of a RAID controller.
  static let management = """
    [
      { "injectableName": "Task.Catalog.GenerateSku", "friendlyName": "Find the SKU of a node",
        "implementsTask": "Task.Base.Catalog.GenerateSku", "options": { "nodeId": null }, "properties": {} },
      { "injectableName": "Task.Catalog.GenerateTag", "friendlyName": "Give nodes their tags",
        "implementsTask": "Task.Base.Catalog.GenerateTag", "options": { "nodeIds": null }, "properties": {},
        "optionsSchema": { "type": "object", "required": ["nodeIds"],
          "properties": { "nodeIds": { "type": "array", "items": { "type": "string" } } } } },
      { "injectableName": "Task.Graph.Run.SKU", "friendlyName": "Run the graph of the node's SKU",
        "implementsTask": "Task.Base.Graph.RunSku", "options": { "nodeId": null }, "properties": {} },
      { "injectableName": "Task.Generate.BMC.Password", "friendlyName": "Make a user and a password for the BMC",
        "implementsTask": "Task.Base.Generate.Password", "options": {}, "properties": {} },
      \(bmc("Task.Set.BMC.Credentials", "Give the BMC a user", "", setUser)),
      \(bmc("Task.Remove.BMC.Credentials", "Remove users of the BMC", #" "users": null,"#, removeUsers,
        schema: #"{ "type": "object", "required": ["users"], "properties": { "users": { "type": "array", "minItems": 1, "items": { "type": "string" } } } }"#)),
      { "injectableName": "Task.Obm.Ipmi.CreateSettings", "friendlyName": "Manage the node over IPMI",
        "implementsTask": "Task.Base.Obm.Ipmi.CreateSettings",
        "options": { "user": "{{ context.user }}", "password": "{{ context.password }}" }, "properties": { "obm": {} } },
      { "injectableName": "Task.Get.Catalog.Values", "friendlyName": "Take values of catalogs",
        "implementsTask": "Task.Base.Get.Catalog.Values", "options": { "requestedData": [] }, "properties": {} },
      { "injectableName": "Task.Drive.SecureErase", "friendlyName": "Erase disks",
        "implementsTask": "Task.Base.Drive.SecureErase",
        "options": { "eraseSettings": null, "baseUri": "{{ api.base }}" }, "properties": {} },
      { "injectableName": "Task.Download.Http.File", "friendlyName": "Download a file to the server",
        "implementsTask": "Task.Base.Download.File", "options": { "uri": "", "file": "" }, "properties": {} },
      \(raid("Task.Config.Megaraid", "/opt/MegaRAID/storcli/storcli64")),
      \(raid("Task.Config.Perccli", "/opt/MegaRAID/perccli/perccli64"))
    ]
    """

  /// The properties say that the node is up in the microkernel, since the graphs of these tasks do not boot it.
  private static func bmc(
    _ name: String, _ what: String, _ options: String, _ command: String, schema: String = "{}"
  ) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "\(what)", "implementsTask": "Task.Base.Linux.Commands",
      "options": {\(options) "channel": "1", "commands": [ "\(command)" ] },
      "properties": { "os": { "linux": { "type": "microkernel" } } }, "optionsSchema": \(schema) }
    """
  }

  /// Takes the user of that name, else the first without a name; a BMC refuses a name that is there already.
  private static let setUser = [
    #"set -- $(sudo ipmitool -c user list {{ options.channel }}"#,
    #"| awk -F, -v name='{{ context.user }}' '$2 == name { print $1; found = 1; exit }"#,
    #"$2 == \"\" && $1 > 1 && !empty { empty = $1 } END { if (!found && empty) print empty, \"new\" }');"#,
    #"if [ $# -eq 0 ]; then echo 'the BMC has no place for a user' >&2; exit 1; fi; set -ex;"#,
    #"if [ \"$2\" = new ]; then sudo ipmitool user set name $1 '{{ context.user }}'; fi;"#,
    #"set +x; sudo ipmitool user set password $1 '{{ context.password }}'; set -x;"#,
    #"sudo ipmitool channel setaccess {{ options.channel }} $1 callin=on ipmi=on link=on privilege=4;"#,
    #"sudo ipmitool user enable $1"#,
  ].joined(separator: " ")

  private static let removeUsers = [
    #"set -e{{#options.users}}; for id in $(sudo ipmitool -c user list {{{options.channel}}}"#,
    #"| awk -F, -v name='{{{.}}}' '$2 == name { print $1 }'); do"#,
    #"sudo ipmitool user disable $id; sudo ipmitool user set name $id ''; done{{/options.users}}"#,
  ].joined(separator: " ")

  /// Drives are written as the stock server's users write them, with or without brackets: `[0,1]`.
  private static func raid(_ name: String, _ program: String) -> String {
    func volumes(_ list: String, _ kind: String) -> String {
      let drives = #"{{{enclosure}}}:$(echo '{{{drives}}}' | tr -d '[] ')"#
      return "{{#options.\(list)}}; sudo {{{options.path}}} /c{{{options.controller}}} add vd \(kind)type={{{type}}} "
        + "drives=\(drives){{/options.\(list)}}"
    }
    let command =
      "set -e" + volumes("hddArr", "") + volumes("ssdStoragePoolArr", "") + volumes("ssdCacheCadeArr", "cachecade ")
    return """
      { "injectableName": "\(name)", "friendlyName": "Create volumes", "implementsTask": "Task.Base.Linux.Commands",
        "options": { "path": "\(program)", "controller": "0", "hddArr": null, "ssdStoragePoolArr": [],
          "ssdCacheCadeArr": [], "commands": [ "\(command)" ] },
        "properties": {},
        "optionsSchema": { "type": "object", "required": ["hddArr"], "properties": { "hddArr": \(volumeList),
          "ssdStoragePoolArr": \(volumeList), "ssdCacheCadeArr": \(volumeList) } } }
      """
  }

  private static let volumeList = """
    { "type": "array", "items": { "type": "object", "required": ["enclosure", "type", "drives"] } }
    """
}
