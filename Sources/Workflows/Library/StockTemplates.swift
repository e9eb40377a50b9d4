/// The scripts that tasks of the library download. A server renders them as it does those that are uploaded, and an
/// uploaded one of the same name takes the place of one of these.
public enum StockTemplates {
  /// - Returns: `nil` for a name that is not among them.
  public static func text(named name: String) -> String? { texts[name] }

  public static let names = texts.keys.sorted()

  private static let texts = ["get_smart.sh": smart, "get_driveid.js": driveID]

  /// What smartctl says of each disk, as JSON text: one object a line, which the parser of the catalog `smart` takes.
  private static let smart = #"""
    #!/bin/bash
    for disk in $(lsblk -d -n -o NAME,TYPE | awk '$2 == "disk" { print $1 }'); do
      case $disk in loop* | ram* | zram*) continue ;; esac
      # The exit code is a set of bits: a disk without SMART is no failure of this script.
      smartctl --json=c --all "/dev/$disk" || :
      echo
    done

    """#

  /// The names of each disk, as the JSON of the catalog `driveId`. It runs on the first releases of Node.js, too.
  ///
  /// The names of ESXi are those of its PSA: `naa.` and the World Wide Name; else, for ATA, `t10.ATA`, model and serial
  /// number with underscores up to 40 and 20 characters.
  private static let driveID = #"""
    'use strict';
    var child = require('child_process');
    var fs = require('fs');

    function output(program, words) {
      var end = child.spawnSync(program, words, { encoding: 'utf8' });
      return end.status === 0 ? end.stdout : '';
    }

    // Links in /dev/disk/by-id, by the device that they lead to.
    var links = {};
    var directory = '/dev/disk/by-id';
    (fs.existsSync(directory) ? fs.readdirSync(directory) : []).sort().forEach(function (name) {
      var device = fs.readlinkSync(directory + '/' + name).split('/').pop();
      (links[device] = links[device] || []).push(name);
    });

    function padded(text, length) {
      text = text.trim().replace(/ /g, '_');
      while (text.length < length) { text += '_'; }
      return text;
    }

    function esxiName(device) {
      var wide = (links[device] || []).filter(function (name) { return /^wwn-0x/.test(name); })[0];
      if (wide) { return 'naa.' + wide.slice(6); }
      var facts = output('hdparm', ['-I', '/dev/' + device]);
      var model = /Model Number:(.*)/.exec(facts);
      var serial = /Serial Number:(.*)/.exec(facts);
      return model && serial ? 't10.ATA_____' + padded(model[1], 40) + padded(serial[1], 20) : '';
    }

    function linuxName(device) {
      var names = links[device] || [];
      var best = ['ata-', 'scsi-', 'nvme-', 'wwn-', ''].map(function (prefix) {
        return names.filter(function (name) { return name.indexOf(prefix) === 0; })[0];
      }).filter(Boolean)[0];
      return best ? directory + '/' + best : '';
    }

    var drives = [];
    output('lsscsi', []).split('\n').forEach(function (line) {
      var words = /^\[(\d+:\d+:(\d+):\d+)\]\s+disk\s+(\S+)\s.*\/dev\/(\S+)\s*$/.exec(line);
      if (!words) { return; }
      // A volume of a MegaRAID controller has the controller's vendor for its own, and its number for a target.
      var isVolume = /^(LSI|AVAGO|DELL|PERC)$/i.test(words[3]);
      drives.push({
        scsiId: words[1], virtualDisk: isVolume ? '/c0/v' + words[2] : '', esxiWwid: esxiName(words[4]),
        devName: words[4], linuxWwid: linuxName(words[4]), identifier: drives.length
      });
    });
    console.log(JSON.stringify(drives));

    """#
}
