extension StockTasks {
  /// Firmware and RAID. The tools are the vendors'; overlays bring them.
  static let firmware = """
    [
      \(commands("Task.Linux.Flash.Quanta.Bmc", "Flash a Quanta BMC", #"""
        "file": "", "downloadDir": "/opt/downloads", "backupFile": "{{ task.nodeId }}-bmc-backup.bin",
        "commands": [
          "mkdir -p /opt/uploads",
          "sudo /opt/socflash/socflash_x64 -b /opt/uploads/{{ options.backupFile }}",
          "curl --fail --retry 3 -T /opt/uploads/{{ options.backupFile }} {{ api.files }}/{{ options.backupFile }}",
          "sudo /opt/socflash/socflash_x64 -s option=x flashtype=2 if={{ options.downloadDir }}/{{ options.file }}",
          "sleep 90"
        ]
        """#)),
      \(commands("Task.Linux.Flash.Quanta.Bios", "Flash a Quanta BIOS", #"""
        "file": "", "downloadDir": "/opt/downloads",
        "commands": [ "cd /opt/ami; sudo ./afulnx_64 {{ options.downloadDir }}/{{ options.file }} /P /B /K /N /ME" ]
        """#)),
      \(commands("Task.Linux.Flash.Ami.Bios", "Flash an AMI BIOS, after a backup", #"""
        "file": "", "downloadDir": "/opt/downloads", "backupFile": "{{ task.nodeId }}-bios-backup.bin",
        "commands": [
          "cd /opt/ami; sudo ./afulnx_64 {{ options.downloadDir }}/{{ options.backupFile }} /O",
          "curl --fail --retry 3 -T {{ options.downloadDir }}/{{ options.backupFile }} {{ api.files }}/{{ options.backupFile }}",
          "cd /opt/ami; sudo ./afulnx_64 {{ options.downloadDir }}/{{ options.file }} /P /B /K /N /ME"
        ]
        """#)),
      \(commands("Task.Linux.Flash.LSI.MegaRAID", "Flash a MegaRAID controller", #"""
        "file": "", "downloadDir": "/opt/downloads", "adapter": "0",
        "commands": [
          "sudo /opt/MegaRAID/storcli/storcli64 /c{{ options.adapter }} download file={{ options.downloadDir }}/{{ options.file }} noverchk",
          "sudo /opt/MegaRAID/MegaCli/MegaCli64 -AdpSetProp -BatWarnDsbl 1 -a{{ options.adapter }}"
        ]
        """#)),
      \(commands("Task.Linux.Flash.Flashrom", "Back up a flash chip, write it, and read it back", #"""
        "file": "", "downloadDir": "/opt/downloads", "programmer": "internal",
        "backupFile": "{{ task.nodeId }}-flash-backup.bin",
        "commands": [
          "sudo flashrom -p {{ options.programmer }} -r {{ options.downloadDir }}/{{ options.backupFile }}",
          "curl --fail --retry 3 -T {{ options.downloadDir }}/{{ options.backupFile }} {{ api.files }}/{{ options.backupFile }}",
          "sudo flashrom -p {{ options.programmer }} -w {{ options.downloadDir }}/{{ options.file }}",
          "sudo flashrom -p {{ options.programmer }} -v {{ options.downloadDir }}/{{ options.file }}"
        ]
        """#)),
      \(commands("Task.Linux.Quanta.BIOS.NVRAM", "Write BIOS settings", #"""
        "file": "", "downloadDir": "/opt/downloads",
        "commands": [ "cd /opt/ami; sudo ./SCELNX_64 /i /s {{ options.downloadDir }}/{{ options.file }}" ]
        """#)),
      \(commands("Task.Catalog.Flashrom", "Catalog a flash chip", #"""
        "programmer": "internal",
        "commands": [ { "command": "sudo flashrom -p {{ options.programmer }} --flash-name",
          "catalog": { "source": "flashrom", "format": "raw" } } ]
        """#)),
      \(commands("Task.Raid.Create.MegaRAID", "Create MegaRAID volumes", #"""
        "path": "/opt/MegaRAID/storcli/storcli64", "controller": "0", "createDefault": true, "raidList": [],
        "commands": [ "{{#options.createDefault}}sudo {{{options.path}}} /c{{options.controller}} add vd each type=raid0{{/options.createDefault}}{{^options.createDefault}}set -e{{#options.raidList}}; sudo {{{options.path}}} /c{{options.controller}} add vd type={{{type}}} drives={{{enclosure}}}:{{{drives}}}{{/options.raidList}}{{/options.createDefault}}" ]
        """#)),
      \(commands("Task.Raid.Delete.MegaRAID", "Delete MegaRAID volumes", #"""
        "path": "/opt/MegaRAID/storcli/storcli64", "controller": "0", "deleteAll": true, "raidIds": [],
        "commands": [ "{{#options.deleteAll}}sudo {{{options.path}}} /c{{options.controller}}/vall del force{{/options.deleteAll}}{{^options.deleteAll}}set -e{{#options.raidIds}}; sudo {{{options.path}}} /c{{options.controller}}/v{{.}} del force{{/options.raidIds}}{{/options.deleteAll}}" ]
        """#))
    ]
    """

  private static func commands(_ name: String, _ what: String, _ options: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "\(what)", "implementsTask": "Task.Base.Linux.Commands",
      "options": { \(options) }, "properties": {} }
    """
  }
}
