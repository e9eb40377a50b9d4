"""What the tests of firmware and of networks share: a rack whose machine boots to a report, and again."""

import json
import os
import re
import unittest

# story.py says where the next ones are.
from story import PATIENCE, TOP, note
from rack import Rack

ALL = os.environ.get("MONORAIL_NETBOOT_ALL", "0") != "0"
only_with_all = unittest.skipUnless(ALL, "a boot more, which scripts/test-netboot --all makes")
only_as_root = unittest.skipUnless(os.geteuid() == 0, "networks need root")


def taking(*commands, **more):
    """A task set; each command's output is under its number."""
    return {"tasks": [{"cmd": command, "source": str(number)} for number, command in enumerate(commands)], **more}


class Boots:
    """In a `with` block, a machine that is on."""

    def __init__(self, hardware, **more):
        self.hardware = hardware
        self.rack = Rack(hardware, listener=note, overlays=[os.path.join(TOP, "dist", "discovery.overlay.cpio.gz")],
                         **more)
        self.timeline, self.server = self.rack.timeline, self.rack.server
        # Where the next boot begins in the timeline.
        self.position = 0

    def __enter__(self):
        self.rack.__enter__()
        return self

    def __exit__(self, *_):
        self.rack.close()

    def report(self, work):
        """Has the node do the work, which may be given before it boots; what it reports."""
        self.server.push(Rack.NODE, work)
        entry, report = self.server.wait_for_report(Rack.NODE, PATIENCE, self.position)
        self.position = entry.index + 1
        return report

    def outputs(self, *commands, **more):
        """What the commands print on the node; all must succeed."""
        tasks = self.report(taking(*commands, **more))["tasks"]
        for task in tasks:
            assert task["error"] is None, json.dumps(task)
        return [task["stdout"] for task in tasks]

    def wait(self, kind, pattern):
        entry = self.timeline.wait(kind, pattern, PATIENCE, self.position)
        self.position = entry.index + 1
        return entry

    def console(self, pattern, since=0):
        return [entry.text for entry in self.timeline.all("console", pattern, since)]

    def lease(self):
        """The last that stage 1 has told: the NIC, the address, the server."""
        lines = self.console(r"monorail: .* has \d+\.\d+\.\d+\.\d+/\d+, ")
        return re.search(r"s: (\S+) has (\S+?)/.*from (\S+)", lines[-1]).groups()
