"""A machine with all overlays of scripts/examples in one: each of their tools answers on it."""

import json
import os
import re
import unittest

# story.py says where the next ones are.
from story import PATIENCE, TOP, note
from machine import Hardware
from rack import Rack, end_cleanly_on_signals
from timeline import NetbootError

# Base image and unpacked overlay are in memory.
HARDWARE = Hardware(memory=1280, megaraid=[(64 << 20, "RAID-0")])

TASKS = {
    "simple": "where-am-i; cat /etc/motd; ls /etc/issue.net 2>&1 || true",
    "packages": "lspci -n && dpkg-query -W -f '${Status}\\n' pciutils",
    "vendor-tool": "/opt/MegaRAID/MegaCli/MegaCli64 && MegaCli64",
    "emc": "test_eses | xsltproc /usr/local/share/test_eses/test_eses.xsl -",
    "debug-ssh": "ssh-keyscan -t ed25519 127.0.0.1 && ssh-keygen -l -f /root/.ssh/authorized_keys",
    "kernel-module": "lsmod && dmesg",
    "node": "node -p '[process.version, 6 * 7].join()'",
    "python": "python -c 'import sys, json; print(json.dumps(sys.version_info[0]))'",
}

# With the stock server's own tasks, whose commands need Node.js and ohai.
GRAPH = {"injectableName": "Graph.Stock.Catalogs", "friendlyName": "Catalogs of the stock server's tools", "tasks": [
    {"label": "bootstrap", "taskName": "Task.Linux.Bootstrap.Ubuntu"},
    {"label": "catalog-ohai", "taskName": "Task.Catalog.ohai", "waitOn": {"bootstrap": "succeeded"}},
    {"label": "catalog-driveid", "taskName": "Task.Catalog.driveid", "waitOn": {"catalog-ohai": "succeeded"}},
]}

reports = {}
workflow = {}
catalogs = {}
problem = None


def setUpModule():
    global problem
    end_cleanly_on_signals()
    try:
        rack = Rack(HARDWARE, overlays=[os.path.join(TOP, "dist", "all.overlay.cpio.gz")], listener=note)
        with open(rack.path("workflows", "stock-catalogs.json"), "w") as file:
            json.dump(GRAPH, file)
        with rack:
            rack.server.push(Rack.NODE, {"tasks": [
                {"cmd": command, "source": source} for source, command in TASKS.items()]})
            rack.power_on()
            _, report = rack.server.wait_for_report(Rack.NODE, PATIENCE)
            reports.update((task["source"], task) for task in report["tasks"])
            run = rack.server.start_workflow(Rack.NODE, GRAPH["injectableName"])
            workflow.update(rack.server.wait_for_workflow(run, PATIENCE)[1])
            catalogs.update(rack.server.catalogs(Rack.NODE))
    except (NetbootError, OSError) as error:
        problem = error


class Examples(unittest.TestCase):
    def output(self, source):
        if source not in reports:
            raise AssertionError("there is no report of %s: %s" % (source, problem))
        task = reports[source]
        self.assertIsNone(task["error"], task.get("stderr"))
        return task["stdout"]

    def test_a_file_is_added_one_changed_and_one_removed(self):
        text = self.output("simple")
        self.assertIn(HARDWARE.macs[0], text)
        self.assertIn("This node is booted for maintenance.\n", text)
        self.assertRegex(text, r"cannot access '?/etc/issue\.net")

    def test_a_package_lists_the_devices(self):
        lines = self.output("packages").splitlines()
        # The virtio NIC that the machine boots from.
        self.assertTrue(any("1af4:1000" in line for line in lines), lines)
        self.assertEqual(lines[-1], "install ok installed")

    def test_the_vendors_tool_finds_its_library(self):
        self.assertEqual(self.output("vendor-tool"), "stand-in for the vendor's library\n" * 2)

    def test_the_tool_and_its_style_sheet_work_together(self):
        self.assertEqual(self.output("emc").strip(), "the enclosure is a stand-in")

    def test_the_ssh_server_has_a_key_of_this_boot(self):
        self.assertRegex(self.output("debug-ssh"), r"(?m)^127\.0\.0\.1 ssh-ed25519 AAAA")
        self.assertRegex(self.output("debug-ssh"), r"(?m)^256 SHA256:.* nobody \(ED25519\)$")

    def test_the_module_is_loaded(self):
        self.assertRegex(self.output("kernel-module"), r"(?m)^hello_overlay\s")
        self.assertIn("hello_overlay: a module of the overlay", self.output("kernel-module"))

    def test_node_js_runs(self):
        self.assertRegex(self.output("node"), r"^v\d+\.\d+\.\d+,42$")

    def test_python_runs(self):
        self.assertEqual(self.output("python").strip(), "3")

    def test_the_stock_servers_scripts_and_parsers_make_catalogs(self):
        self.assertEqual(workflow.get("status"), "succeeded", problem)
        self.assertEqual(catalogs["ohai"]["platform"], "debian")
        self.assertEqual(catalogs["ohai"]["dmi"]["system"]["serial_number"], HARDWARE.serial)
        self.assertEqual([drive["devName"] for drive in catalogs["driveId"]], ["sda"])


if __name__ == "__main__":
    unittest.main()
