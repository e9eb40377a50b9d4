"""Workflows that switch a machine's power: a whole flash on a machine that boots from its disk by itself. And the page about
workflows, whose commands are run as they stand there."""

import json
import os
import random
import re
import socket
import subprocess
import tempfile
import unittest

# story.py says where the next ones are.
from story import MIB, OVERLAY, PATIENCE, TOP, note
from machine import Hardware
from rack import Rack, end_cleanly_on_signals
from timeline import NetbootError

DISK_BOOTS = "This machine has booted from its disk."
# Prints the text through the BIOS, and halts.
BOOT_SECTOR = (bytes.fromhex("31c08ed8fcbb0700be197cac84c07406b40ecd10ebf5f4ebfd") + DISK_BOOTS.encode() + b"\r\n\0").ljust(
    510, b"\0") + b"\x55\xaa"
HARDWARE = Hardware(ipmi=True, disks=[(64 * MIB, "DISK-1")], boot_sector=BOOT_SECTOR)
OLD, NEW = b"o" * 131072, random.Random(42).randbytes(131072)
FLASH = {"defaults": {"file": "bios.bin", "programmer": "dummy:emulate=M25P10.RES,image=/run/chip.bin"}}


# Ends the server of the page's commands when one of them fails.
STOPPING = "trap '[ -z \"${server-}\" ] || kill $server 2>/dev/null || :' EXIT\n"


class Flash:
    """What happened, for the tests to look at."""

    def __init__(self):
        self.problem = None
        self.workflow = None
        self.timeline = None
        self.after_reset = None

    def run(self):
        """Never raises: the tests that need what did not happen say so."""
        try:
            with Rack(HARDWARE, overlays=[os.path.join(TOP, "dist", OVERLAY)], listener=note) as rack:
                self.timeline = rack.timeline
                self._flash(rack, rack.server)
        except (NetbootError, OSError) as error:
            self.problem = error

    def _flash(self, rack, server):
        with open(rack.path("files", "bios.bin"), "wb") as file:
            file.write(NEW)
        rack.power_on()
        self.disk = self.timeline.wait("console", re.escape(DISK_BOOTS), PATIENCE)
        self.run_id = server.start_workflow(Rack.NODE, "Graph.Flash.Flashrom", FLASH)
        end, self.workflow = server.wait_for_workflow(self.run_id, PATIENCE, self.disk.index)
        self.catalogs = server.request("/api/current/nodes/%s/catalogs" % Rack.NODE)
        self.reports = []
        for path in server.reports(Rack.NODE):
            with open(path, encoding="utf-8") as file:
                self.reports.append(json.load(file))
        with open(rack.path("files", Rack.NODE + "-flash-backup.bin"), "rb") as file:
            self.backup = file.read()
        reset = self.timeline.wait("qmp", r"^RESET guest-reset", PATIENCE, end.index)
        self.after_reset = self.timeline.wait("console", re.escape(DISK_BOOTS), PATIENCE, reset.index)


flash = Flash()


def setUpModule():
    end_cleanly_on_signals()
    flash.run()


class FlashGraph(unittest.TestCase):
    def setUp(self):
        if flash.workflow is None:
            raise AssertionError("the workflow has not ended: %s" % flash.problem)

    def commands(self, words):
        """The tasks with these words in their command, of all reports."""
        return [task for report in flash.reports for task in report["tasks"] if words in task.get("cmd", "")]

    def test_each_step_succeeded(self):
        self.assertEqual([(task["label"], task["state"], task.get("error")) for task in flash.workflow["tasks"]], [
            (label, "succeeded", None) for label in (
                "set-boot-pxe", "reboot", "bootstrap-rancher", "download-flashrom-firmware", "catalog-flashrom-before",
                "flash-flashrom", "catalog-flashrom-after", "final-reboot")])
        self.assertEqual(flash.workflow["status"], "succeeded")

    def test_the_graph_switched_the_power_and_chose_the_network(self):
        words = [entry.text for entry in flash.timeline.all("bmc", "^power ")]
        self.assertEqual(words, ["power pxe", "power cycle"])
        cycle = flash.timeline.all("bmc", "^power cycle")[0]
        reset = flash.timeline.all("qmp", "^RESET", cycle.index)[0]
        self.assertTrue(flash.timeline.all("console", "Linux version ", reset.index))
        # Without the graph's choice it boots from the disk.
        self.assertLess(flash.disk.index, cycle.index)
        before = [entry for entry in flash.timeline.all("console", "Linux version ") if entry.index < cycle.index]
        self.assertEqual(before, [])

    def test_the_server_has_the_old_firmware_as_a_backup(self):
        self.assertEqual(flash.backup, OLD)

    def test_the_chip_was_written_once_and_read_back(self):
        self.assertEqual(len(self.commands(" -w ")), 1)
        verified = self.commands(" -v ")
        self.assertEqual(len(verified), 1)
        self.assertIsNone(verified[0]["error"])
        self.assertIn("VERIFIED", verified[0]["stdout"] + verified[0]["stderr"])

    def test_the_chip_was_cataloged_before_and_after(self):
        found = [catalog for catalog in flash.catalogs if catalog["source"] == "flashrom"]
        self.assertEqual(len(found), 2)
        for catalog in found:
            self.assertIn("M25P10", catalog["data"]["data"])

    def test_the_last_step_rebooted_the_machine_which_boots_as_before(self):
        self.assertIsNotNone(flash.after_reset, flash.problem)


class Page:
    """docs/workflows.md: files (blocks behind a line "`NAME`:"), commands (other blocks marked `sh`), and what these print."""

    def __init__(self):
        with open(os.path.join(TOP, "docs", "workflows.md"), encoding="utf-8") as file:
            text = file.read().split("\n## Check a graph", 1)[0]
        self.files, self.commands, self.outputs = {}, [], []
        for name, language, block in re.findall(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", text, re.M | re.S):
            if name:
                self.files[name] = block
            elif language == "sh":
                self.commands.append(block)
            else:
                self.outputs.append(block)


class WorkflowPage(unittest.TestCase):
    def test_the_commands_of_the_page_do_what_it_says(self):
        page = Page()
        self.assertEqual(set(page.files), {"cardtool", "card.yaml", "card.json"})
        self.assertGreaterEqual(len(page.commands), 6)
        self.assertEqual(len(page.outputs), 2)
        script = STOPPING + "".join(page.commands).replace("/src/monorail-node", TOP)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            script = script.replace("9080", str(probe.getsockname()[1]))
        with tempfile.TemporaryDirectory() as home:
            os.mkdir(os.path.join(home, "card"))
            for name, text in page.files.items():
                with open(os.path.join(home, "card", name), "w", encoding="utf-8") as file:
                    file.write(text)
                os.chmod(os.path.join(home, "card", name), 0o755 if text.startswith("#!") else 0o644)
            cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/root"), ".cache")
            environment = {**os.environ, "HOME": home, "XDG_CACHE_HOME": cache}
            end = subprocess.run(["sh", "-eu"], input=script, env=environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace")
        self.assertEqual(end.returncode, 0, end.stdout[-8000:])
        for output in page.outputs:
            # Times differ.
            pattern = re.sub(r"\d+\\\.\d+", r"\\d+\\.\\d+", re.escape(output).replace("\\ ", " "))
            pattern = re.sub(r" {2,}", " +", pattern)
            self.assertRegex(end.stdout, pattern)
        # The last commands of the page: a run, a definition that was put, and the run again, which was cancelled.
        self.assertEqual(re.findall(r'"status": "\w+"|card\'s firmware twice', end.stdout), [
            '"status": "running"', "card's firmware twice", '"status": "cancelled"'])


if __name__ == "__main__":
    unittest.main()
