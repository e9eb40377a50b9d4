"""What killed runs leave is removed, and what belongs to runs that live is not, wherever they live."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "scripts", "netboot.d"))

from machine import Hardware  # noqa: E402
from rack import Rack  # noqa: E402
from workflow import add_workflow  # noqa: E402

# A rack that says where its files are, and then waits for the end of its input.
HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
import rack
from machine import Hardware
rack.TOP = sys.argv[2]
made = rack.Rack(Hardware())
print(made.work, flush=True)
sys.stdin.read()
"""


def checkout(test):
    """A directory with a dist/ of files that only have the right names."""
    top = tempfile.mkdtemp()
    test.addCleanup(shutil.rmtree, top)
    dist = os.path.join(top, "dist")
    os.mkdir(dist)
    for name in ("vmlinuz-1", "initrd.img-1", "base.x.1.squashfs.img", "discovery.overlay.cpio.gz"):
        with open(os.path.join(dist, name), "w") as file:
            file.write(name)
    return top


class Leftovers(unittest.TestCase):
    def setUp(self):
        self.top = checkout(self)
        self.environment = {**os.environ, "MONORAIL_MOCK": "/bin/true"}

    def start(self, *before):
        process = subprocess.Popen(
            [*before, sys.executable, "-B", "-c", HOLDER, os.path.join(TOP, "scripts", "netboot.d"), self.top],
            env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process, process.stdout.readline().strip()

    def test_a_run_in_another_process_namespace_keeps_its_files(self):
        # Its process number there is one that no process has here.
        with open("/proc/sys/kernel/pid_max") as file:
            number = next(number for number in range(int(file.read()) - 100, 0, -1) if not os.path.exists("/proc/%d" % number))
        _, work = self.start(
            "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-euc",
            'exec 3<&0; echo "$0" >/proc/sys/kernel/ns_last_pid; "$@" <&3 & wait', str(number - 1))
        self.assertTrue(os.path.isdir(work), work)
        self.start()
        self.assertTrue(os.path.isdir(os.path.join(work, "boot")))

    def test_what_a_killed_run_left_is_removed(self):
        process, work = self.start()
        process.kill()
        process.wait()
        self.assertTrue(os.path.isdir(work), work)
        _, other = self.start()
        self.assertFalse(os.path.exists(work))
        self.assertTrue(os.path.isdir(other))


class Workflows(unittest.TestCase):
    def test_the_variables_of_a_file_are_filled_in(self):
        """As of the same text by name; on the real server, without a machine."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "discovery.json")
            text = '{"tasks": [{"cmd": "x", "downloadUrl": "<%=api.templates%>/get_smart.sh?nodeId=<%=nodeId%>"}]}'
            with open(path, "w") as file:
                file.write(text)
            with mock.patch("rack.TOP", checkout(self)), Rack(Hardware()) as rack:
                names = [add_workflow(path, rack.path("workflows")), add_workflow(path, rack.path("workflows"))]
                self.assertEqual(len({"discovery", *names}), 3, "none takes another's place")
                for name in names:
                    rack.server.push(Rack.NODE, {"name": name})
                    served = rack.server.request("/api/current/tasks/%s" % Rack.NODE)
                    # The server says how it was reached, or what it was told to say.
                    self.assertRegex(served["tasks"][0]["downloadUrl"],
                                     r"^http://10\.0\.2\.2:\d+/api/current/templates/get_smart\.sh\?nodeId=node-1$")
                taken = rack.timeline.all("server", r"^node node-1 takes task set ")
                self.assertEqual([entry.data["workflow"] for entry in taken], names)


if __name__ == "__main__":
    unittest.main()
