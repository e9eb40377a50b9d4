extension StockGraphs {
  /// Flash and RAID.
  static let firmware = """
    [
      \(flash("Graph.Flash.Quanta.BIOS", "a Quanta BIOS", [quantaBIOS])),
      \(flash("Graph.Flash.Quanta.Bmc", "a Quanta BMC", [quantaBMC], reboots: false)),
      \(flash("Graph.Flash.Quanta.MegaRAID", "a Quanta node's MegaRAID controller", [quantaMegaRAID])),
      \(flash("Graph.Flash.Quanta", "BIOS, BMC and MegaRAID controller of a Quanta node",
        [quantaBIOS, quantaBMC, quantaMegaRAID])),
      \(flash("Graph.Flash.LSI.MegaRAID", "a MegaRAID controller",
        [Part("megaraid", "Task.Linux.Flash.LSI.MegaRAID", catalog: "Task.Catalog.megaraid")])),
      \(flash("Graph.Flash.AMI.BIOS", "an AMI BIOS",
        [Part("bios", "Task.Linux.Flash.Ami.Bios", catalog: "Task.Catalog.ami", vendor: "ami-")])),
      \(flash("Graph.Flash.Flashrom", "a chip that flashrom writes",
        [Part("flashrom", "Task.Linux.Flash.Flashrom", catalog: "Task.Catalog.Flashrom")])),
      \(afterBoot("Graph.Write.Quanta.BIOS.NVRAM", "Write the settings of a Quanta BIOS", """
        { "label": "download-nvram-settings", "taskName": "Task.Linux.DownloadFiles",
          "waitOn": { "bootstrap-rancher": "succeeded" } },
        { "label": "nvram-settings", "taskName": "Task.Linux.Quanta.BIOS.NVRAM",
          "waitOn": { "download-nvram-settings": "succeeded" } },
        \(finalReboot(after: "nvram-settings"))
        """)),
      \(raid("Graph.Raid.Create.MegaRAID", "Create MegaRAID volumes", "create-raid", "Task.Raid.Create.MegaRAID")),
      \(raid("Graph.Raid.Delete.MegaRAID", "Delete MegaRAID volumes", "delete-raid", "Task.Raid.Delete.MegaRAID"))
    ]
    """

  /// What a graph flashes.
  private struct Part {
    let name: String
    let task: String
    let catalog: String
    let vendor: String
    /// Whether the version before the flash goes into the graph's context.
    let providesVersion: Bool

    init(_ name: String, _ task: String, catalog: String, vendor: String = "", providesVersion: Bool = false) {
      (self.name, self.task, self.catalog) = (name, task, catalog)
      (self.vendor, self.providesVersion) = (vendor, providesVersion)
    }
  }

  private static let quantaBIOS = Part(
    "bios", "Task.Linux.Flash.Quanta.Bios", catalog: "Task.Catalog.ami", vendor: "quanta-", providesVersion: true)
  private static let quantaBMC = Part(
    "bmc", "Task.Linux.Flash.Quanta.Bmc", catalog: "Task.Catalog.bmc", vendor: "quanta-")
  private static let quantaMegaRAID = Part(
    "megaraid", "Task.Linux.Flash.LSI.MegaRAID", catalog: "Task.Catalog.megaraid", vendor: "quanta-")

  /// Boot; for each part download, catalog, flash and catalog; reboot. `defaults.file` names the file of a single part.
  private static func flash(_ name: String, _ what: String, _ parts: [Part], reboots: Bool = true) -> String {
    var last = "bootstrap-rancher"
    var steps: [String] = []
    for part in parts {
      steps.append(self.steps(part, after: last))
      last = "catalog-\(part.vendor)\(part.name)-after"
    }
    if reboots { steps.append(finalReboot(after: last)) }
    return afterBoot(
      name, "Flash \(what)", steps.joined(separator: ","), defaults: #"{ "downloadDir": "/opt/downloads" }"#)
  }

  private static func steps(_ part: Part, after last: String) -> String {
    let before = "catalog-\(part.vendor)\(part.name)-before"
    let provide = "provide-\(part.vendor)\(part.name)-version"
    let provideStep = """
      { "label": "\(provide)", "waitOn": { "\(before)": "succeeded" },
        "taskDefinition": { "friendlyName": "Take the BIOS version", "injectableName": "Task.Catalogs.Provide.Bios.Version",
          "implementsTask": "Task.Base.Catalogs.ProvideValue",
          "options": { "source": "ami", "path": "systemRomId" }, "properties": {} } },
      """
    return """
      { "label": "download-\(part.name)-firmware", "taskName": "Task.Linux.DownloadFiles",
        "waitOn": { "\(last)": "succeeded" } },
      { "label": "\(before)", "taskName": "\(part.catalog)",
        "waitOn": { "download-\(part.name)-firmware": "succeeded" } },
      \(part.providesVersion ? provideStep : "")
      { "label": "flash-\(part.name)", "taskName": "\(part.task)",
        "waitOn": { "\(part.providesVersion ? provide : before)": "succeeded" } },
      { "label": "catalog-\(part.vendor)\(part.name)-after", "taskName": "\(part.catalog)",
        "waitOn": { "flash-\(part.name)": "succeeded" } }
      """
  }

  private static func raid(_ name: String, _ what: String, _ label: String, _ task: String) -> String {
    afterBoot(
      name, what,
      """
      { "label": "\(label)", "taskName": "\(task)", "waitOn": { "bootstrap-rancher": "succeeded" } },
      { "label": "refresh-catalog-megaraid", "taskName": "Task.Catalog.megaraid",
        "waitOn": { "\(label)": "succeeded" } },
      \(finalReboot(after: "refresh-catalog-megaraid"))
      """)
  }

  private static func finalReboot(after label: String) -> String {
    """
    { "label": "final-reboot", "taskName": "Task.ProcShellReboot", "waitOn": { "\(label)": "finished" } }
    """
  }

  private static func afterBoot(_ name: String, _ what: String, _ tasks: String, defaults: String = "{}") -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "\(what)", "options": { "defaults": \(defaults) },
      "tasks": [ \(boot()), \(tasks) ] }
    """
  }
}
