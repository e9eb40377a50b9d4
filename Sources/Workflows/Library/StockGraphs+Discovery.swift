extension StockGraphs {
  /// What a new node runs, and catalogs of vendors.
  static let discovery = """
    [
      { "injectableName": "Graph.Discovery", "friendlyName": "Discover a node",
        "options": {
          "bootstrap-ubuntu": { "triggerGroup": "bootstrap" },
          "finish-bootstrap-trigger": { "triggerGroup": "bootstrap" },
          "skip-reboot-post-discovery": { "skipReboot": "false", "when": "{{ options.skipReboot }}" }
        },
        "tasks": [
          { "label": "bootstrap-ubuntu", "taskName": "Task.Linux.Bootstrap.Ubuntu" },
          { "label": "catalog-dmi", "taskName": "Task.Catalog.dmi" },
          { "label": "catalog-ohai", "taskName": "Task.Catalog.ohai", "waitOn": { "catalog-dmi": "finished" } },
          \(catalog("bmc", after: "catalog-ohai")),
          \(catalog("lsall", after: "catalog-bmc")),
          \(catalog("megaraid", after: "catalog-lsall")),
          \(catalog("smart", after: "catalog-megaraid")),
          \(catalog("driveid", after: "catalog-smart")),
          \(catalog("lldp", task: "Local.LLDP", after: "catalog-driveid")),
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
        ] },
      { "injectableName": "Graph.Catalog.Intel.Flashupdt", "friendlyName": "Catalog Intel firmware", "options": {},
        "tasks": [
          \(boot()),
          { "label": "catalog-flashupdt", "taskName": "Task.Catalog.flashupdt",
            "waitOn": { "bootstrap-rancher": "succeeded" }, "ignoreFailure": true },
          { "label": "shell-reboot", "taskName": "Task.ProcShellReboot", "waitOn": { "catalog-flashupdt": "finished" } }
        ] }
    ]
    """

  private static func catalog(_ name: String, task: String? = nil, after: String) -> String {
    """
    { "label": "catalog-\(name)", "taskName": "Task.Catalog.\(task ?? name)", "waitOn": { "\(after)": "finished" },
      "ignoreFailure": true }
    """
  }
}
