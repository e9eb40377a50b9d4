extension StockGraphs {
  /// What a new node runs, and graphs of catalogs alone.
  static let discovery = """
    [
      \(discovery("Graph.Discovery", bootLabel: "bootstrap-ubuntu", perccli: false)),
      \(discovery("Graph.rancherDiscovery", bootLabel: "bootstrap-rancher", perccli: true)),
      { "injectableName": "Graph.Catalog.Rancher", "friendlyName": "Catalog a node",
        "options": {
          "bootstrap-rancher": { "triggerGroup": "catalog" }, "finish-bootstrap-trigger": { "triggerGroup": "catalog" }
        },
        "tasks": [
          \(boot()),
          \(catalogs(perccli: true)),
          { "label": "shell-reboot", "taskName": "Task.ProcShellReboot", "waitOn": { "catalog-lldp": "finished" } },
          { "label": "finish-bootstrap-trigger", "taskName": "Task.Trigger.Send.Finish",
            "waitOn": { "catalog-lldp": "finished" } }
        ] },
      \(single("Graph.Catalog.Intel.Flashupdt", "Catalog Intel firmware", "flashupdt")),
      \(single("Graph.Quanta.storcli.Catalog", "Catalog MegaRAID controllers", "megaraid")),
      \(single("Graph.Dell.perccli.Catalog", "Catalog PERC controllers", "perccli"))
    ]
    """

  private static func discovery(_ name: String, bootLabel: String, perccli: Bool) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "Discover a node",
      "options": {
        "\(bootLabel)": { "triggerGroup": "bootstrap" },
        "finish-bootstrap-trigger": { "triggerGroup": "bootstrap" },
        "skip-reboot-post-discovery": { "skipReboot": "false", "when": "{{ options.skipReboot }}" }
      },
      "tasks": [
        { "label": "\(bootLabel)", "taskName": "Task.Linux.Bootstrap.Ubuntu" },
        \(catalogs(perccli: perccli)),
        { "label": "set-boot-pxe", "waitOn": { "catalog-lldp": "finished" }, "ignoreFailure": true,
          "taskDefinition": {
            "friendlyName": "Boot from the network next time", "injectableName": "Task.Linux.SetBootPxe",
            "implementsTask": "Task.Base.Linux.Commands",
            "options": { "commands": [ "sudo ipmitool chassis bootdev pxe" ] }, "properties": {} } },
        { "label": "skip-reboot-post-discovery", "taskName": "Task.Evaluate.Condition",
          "waitOn": { "set-boot-pxe": "finished" }, "ignoreFailure": true },
        { "label": "shell-reboot", "taskName": "Task.ProcShellReboot",
          "waitOn": { "skip-reboot-post-discovery": "failed" } },
        { "label": "noop", "taskName": "Task.noop", "waitOn": { "skip-reboot-post-discovery": "succeeded" } },
        { "label": "finish-bootstrap-trigger", "taskName": "Task.Trigger.Send.Finish",
          "waitOn": { "set-boot-pxe": "finished" } },
        { "label": "node-discovered-alert", "taskName": "Task.Alert.Node.Discovered",
          "waitOn": { "finish-bootstrap-trigger": "finished" } }
      ] }
    """
  }

  /// The catalogs of a discovery, one after another; the last one is `catalog-lldp`.
  private static func catalogs(perccli: Bool) -> String {
    let names = ["bmc", "lsall", "megaraid"] + (perccli ? ["perccli"] : []) + ["smart", "driveid"]
    var last = "catalog-ohai"
    var items = [
      #"{ "label": "catalog-dmi", "taskName": "Task.Catalog.dmi" }"#,
      #"{ "label": "catalog-ohai", "taskName": "Task.Catalog.ohai", "waitOn": { "catalog-dmi": "finished" } }"#,
    ]
    for (label, task) in names.map({ ($0, $0) }) + [("lldp", "Local.LLDP")] {
      items.append(
        """
        { "label": "catalog-\(label)", "taskName": "Task.Catalog.\(task)", "waitOn": { "\(last)": "finished" },
          "ignoreFailure": true }
        """)
      last = "catalog-\(label)"
    }
    return items.joined(separator: ",")
  }

  private static func single(_ name: String, _ what: String, _ catalog: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "\(what)", "options": {}, "tasks": [
      \(boot()),
      { "label": "catalog-\(catalog)", "taskName": "Task.Catalog.\(catalog)",
        "waitOn": { "bootstrap-rancher": "succeeded" }, "ignoreFailure": true },
      { "label": "shell-reboot", "taskName": "Task.ProcShellReboot", "waitOn": { "catalog-\(catalog)": "finished" } } ] }
    """
  }
}
