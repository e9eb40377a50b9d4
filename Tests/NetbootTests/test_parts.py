"""Parts of scripts/netboot.d that need no machine: what --workflow and --option take, the chassis, the BMC's boot options."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NETBOOT = os.path.join(TOP, "scripts", "netboot.d")
sys.path.insert(0, NETBOOT)

from bmc import BMC  # noqa: E402
from chassis import Chassis  # noqa: E402
from timeline import NetbootError, Timeline  # noqa: E402
from workflow import add_workflow, option, options  # noqa: E402

TASK = {"injectableName": "Task.x", "implementsTask": "Task.Base.noop"}
GRAPH = {"injectableName": "Graph.x", "tasks": []}


class Options(unittest.TestCase):
    def test_a_value_is_json_or_else_text(self):
        for text, expected in (
                ("a.b=1", ("a", "b", 1)), ('a.b="1"', ("a", "b", "1")), ("a.b=x y=z", ("a", "b", "x y=z")),
                ("a.b=", ("a", "b", "")), ("a.b.c=[1]", ("a.b", "c", [1])), ("a.b=null", ("a", "b", None))):
            with self.subTest(text):
                self.assertEqual(option(text), expected)
        for text in ("", "a", "a=1", "a.=1", ".b=1", "=1"):
            with self.subTest(text), self.assertRaises(ValueError):
                option(text)

    def test_options_are_put_together_by_label(self):
        self.assertEqual(options([("a", "b", 1), ("c", "d", 2), ("a", "e", 3)]), {"a": {"b": 1, "e": 3}, "c": {"d": 2}})


class Workflows(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        os.mkdir(os.path.join(self.directory, "workflows"))

    def add(self, text):
        path = os.path.join(self.directory, "mine.json")
        with open(path, "w") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        return add_workflow(path, os.path.join(self.directory, "workflows"))

    def test_the_graph_of_a_file_is_started_by_its_name(self):
        self.assertEqual(self.add([TASK, GRAPH]), "Graph.x")
        self.assertEqual(os.listdir(os.path.join(self.directory, "workflows")), ["mine.json"])

    def test_a_task_set_is_started_by_the_name_of_its_file(self):
        # Variables make JSON of it only later.
        self.assertEqual(self.add('{"tasks": [{"cmd": <%=command%>}]}'), "mine")
        self.assertEqual(self.add({"tasks": [{"cmd": "true"}]}), "mine-2")

    def test_what_is_no_workflow_is_refused_with_a_sentence_and_nothing_is_copied(self):
        for text, sentence in (
                ([TASK], "mine.json has no graph"), ([GRAPH, {**GRAPH, "injectableName": "Graph.y"}], "Graph.x, Graph.y"),
                ('{"injectableName": ', "mine.json is no JSON")):
            with self.subTest(text), self.assertRaisesRegex(NetbootError, sentence):
                self.add(text)
        with self.assertRaisesRegex(NetbootError, "there is no file"):
            add_workflow("/nowhere/x.json", self.directory)
        self.assertEqual(os.listdir(os.path.join(self.directory, "workflows")), [])


class Machine:
    """Notes what a chassis has it do."""

    def __init__(self):
        self.is_running = self.is_on = True
        self.calls = []

    def power_off(self):
        self.is_on = False
        self.calls.append("off")

    def reset(self):
        self.is_on = True
        self.calls.append("reset")

    def boot_from(self, device, for_good):
        self.calls.append((device, for_good))


class Rack:
    def __init__(self):
        self.timeline = Timeline()
        self.machine = None

    def power_on(self):
        self.machine = Machine()
        return self.machine


class Power(unittest.TestCase):
    def setUp(self):
        self.rack = Rack()
        self.chassis = Chassis(self.rack)
        self.chassis.start()
        self.addCleanup(lambda: self.chassis and self.chassis.close())

    def power(self, word):
        end = subprocess.run([os.path.join(NETBOOT, "power"), self.chassis.path, word], capture_output=True, text=True)
        return end.returncode, end.stdout.strip(), end.stderr.strip()

    def test_a_machine_is_switched_on_off_and_through_a_cycle(self):
        self.assertEqual(self.power("status"), (0, "off", ""))
        self.assertEqual(self.power("off"), (0, "", ""))
        self.assertEqual(self.power("on"), (0, "", ""))
        self.assertEqual(self.power("status"), (0, "on", ""))
        for word in ("on", "cycle", "off", "cycle", "reset", "pxe", "pxe-always", "disk"):
            self.assertEqual(self.power(word), (0, "", ""), word)
        self.assertEqual(self.rack.machine.calls, [
            "off", "reset", "off", "reset", "reset", ("pxe", False), ("pxe", True), ("disk", False)])

    def test_what_it_cannot_do_is_refused_with_a_sentence(self):
        for word, sentence in (("nmi", "this chassis cannot do nmi"), ("reset", "the machine is off"),
                               ("pxe", "was never powered on")):
            with self.subTest(word):
                code, output, errors = self.power(word)
                self.assertEqual((code, output), (1, ""))
                self.assertIn(sentence, errors)

    def test_without_a_chassis_the_program_says_so(self):
        path = self.chassis.path
        self.chassis.close()
        self.chassis = None
        end = subprocess.run([os.path.join(NETBOOT, "power"), path, "status"], capture_output=True, text=True)
        self.assertEqual(end.returncode, 1)
        self.assertIn("the chassis does not answer", end.stderr)

    def test_a_client_that_hangs_up_at_once_stops_nothing(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.chassis.path)
        self.assertEqual(self.power("status"), (0, "off", ""))


class BootOptions(unittest.TestCase):
    def test_a_node_tells_its_bmc_what_to_boot(self):
        bmc, choices = BMC(Timeline()), []
        bmc.on_boot_device = lambda *choice: choices.append(choice)
        # As `ipmitool chassis bootdev pxe` and `… disk options=persistent` send them; parameter 4 says nothing of a device.
        for data in (bytes([4, 1, 1]), bytes([5, 0x80, 0x04, 0, 0, 0]), bytes([5, 0xC0, 0x08, 0, 0, 0])):
            self.assertEqual(bmc._answer(0x00, 0x08, data), (0, b""))
        self.assertEqual(choices, [("pxe", False), ("disk", True)])
        self.assertEqual(bmc._answer(0x00, 0x09, bytes([5, 0, 0])), (0, bytes([1, 5, 0xC0, 0x08, 0, 0, 0])))


if __name__ == "__main__":
    unittest.main()
