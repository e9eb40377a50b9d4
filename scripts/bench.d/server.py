"""Measures the server with real agents on this machine, beside a server that answers them with constant bytes.

Each agent is a node that the server does not know yet: it asks who it is, and its discovery runs. What a tool prints is
recorded, so that the commands are short and the outputs real. Every command notes that it ran.
"""

import argparse
import collections
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from table import Table

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/CatalogsTests/Fixtures")
# How long a phase may take, in seconds.
PATIENCE = 300
TICK = os.sysconf("SC_CLK_TCK")

# What stands behind `sudo` on a node. Each call is one line of the node's file.
SUDO = """#!/bin/sh
echo "$*" >>"$BENCH_CALLS"
case $* in
%s
esac
"""
TOOLS = {
    "dmidecode": "dmidecode.vm.txt",
    "ipmitool mc info": "ipmitool-mc-info.vm.txt",
    "ipmitool fru": "ipmitool-fru.vm.txt",
    "ipmitool sel": "ipmitool-sel.vm.txt",
    "/usr/sbin/lldpcli show neighbor -f keyvalue": "lldpcli.vm.txt",
    "ipmitool chassis bootdev pxe": None,
}


def catalog(label, commands, after):
    return {"label": label, "waitOn": {after: "finished"}, "taskDefinition": {
        "friendlyName": label, "injectableName": "Task.Bench." + label, "implementsTask": "Task.Base.Linux.Catalog",
        "options": {"commands": commands}, "properties": {}}}


def graph(name, ends):
    """ends: whether the node reboots, which ends its agent."""
    tasks = [
        {"label": "bootstrap-ubuntu", "taskName": "Task.Linux.Bootstrap.Ubuntu"},
        {"label": "catalog-dmi", "taskName": "Task.Catalog.dmi", "waitOn": {"bootstrap-ubuntu": "succeeded"}},
        catalog("catalog-bmc", ["sudo ipmitool mc info", "sudo ipmitool fru", "sudo ipmitool sel"], "catalog-dmi"),
        {"label": "catalog-lldp", "taskName": "Task.Catalog.Local.LLDP", "waitOn": {"catalog-bmc": "finished"}},
        {"label": "set-boot-pxe", "waitOn": {"catalog-lldp": "finished"}, "taskDefinition": {
            "friendlyName": "PXE", "injectableName": "Task.Bench.Pxe", "implementsTask": "Task.Base.Linux.Commands",
            "options": {"commands": ["sudo ipmitool chassis bootdev pxe"]}, "properties": {}}},
    ]
    if ends:
        tasks.append({"label": "shell-reboot", "taskName": "Task.ProcShellReboot", "waitOn": {"set-boot-pxe": "finished"}})
    return {"friendlyName": name, "injectableName": name, "options": {}, "tasks": tasks}


ENDING, STAYING = "Graph.Bench.Discovery", "Graph.Bench.Staying"
SOURCES = ["dmi", "ipmi-mc-info", "ipmi-fru", "ipmi-sel-information", "lldp"]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Program:
    """A server that runs: what it costs, and its end."""

    def __init__(self, command, port_file, pass_fds=()):
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=pass_fds)
        end = time.monotonic() + 60
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("%s does not listen" % command[0])
            time.sleep(0.02)
        with open(port_file) as file:
            self.port = int(file.read())
        self.started_with = self.seconds()

    def seconds(self):
        """The processor time that it has used so far."""
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def cost(self):
        """The processor time since it listened, in seconds."""
        return self.seconds() - self.started_with

    def memory(self, name):
        """VmHWM, the most that was resident, or VmRSS, in MB (10^6 bytes)."""
        with open("/proc/%d/status" % self.process.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ":")) * 1024 / 1e6

    def get(self, path):
        with urllib.request.urlopen("http://127.0.0.1:%d/api/current/%s" % (self.port, path), timeout=60) as answer:
            return json.load(answer)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    def __init__(self, arguments):
        self.mock, self.constant, self.work = arguments.mock, arguments.constant, arguments.work
        # As on a node, the agent and its state are in memory.
        self.memory = tempfile.mkdtemp(prefix="monorail-bench-", dir="/dev/shm")
        self.agent = shutil.copy(arguments.agent, self.memory)
        self.table = Table("figure", "measured", "floor", "ratio", "at most")
        for name in ("bin", "workflows"):
            os.mkdir(self.path(name))
        cases = ["  '%s') %s ;;" % (words, "exec cat '%s'" % shutil.copy(os.path.join(FIXTURES, name), self.memory) if name else ":")
                 for words, name in TOOLS.items()]
        with open(self.path("bin/sudo"), "w") as file:
            file.write(SUDO % "\n".join(cases))
        os.chmod(self.path("bin/sudo"), 0o755)
        self.environment = {"PATH": self.path("bin") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
        with open(self.path("cmdline"), "w") as file:
            file.write("quiet\n")
        with open(self.path("workflows/graphs.json"), "w") as file:
            json.dump([graph(ENDING, True), graph(STAYING, False)], file)
        self.phases = 0

    def path(self, name):
        return os.path.join(self.work, name)

    # The programs

    def serve(self, discovery, events=None):
        """monorail-mock with a data directory on the disk of the work directory."""
        self.phases += 1
        port_file = self.path("port-%d" % self.phases)
        command = [self.mock, "serve", "--port", "0", "--port-file", port_file, "--data", self.path("data-%d" % self.phases),
                   "--workflows", self.path("workflows"), "--discovery", discovery]
        if events is not None:
            command += ["--events-fd", str(events)]
        return Program(command, port_file, () if events is None else (events,))

    def floor(self):
        self.phases += 1
        port_file = self.path("port-%d" % self.phases)
        return Program([self.constant, self.path("sets.json"), port_file], port_file)

    def start_agent(self, server, number):
        home = os.path.join(self.memory, "nodes-%d" % self.phases, str(number))
        os.makedirs(home)
        mac = "52:54:00:%02x:%02x:%02x" % (number >> 16, number >> 8 & 255, number & 255)
        environment = dict(self.environment, BENCH_CALLS=home + "/calls")
        command = [self.agent, "--server", "127.0.0.1:%d" % server.port, "--mac", mac, "--cmdline", self.path("cmdline"),
                   "--state-dir", home + "/state", "--work-dir", home + "/work"]
        actions = [(os.POSIX_SPAWN_OPEN, 2, home + "/log", os.O_WRONLY | os.O_CREAT, 0o600)]
        return os.posix_spawn(self.agent, command, environment, file_actions=actions, setsid=True)

    def calls(self, number):
        try:
            with open(os.path.join(self.memory, "nodes-%d" % self.phases, str(number), "calls")) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def forget_nodes(self):
        shutil.rmtree(os.path.join(self.memory, "nodes-%d" % self.phases), ignore_errors=True)

    # What is measured

    def record(self):
        """Has one node take the sets of the discovery, for the server that answers with them."""
        server = self.serve(ENDING)
        sets = []
        try:
            base = "http://127.0.0.1:%d/api/current/tasks/" % server.port
            urllib.request.urlopen(base + "bootstrap.js?macAddress=52:54:00:00:00:01").read()
            node = server.get("nodes")[0]["id"]
            while not sets or "exit" not in sets[-1]:
                with urllib.request.urlopen(base + node) as answer:
                    text = answer.read()
                document = json.loads(text)
                for task in document["tasks"]:
                    task.update(stdout="", stderr="", error=None)
                report = urllib.request.Request(base + node, json.dumps(document).encode(), {"Content-Type": "application/json"})
                urllib.request.urlopen(report).read()
                constant = json.loads(text)
                # An agent refuses a set that names another node.
                del constant["identifier"]
                sets.append(constant)
        finally:
            server.stop()
        with open(self.path("sets.json"), "w") as file:
            json.dump([json.dumps(each) for each in sets], file)
        self.reports = len(sets)

    def run_agents(self, server, count):
        """Starts so many at once, and waits until each has ended as its last set says. Returns seconds."""
        began = time.monotonic()
        alive = {self.start_agent(server, number): number for number in range(count)}
        try:
            while alive:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    if time.monotonic() - began > PATIENCE:
                        raise RuntimeError("%d of %d agents have not ended after %d s" % (len(alive), count, PATIENCE))
                    if server.process.poll() is not None:
                        raise RuntimeError("the server has ended")
                    time.sleep(0.02)
                elif alive.pop(pid, None) is not None and os.waitstatus_to_exitcode(status) != 1:
                    raise RuntimeError("an agent ended with %d" % os.waitstatus_to_exitcode(status))
            return time.monotonic() - began
        finally:
            self.kill(alive)

    @staticmethod
    def kill(pids):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)

    def wrong_nodes(self, server, count, reports):
        """How many nodes have not run each command once, or of which the server has not everything once."""
        wrong = sum(self.calls(number) != list(TOOLS) for number in range(count))
        nodes = server.get("nodes")
        runs = collections.Counter(run["status"] for run in server.get("workflows"))
        catalogs = collections.Counter(record["source"] for record in server.get("catalogs"))
        wrong += sum(node["reports"] != reports or node["handedOut"] != reports for node in nodes) + abs(len(nodes) - count)
        wrong += abs(runs["succeeded"] - count) + sum(runs.values()) - runs["succeeded"]
        return wrong + sum(abs(catalogs[source] - count) for source in SOURCES)

    def at_once(self, count, is_prompt):
        """All at once: the machine is busy with the agents, so that only processor time says something of the server.

        is_prompt: whether the server answers in time where the machine is not busy. If not, its processor time decides.
        """
        server = self.serve(ENDING)
        try:
            took, cost = self.run_agents(server, count), server.cost()
            most, resident = server.memory("VmHWM"), server.memory("VmRSS")
            wrong = self.wrong_nodes(server, count, self.reports)
        finally:
            server.stop()
            self.forget_nodes()
        floor = self.floor()
        try:
            self.run_agents(floor, count)
            floor_cost = floor.cost()
            floor_wrong = sum(self.calls(number) != list(TOOLS) for number in range(count))
        finally:
            floor.stop()
            self.forget_nodes()
        if floor_wrong:
            raise RuntimeError("with the constant server %d nodes have not run each command once" % floor_wrong)
        name = "{:,} nodes at once: ".format(count)
        self.table.row(name + "lost or doubled", wrong, "", None, 0, wrong == 0)
        self.table.row(name + "all discovered", took, "s", None, "–", True)
        value, base = 1000 * cost / count, 1000 * floor_cost / count
        self.table.row(name + "processor time a node", value, "ms", base, "3 × the floor if p99 is broken",
                       is_prompt or value <= 3 * base)
        self.table.row(name + "most memory resident", most, "MB", None, 200, most <= 200)
        return value, most, resident

    def paced(self, count, rate):
        """Nodes that come one after another and stay, as many a second as leave the processors time.

        Returns whether the server answers in time.
        """
        reader, writer = os.pipe()
        server = self.serve(STAYING, writer)
        os.close(writer)
        durations = []

        def read():
            with os.fdopen(reader) as lines:
                for line in lines:
                    event = json.loads(line)
                    if event["event"] == "request" and event["method"] == "GET" and "/tasks/" in event["path"] \
                            and event["status"] == 200 and not event["path"].endswith("bootstrap.js"):
                        durations.append(event["milliseconds"])

        thread = threading.Thread(target=read)
        thread.start()
        agents = []
        try:
            began = time.monotonic()
            for number in range(count):
                time.sleep(max(0, began + number / rate - time.monotonic()))
                agents.append(self.start_agent(server, number))
            while len(durations) < count * (self.reports - 1):
                if time.monotonic() - began > PATIENCE:
                    raise RuntimeError("%d of %d task sets were taken" % (len(durations), count * (self.reports - 1)))
                time.sleep(0.1)
            while any(self.calls(number) != list(TOOLS) for number in range(count)) and time.monotonic() - began < PATIENCE:
                time.sleep(0.1)
            while any(node["reports"] < self.reports - 1 for node in server.get("nodes")) and time.monotonic() - began < PATIENCE:
                time.sleep(0.1)
            idle = self.idle_share(server)
            most = server.memory("VmHWM")
            wrong = self.wrong_nodes(server, count, self.reports - 1)
        finally:
            self.kill(agents)
            server.stop()
            thread.join()
            self.forget_nodes()
        name = "{:,} nodes, {:g} new a second: ".format(count, rate)
        self.table.row(name + "lost or doubled", wrong, "", None, 0, wrong == 0)
        value = percentile(durations, 0.99)
        self.table.row(name + "p99 of a task request", value, "ms", None, 50, value <= 50)
        self.table.row(name + "the same, p50", percentile(durations, 0.5), "ms", None, "–", True)
        self.table.row(name + "most memory resident", most, "MB", None, 200, most <= 200)
        self.table.row("{:,} idle nodes: share of a processor".format(count), 100 * idle, "%", None, "–", True)
        return value <= 50

    @staticmethod
    def idle_share(server):
        """What part of a processor it takes while all nodes only ask for work."""
        before, began = server.seconds(), time.monotonic()
        time.sleep(10)
        return (server.seconds() - before) / (time.monotonic() - began)

    def growth(self, counts, figures):
        """What a node costs with many nodes, beside what it costs with few."""
        (few, many), (first, last) = counts, figures
        name = "{:,} nodes beside {:,}: ".format(many, few)
        self.table.row(name + "processor time a node", last[0], "ms", first[0], "1.5 × as much", last[0] <= 1.5 * first[0])
        self.table.row(name + "memory resident at the end", last[2], "MB", first[2], "–", True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mock", required=True)
    parser.add_argument("--constant", required=True, help="the server that answers with constant bytes")
    parser.add_argument("--agent", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--nodes", type=int, nargs=2, default=[100, 1000], metavar="N", help="how many at first, how many then")
    parser.add_argument("--rate", type=float, default=15, help="new nodes a second where they come one after another")
    parser.add_argument("--json", help="write the figures to this file, too")
    arguments = parser.parse_args()
    # A pipe and a file or two for each agent that is being started.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    bench = Bench(arguments)
    try:
        bench.record()
        is_prompt = bench.paced(arguments.nodes[1], arguments.rate)
        figures = [bench.at_once(count, is_prompt) for count in arguments.nodes]
        bench.growth(arguments.nodes, figures)
    finally:
        shutil.rmtree(bench.memory)
        bench.table.show()
    if arguments.json:
        bench.table.save(arguments.json)
    sys.exit(0 if bench.table.is_within_limits else 1)


if __name__ == "__main__":
    main()
