extension StockGraphs {
  /// Users of a BMC, erasing of disks, and volumes of a RAID controller.
  static let management = """
    [
      { "injectableName": "Graph.Set.Bmc.Credentials", "friendlyName": "Give the BMC of a node that is up a user",
        "options": {},
        "tasks": [
          { "label": "generate-pass", "taskName": "Task.Generate.BMC.Password" },
          \(step("set-bmc", "Task.Set.BMC.Credentials", after: "generate-pass", ignoresFailure: true)),
          \(step("catalog-bmc", "Task.Catalog.bmc", after: "set-bmc", ignoresFailure: true)),
          \(step("create-ipmi-obm-settings", "Task.Obm.Ipmi.CreateSettings", after: "catalog-bmc")),
          \(end(after: "create-ipmi-obm-settings"))
        ] },
      { "injectableName": "Graph.Remove.Bmc.Credentials", "friendlyName": "Remove users of the BMC of a node that is up",
        "options": {},
        "tasks": [
          { "label": "remove-bmc-credentials", "taskName": "Task.Remove.BMC.Credentials" },
          \(step("catalog-bmc", "Task.Catalog.bmc", after: "remove-bmc-credentials", ignoresFailure: true)),
          \(end(after: "catalog-bmc"))
        ] },
      \(bootstrap("Graph.Bootstrap.With.BMC.Credentials.Setup", "set-bmc-credentials-graph", "Graph.Set.Bmc.Credentials")),
      \(bootstrap("Graph.Bootstrap.With.BMC.Credentials.Remove", "remove-bmc-credentials-graph",
        "Graph.Remove.Bmc.Credentials")),
      \(configureRAID("Graph.Bootstrap.Megaraid.Configure", "Task.Config.Megaraid", "Task.Catalog.megaraid")),
      \(configureRAID("Graph.Raid.Create.Perccli", "Task.Config.Perccli", "Task.Catalog.perccli")),
      { "injectableName": "Graph.Drive.SecureErase", "friendlyName": "Erase disks of a node",
        "options": {
          "cache-driveId-catalog": { "requestedData": [ { "source": "driveId", "keys": { "driveId": "data" } } ] },
          "bootstrap-rancher": { "triggerGroup": "secureErase" },
          "finish-bootstrap-trigger": { "triggerGroup": "secureErase" },
          "drive-scan-delay": { "duration": "10", "commands": [ "sudo sleep {{ options.duration }}" ] },
          "drive-secure-erase": { "eraseSettings": null }
        },
        "tasks": [
          { "label": "cache-driveId-catalog", "taskName": "Task.Get.Catalog.Values" },
          \(boot(after: "cache-driveId-catalog")),
          { "label": "drive-scan-delay", "waitOn": { "reboot": "succeeded" }, "taskDefinition": {
            "injectableName": "Task.Drive.Scan.Delay", "friendlyName": "Wait until the node sees its disks",
            "implementsTask": "Task.Base.Linux.Commands", "options": { "commands": [] }, "properties": {} } },
          \(step("catalog-driveid-before", "Task.Catalog.driveid", after: "drive-scan-delay")),
          \(step("catalog-megaraid-before", "Task.Catalog.megaraid", after: "catalog-driveid-before")),
          \(erase(after: #"{ "catalog-megaraid-before": "succeeded" }"#)),
          \(end(after: "catalog-driveid-after"))
        ] },
      { "injectableName": "Graph.Bootstrap.Decommission.Node", "friendlyName": "Erase a node before it goes",
        "options": {
          "when-secure-erase": { "useSecureErase": "false", "when": "{{ options.useSecureErase }}" },
          "drive-secure-erase": { "eraseSettings": [] },
          "shell-commands": { "commands": [ "\(wipe)" ] }
        },
        "tasks": [
          \(boot()),
          \(step("catalog-megaraid", "Task.Catalog.megaraid", after: "bootstrap-rancher", "finished", ignoresFailure: true)),
          \(step("catalog-driveid", "Task.Catalog.driveid", after: "catalog-megaraid", "finished", ignoresFailure: true)),
          \(step("remove-bmc-credentials", "Task.Remove.BMC.Credentials", after: "catalog-driveid", "finished",
            ignoresFailure: true)),
          \(step("when-secure-erase", "Task.Evaluate.Condition", after: "remove-bmc-credentials", "finished",
            ignoresFailure: true)),
          \(step("shell-commands", "Task.Linux.Commands", after: "when-secure-erase", "failed")),
          \(step("shell-reboot", "Task.ProcShellReboot", after: "shell-commands", "finished")),
          \(erase(after: #"{ "when-secure-erase": "succeeded" }"#)),
          \(step("shell-reboot-after-erase", "Task.ProcShellReboot", after: "catalog-driveid-after", "finished"))
        ] }
    ]
    """

  private static let wipe =
    #"for disk in $(lsblk -dno NAME,TYPE | awk '$2 == \"disk\" { print $1 }'); do "#
    + "sudo sgdisk --zap-all /dev/$disk || exit 1; done"

  private static func step(
    _ label: String, _ task: String, after other: String, _ state: String = "succeeded", ignoresFailure: Bool = false
  ) -> String {
    """
    { "label": "\(label)", "taskName": "\(task)", "waitOn": { "\(other)": "\(state)" },
      "ignoreFailure": \(ignoresFailure) }
    """
  }

  private static func end(after label: String) -> String {
    """
    \(step("shell-reboot", "Task.ProcShellReboot", after: label, "finished")),
    \(step("finish-bootstrap-trigger", "Task.Trigger.Send.Finish", after: label, "finished"))
    """
  }

  /// The last one is `catalog-driveid-after`.
  private static func erase(after waitOn: String) -> String {
    """
    { "label": "drive-secure-erase", "taskName": "Task.Drive.SecureErase", "waitOn": \(waitOn) },
    \(step("catalog-megaraid-after", "Task.Catalog.megaraid", after: "drive-secure-erase", ignoresFailure: true)),
    \(step("catalog-driveid-after", "Task.Catalog.driveid", after: "catalog-megaraid-after", "finished",
      ignoresFailure: true))
    """
  }

  private static func bootstrap(_ name: String, _ label: String, _ graph: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "Boot a node, then run \(graph)",
      "options": { "defaults": { "graphOptions": { "target": null } } },
      "tasks": [
        \(run("bootstrap-ubuntu-graph", "Graph.BootstrapUbuntu")),
        \(run(label, graph, waitOn: #"{ "bootstrap-ubuntu-graph": "finished" }"#))
      ] }
    """
  }

  /// No task answers what the script of `refresh-catalog-driveid` is rendered with, so that its failure is ignored.
  private static func configureRAID(_ name: String, _ task: String, _ catalog: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "Create volumes of a RAID controller",
      "options": { "config-raid": { "hddArr": null } },
      "tasks": [
        \(boot()),
        \(step("config-raid", task, after: "bootstrap-rancher", ignoresFailure: true)),
        \(step("refresh-catalog-megaraid", catalog, after: "config-raid")),
        \(step("refresh-catalog-driveid", "Task.Catalog.driveid", after: "refresh-catalog-megaraid",
          ignoresFailure: true)),
        \(step("refresh-catalog-lsall", "Task.Catalog.lsall", after: "refresh-catalog-driveid", "finished")),
        \(step("final-reboot", "Task.ProcShellReboot", after: "refresh-catalog-lsall", "finished"))
      ] }
    """
  }
}
