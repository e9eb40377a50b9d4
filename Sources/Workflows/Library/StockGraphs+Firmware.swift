extension StockGraphs {
  /// Flash and RAID.
  static let firmware = """
    [
      \(flash("Graph.Flash.Quanta.BIOS", "a Quanta BIOS", "bios", "Task.Linux.Flash.Quanta.Bios", "Task.Catalog.ami")),
      \(flash("Graph.Flash.Quanta.Bmc", "a Quanta BMC", "bmc", "Task.Linux.Flash.Quanta.Bmc", "Task.Catalog.bmc", reboots: false)),
      \(flash("Graph.Flash.Quanta.MegaRAID", "a Quanta node's MegaRAID controller", "megaraid",
        "Task.Linux.Flash.LSI.MegaRAID", "Task.Catalog.megaraid")),
      \(flash("Graph.Flash.LSI.MegaRAID", "a MegaRAID controller", "megaraid", "Task.Linux.Flash.LSI.MegaRAID",
        "Task.Catalog.megaraid", vendor: "")),
      \(flash("Graph.Flash.AMI.BIOS", "an AMI BIOS", "bios", "Task.Linux.Flash.Ami.Bios", "Task.Catalog.ami", vendor: "ami-")),
      \(flash("Graph.Flash.Flashrom", "a chip that flashrom writes", "flashrom", "Task.Linux.Flash.Flashrom",
        "Task.Catalog.Flashrom", vendor: "")),
      \(raid("Graph.Raid.Create.MegaRAID", "Create MegaRAID volumes", "create-raid", "Task.Raid.Create.MegaRAID")),
      \(raid("Graph.Raid.Delete.MegaRAID", "Delete MegaRAID volumes", "delete-raid", "Task.Raid.Delete.MegaRAID"))
    ]
    """

  /// Boot, download, catalog, flash, catalog, reboot. `defaults.file` names the file.
  private static func flash(
    _ name: String, _ what: String, _ part: String, _ task: String, _ catalog: String, vendor: String = "quanta-",
    reboots: Bool = true
  ) -> String {
    let reboot = """
      ,
      { "label": "final-reboot", "taskName": "Task.ProcShellReboot",
        "waitOn": { "catalog-\(vendor)\(part)-after": "finished" } }
      """
    return """
      { "injectableName": "\(name)", "friendlyName": "Flash \(what)",
        "options": { "defaults": { "downloadDir": "/opt/downloads" } },
        "tasks": [
          \(boot()),
          { "label": "download-\(part)-firmware", "taskName": "Task.Linux.DownloadFiles",
            "waitOn": { "bootstrap-rancher": "succeeded" } },
          { "label": "catalog-\(vendor)\(part)-before", "taskName": "\(catalog)",
            "waitOn": { "download-\(part)-firmware": "succeeded" } },
          { "label": "flash-\(part)", "taskName": "\(task)",
            "waitOn": { "catalog-\(vendor)\(part)-before": "succeeded" } },
          { "label": "catalog-\(vendor)\(part)-after", "taskName": "\(catalog)",
            "waitOn": { "flash-\(part)": "succeeded" } }\(reboots ? reboot : "")
        ] }
      """
  }

  private static func raid(_ name: String, _ what: String, _ label: String, _ task: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "\(what)", "options": {}, "tasks": [
      \(boot()),
      { "label": "\(label)", "taskName": "\(task)", "waitOn": { "bootstrap-rancher": "succeeded" } },
      { "label": "refresh-catalog-megaraid", "taskName": "Task.Catalog.megaraid",
        "waitOn": { "\(label)": "succeeded" } },
      { "label": "final-reboot", "taskName": "Task.ProcShellReboot",
        "waitOn": { "refresh-catalog-megaraid": "finished" } } ] }
    """
  }
}
