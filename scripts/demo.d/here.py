"""Has the static agent catalog this very machine and flash an emulated chip, with the workflows of a mock monorail server on
the loopback, and shows what the server then knows. Called by scripts/demo."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "scripts", "netboot.d"))

from rack import end_cleanly_on_signals  # noqa: E402
from server import Server  # noqa: E402
from tables import print_node, print_workflow  # noqa: E402
from timeline import NetbootError, Timeline  # noqa: E402

NODE, MAC = "node-1", "52:54:00:12:34:56"
PATIENCE = 300
OLD, NEW = b"o" * 131072, b"n" * 131072
DISCOVERY, FLASH = "Graph.Demo.Discovery", "Graph.Flash.Flashrom"
# The commands' own output, marked | and !, is in the reports.
OUTPUT = re.compile(r"^\S+ \S+ task [0-9/]+ [|!] ")


def heading(text):
    print("\n== %s ==" % text, flush=True)


class Agent:
    """The agent on this machine, as if this machine were the node; its console goes to ours."""

    def __init__(self, timeline, port, work):
        self.timeline = timeline
        os.mkdir(os.path.join(work, "node"))
        self.chip = os.path.join(work, "node", "chip.bin")
        with open(self.chip, "wb") as file:
            file.write(OLD)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", os.path.join(TOP, "dist", "monorail-agent"), "run", "--server",
             "127.0.0.1:%d" % port, "--mac", MAC, "--work-dir", os.path.join(work, "node"), "--state-dir",
             os.path.join(work, "state")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            if not OUTPUT.match(line):
                print(line, end="", flush=True)
        # Nobody waits for work of an agent that has ended.
        self.timeline.end("server", "the agent has ended with %d" % self.process.wait())

    def end(self):
        """Waits for its end, and returns the exit code."""
        self.reader.join(PATIENCE)
        return self.process.wait(1)

    def close(self):
        self.process.terminate()
        self.process.wait()


def run(work):
    timeline = Timeline()
    with Server(timeline, os.environ["MONORAIL_MOCK"], work, [
            "--discovery", DISCOVERY, "--node", "%s=%s" % (MAC, NODE)]) as server:
        with open(os.path.join(work, "files", "bios.bin"), "wb") as file:
            file.write(NEW)
        # This machine must stay on: its power is only remembered.
        server.use_service(NODE, "noop-obm-service", {})
        heading("The agent on the node's console")
        agent = Agent(timeline, server.port, work)
        try:
            started = timeline.wait("server", r"^node %s runs " % NODE, PATIENCE)
            found, discovery = server.wait_for_workflow(started.data["workflow"], PATIENCE)
            run_id = server.start_workflow(NODE, FLASH, {"defaults": {
                "file": "bios.bin", "downloadDir": os.path.join(work, "node", "downloads"),
                "programmer": "dummy:emulate=M25P10.RES,image=chip.bin"}})
            _, flash = server.wait_for_workflow(run_id, PATIENCE, found.index)
            if flash["status"] == "succeeded" and agent.end() != 1:
                raise NetbootError("the agent did not end with 1, which reboots a node")
        finally:
            agent.close()
        heading("What the server did")
        print_workflow(discovery)
        print()
        print_workflow(flash)
        heading("This machine")
        print_node(server.catalogs(NODE))
        heading("The flash")
        for path, content, sentence in (
                (os.path.join(work, "files", NODE + "-flash-backup.bin"), OLD, "the server has the old firmware as a backup"),
                (agent.chip, NEW, "the chip has the new firmware")):
            with open(path, "rb") as file:
                if file.read() != content:
                    raise NetbootError("the flash went wrong: it is not so that " + sentence)
            print("  " + sentence)
        for workflow in (discovery, flash):
            if workflow["status"] != "succeeded":
                raise NetbootError("%s has ended with %s" % (workflow["injectableName"], workflow["status"]))


def main():
    end_cleanly_on_signals()
    try:
        with tempfile.TemporaryDirectory() as work:
            shutil.copytree(os.path.join(HERE, "workflows"), os.path.join(work, "workflows"))
            run(work)
    except (NetbootError, OSError) as error:
        print("demo: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
