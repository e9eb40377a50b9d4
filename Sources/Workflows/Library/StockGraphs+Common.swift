extension StockGraphs {
  /// Power, boot and commands.
  static let common = """
    [
      { "injectableName": "Graph.noop-example", "friendlyName": "Do nothing", "options": {}, "tasks": [
        { "label": "noop-1", "taskName": "Task.noop" },
        { "label": "noop-2", "taskName": "Task.noop", "waitOn": { "noop-1": "finished" } } ] },
      \(single("Graph.Reboot.Node", "Reboot a node", "reboot", "Task.Obm.Node.Reboot")),
      \(single("Graph.PowerOn.Node", "Power a node on", "power-on", "Task.Obm.Node.PowerOn")),
      \(single("Graph.PowerOff.Node", "Power a node off", "power-off", "Task.Obm.Node.PowerOff")),
      { "injectableName": "Graph.BootstrapUbuntu", "friendlyName": "Boot a node into the microkernel", "options": {},
        "tasks": [ \(boot("bootstrap-ubuntu")) ] },
      { "injectableName": "Graph.BootstrapRancher", "friendlyName": "Boot a node into the microkernel", "options": {},
        "tasks": [ \(boot()) ] },
      { "injectableName": "Graph.ShellCommands", "friendlyName": "Run commands on a node", "options": {}, "tasks": [
        \(boot()),
        { "label": "shell-commands", "taskName": "Task.Linux.Commands",
          "waitOn": { "bootstrap-rancher": "succeeded" } },
        { "label": "reboot-end", "taskName": "Task.ProcShellReboot", "waitOn": { "shell-commands": "finished" } } ] }
    ]
    """

  /// Boot from the network, power cycle, microkernel. Options for the boot go under the stock graphs' label.
  ///
  /// - Parameter first: a task that must have succeeded before; `nil` for none.
  static func boot(_ label: String = "bootstrap-rancher", after first: String? = nil) -> String {
    let wait = first.map { #", "waitOn": { "\#($0)": "succeeded" }"# } ?? ""
    return """
      { "label": "set-boot-pxe", "taskName": "Task.Obm.Node.PxeBoot", "ignoreFailure": true\(wait) },
      { "label": "reboot", "taskName": "Task.Obm.Node.Reboot", "waitOn": { "set-boot-pxe": "finished" } },
      { "label": "\(label)", "taskName": "Task.Linux.Bootstrap.Ubuntu", "waitOn": { "reboot": "succeeded" } }
      """
  }

  private static func single(_ name: String, _ what: String, _ label: String, _ task: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "\(what)", "options": {}, "tasks": [
      { "label": "\(label)", "taskName": "\(task)" } ] }
    """
  }
}
