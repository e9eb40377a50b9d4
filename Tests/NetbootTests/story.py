"""One machine's life in a rack, boot after boot: what happened is kept for the tests to look at.

A boot takes a minute on an emulated CPU, so all of them are about the same four:
  1. discovery, checks of the root, a flash; then the agent ends with 1
  2. what is there after that reboot; then the agent ends with 2
  3. the overlay at the server is not what its digest says
  4. the server goes away before the base image is fetched, for a minute; then the agent ends with 127
"""

import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "scripts", "netboot.d"))

from machine import Hardware  # noqa: E402
from rack import Rack  # noqa: E402
from timeline import NetbootError  # noqa: E402

MIB = 1 << 20
OVERLAY = "test.overlay.cpio.gz"
# For one boot to a report, also where other builds share the machine.
PATIENCE = 1800
OUTAGE = 60

HARDWARE = Hardware(
    memory=512, vendor="Acme, Inc.", product="Rackable R100", serial="SN-4711-0815",
    macs=["52:54:00:6d:72:11", "52:54:00:6d:72:12"], nvme=[(96 * MIB, "NVME-0042")],
    megaraid=[(64 * MIB, "RAID-0001"), (80 * MIB, "RAID-0002")], ipmi=True, lldp=("rack1-leaf2", "swp7"))

ROOT_CHECKS = {
    "tasks": [
        {"cmd": "cat /etc/issue", "source": "overlay-wins"},
        {"cmd": "ls -d /etc/debian_version /etc/debian_version* 2>&1; ls /etc | grep -c debian", "source": "whiteout",
         "acceptedResponseCodes": [1]},
        {"cmd": "/opt/MegaRAID/MegaCli/MegaCli64 -PDList -aALL", "source": "megacli-disks"},
        {"cmd": "/opt/MegaRAID/MegaCli/MegaCli64 -LDInfo -Lall -aALL", "source": "megacli-volumes"},
        {"cmd": "/opt/MegaRAID/MegaCli/MegaCli64 -AdpSetProp -BatWarnDsbl 1 -a0", "source": "megacli-property"},
        {"cmd": "/opt/MegaRAID/MegaCli/MegaCli64 -AdpFwFlash -f /etc/issue -a0", "source": "megacli-flash"},
        {"cmd": "cat /opt/MegaRAID/MegaCli/calls.log", "source": "megacli-calls"},
        {"cmd": "findmnt -n -o FSTYPE,OPTIONS /; cat /proc/cmdline; cat /etc/resolv.conf", "source": "root"},
        {"cmd": "pgrep -af '[u]dhcpc'; cat /proc/net/route", "source": "lease"},
    ]
}
AFTER_REBOOT = {
    "tasks": [{"cmd": "cat /proc/sys/kernel/random/boot_id; ls /opt/downloads", "source": "after"}], "exit": 2}
STAY_UP = {"tasks": [{"cmd": "cut -d ' ' -f 1 /proc/uptime", "source": "uptime"}], "exit": 127}


def note(entry):
    """Shows what goes on, for those who wait and for those who look for a failure's cause."""
    place = os.environ.get("MONORAIL_NETBOOT_LOG")
    if place:
        with open(place, "a", encoding="utf-8") as file:
            print("%8.2f  %-7s  %s" % (entry.at, entry.kind, entry.text), file=file)


class Story:
    """Entries are positions in the timeline: `resets[0]` is the reset that ended the first boot."""

    def __init__(self):
        self.problem = None
        self.reports = {}
        self.resets = []
        self.firmware = random.Random(4711).randbytes(131072)
        self.files = {}
        self.last_start = None
        self.outage = None
        self.bmc = None
        self.status = None
        self.syslog = ""
        self.timeline = None

    def run(self):
        """Never raises: the tests that need what did not happen say so."""
        try:
            overlay = os.path.join(TOP, "dist", OVERLAY)
            with Rack(HARDWARE, overlays=[overlay], server_arguments=["--digests"], listener=note) as self.rack:
                self.timeline = self.rack.timeline
                self._boots()
        except (NetbootError, OSError) as error:
            self.problem = error
        return self

    def _report(self, name, since):
        entry, self.reports[name] = self.rack.server.wait_for_report(Rack.NODE, PATIENCE, since)
        return entry.index + 1

    def _reset(self, since):
        self.resets.append(self.timeline.wait("qmp", r"^RESET guest-reset", PATIENCE, since))
        return self.resets[-1].index + 1

    def _greeting(self, since):
        """Waits for that of agetty, which throws away what the console has not printed yet as it starts."""
        self.timeline.wait("console", r"This text is from the overlay", PATIENCE, since)

    def _boots(self):
        server = self.rack.server
        with open(self.rack.path("files", "bios.bin"), "wb") as file:
            file.write(self.firmware)
        for work in ({"name": "discovery"}, ROOT_CHECKS, {"name": "flash"}):
            server.push(Rack.NODE, work)
        machine = self.rack.power_on()
        self.bmc = machine.bmc
        position = 0
        for name in ("discovery", "root", "flash"):
            position = self._report(name, position)
        position = self._reset(position)
        for name in ("backup", "chip"):
            with open(self.rack.path("files", "%s-%s.bin" % (Rack.NODE, name)), "rb") as file:
                self.files[name] = file.read()

        # A poll without work shows that nothing is handed out again.
        self.timeline.wait("server", r"^GET /api/\S+/tasks/%s 404" % Rack.NODE, PATIENCE, position)
        self._greeting(position)
        server.push(Rack.NODE, AFTER_REBOOT)
        position = self._report("after", position)
        self.rack.write_digest(OVERLAY, "0" * 64)
        server.restart("--kernel-args=monorail.reboot=30")
        position = self._reset(position)

        refused = self.timeline.wait("console", r"cannot boot: ", PATIENCE, position)
        self.rack.write_digest(OVERLAY)
        # As long does a node wait for a server that is away.
        server.restart("--kernel-args=monorail.reboot=600")
        position = self._reset(refused.index)

        # The kernel and the initramfs are loaded; nothing else is wanted before stage 1.
        self.timeline.wait("console", r"Linux version ", PATIENCE, position)
        server.stop()
        self.last_start = self.timeline.wait("console", r"monorail: .*stage 1:", PATIENCE, position)
        first = self.timeline.wait(
            "console", r"monorail: .*(trying again|refused|connect)", PATIENCE, self.last_start.index)
        last = first
        while last.at - first.at < OUTAGE:
            last = self.timeline.wait("console", r"monorail: .*(trying again|refused|connect)", PATIENCE, last.index + 1)
        self.outage = (first, last)
        server.start()
        self._greeting(last.index)
        server.push(Rack.NODE, STAY_UP)
        position = self._report("stay", last.index)
        self.timeline.wait("console", r"rc\.local: .*stays up", PATIENCE, position)
        with open(self.rack.server.results_file(os.path.join(Rack.NODE, "syslog.log")), errors="replace") as file:
            self.syslog = file.read()
        self.status = machine.execute("query-status")["status"]

    def console(self, boot):
        """The lines of the console in the n-th boot, from 1. The firmware's first line tells where one begins: QEMU's event
        comes another way, and may be read before the last lines of the boot that it ended."""
        lines = [entry.text for entry in self.timeline.all("console")] if self.timeline else []
        begins = [number for number, line in enumerate(lines) if "SeaBIOS (version" in line] + [len(lines)]
        return lines[begins[boot - 1]:begins[boot]] if boot < len(begins) else []

    def output(self, report, source):
        """What that task printed; it must have succeeded, as far as the server is concerned."""
        for task in self.reports[report]["tasks"]:
            if task.get("source") == source:
                return task["stdout"]
        raise AssertionError("the report %s has no task %s" % (report, source))


def fields(text):
    """"Name : value" lines as a dictionary; of a repeated name the first counts."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*([^:=]+?)\s*[:=]\s*(.*?)\s*$", line)
        if match:
            found.setdefault(match.group(1), match.group(2))
    return found
