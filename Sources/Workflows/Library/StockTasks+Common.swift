extension StockTasks {
  /// Boot, power, reboot and flow.
  static let common = """
    [
      { "injectableName": "Task.noop", "friendlyName": "Do nothing", "implementsTask": "Task.Base.noop",
        "options": {}, "properties": { "noop": {} } },
      { "injectableName": "Task.Evaluate.Condition", "friendlyName": "Evaluate a condition",
        "implementsTask": "Task.Base.Evaluate.Condition", "options": { "when": "" }, "properties": {} },
      { "injectableName": "Task.Trigger.Send.Finish", "friendlyName": "Send the trigger finish",
        "implementsTask": "Task.Base.Trigger",
        "options": { "triggerMode": "send", "triggerType": "finish", "triggerGroup": "default" }, "properties": {} },
      { "injectableName": "Task.ProcShellReboot", "friendlyName": "Reboot from the node's shell",
        "implementsTask": "Task.Base.ShellReboot", "options": { "rebootCode": 1 }, "properties": { "power": {} } },
      { "injectableName": "Task.Alert.Node.Discovered", "friendlyName": "Tell that a node is discovered",
        "implementsTask": "Task.Base.Alert.Node.Discovered", "options": {}, "properties": {} },
      { "injectableName": "Task.Obm.Node.PxeBoot", "friendlyName": "Boot from the network next time",
        "implementsTask": "Task.Base.Obm.Node", "options": { "action": "setBootPxe" }, "properties": { "power": {} } },
      { "injectableName": "Task.Obm.Node.Reboot", "friendlyName": "Power cycle",
        "implementsTask": "Task.Base.Obm.Node", "options": { "action": "reboot" }, "properties": { "power": {} } },
      { "injectableName": "Task.Obm.Node.PowerOn", "friendlyName": "Power on",
        "implementsTask": "Task.Base.Obm.Node", "options": { "action": "powerOn" }, "properties": { "power": {} } },
      { "injectableName": "Task.Obm.Node.PowerOff", "friendlyName": "Power off",
        "implementsTask": "Task.Base.Obm.Node", "options": { "action": "powerOff" }, "properties": { "power": {} } },
      { "injectableName": "Task.Linux.Bootstrap.Ubuntu", "friendlyName": "Boot the microkernel",
        "implementsTask": "Task.Base.Linux.Bootstrap",
        "options": {
          "profile": "linux.ipxe", "comport": "ttyS0",
          "kernelFile": "vmlinuz-3.16.0-25-generic", "initrdFile": "initrd.img-3.16.0-25-generic",
          "basefsFile": "base.trusty.3.16.0-25-generic.squashfs.img", "overlayfsFile": "discovery.overlay.cpio.gz",
          "kernelUri": "{{ file.server }}/common/{{ options.kernelFile }}",
          "initrdUri": "{{ file.server }}/common/{{ options.initrdFile }}",
          "basefsUri": "{{ file.server }}/common/{{ options.basefsFile }}",
          "overlayfsUri": "{{ file.server }}/common/{{ options.overlayfsFile }}"
        },
        "properties": { "os": { "linux": { "distribution": "ubuntu" } } } },
      { "injectableName": "Task.Linux.Commands", "friendlyName": "Run commands on the node",
        "implementsTask": "Task.Base.Linux.Commands",
        "options": { "commands": [ "uname -a", "uptime",
          { "command": "ip addr show", "catalog": { "source": "ip addr", "format": "raw" } } ] },
        "properties": { "commands": {} } },
      { "injectableName": "Task.Linux.DownloadFiles", "friendlyName": "Download a file to the node, and compare its MD5",
        "implementsTask": "Task.Base.Linux.Commands",
        "options": {
          "file": "", "downloadDir": "/opt/downloads",
          "commands": [
            "mkdir -p {{ options.downloadDir }}",
            "curl --fail --retry 3 {{ api.files }}/{{ options.file }} -o {{ options.downloadDir }}/{{ options.file }}",
            "curl --fail --retry 3 {{ api.files }}/{{ options.file }}/md5 | tr -d '\\"' | awk '{print $1 \\"  {{ options.downloadDir }}/{{ options.file }}\\"}' | md5sum -c"
          ]
        },
        "properties": {} }
    ]
    """
}
