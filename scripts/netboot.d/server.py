"""A mock monorail server that nodes boot from: started, stopped, talked to."""

import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from network import UserNetwork
from timeline import NetbootError


def text_of(event):
    """An event of the server (docs/mock.md) as a line for people, and to wait for."""
    kind, node = event["event"], event.get("node")
    if kind == "listening":
        return "listens at %s" % event["url"]
    if kind == "node":
        return "node %s appears" % node
    if kind == "boot":
        if event["problems"]:
            return "node %s cannot boot: %s" % (node, "; ".join(event["problems"]))
        return "node %s boots %s" % (node, ", ".join(event["files"]))
    if kind == "task-set":
        return "node %s takes task set %s" % (node, event["workflow"] or event["id"])
    if kind == "report":
        failures = ", failed: " + "; ".join(event["failures"]) if event["failures"] else ""
        return "node %s reports %d task%s%s" % (node, event["tasks"], "" if event["tasks"] == 1 else "s", failures)
    if kind in ("workflow-started", "workflow-ended"):
        done = "runs" if kind == "workflow-started" else "has ended with %s:" % event["status"]
        return "%s %s %s" % ("node " + node if node else "the server", done, event["graph"])
    if kind in ("task-started", "task-ended"):
        error = (event.get("error") or "").strip().splitlines()
        done = "starts" if kind == "task-started" else event["state"] + (": " + error[0] if error else "")
        return "task %s %s" % (event["task"], done)
    if kind == "catalog":
        return "node %s has the catalog %s" % (node, event["source"])
    if kind == "request":
        target = event["path"] + ("?" + event["query"] if event["query"] else "")
        return "%s %s %s" % (event["method"], target, event["status"] or "no answer")
    return json.dumps(event)


def message_of(error):
    """Why the server refused."""
    try:
        return json.loads(error.read())["message"]
    except (ValueError, KeyError, OSError):
        return error.reason


class Server:
    """Keeps its port, its files and its results across stop() and start(); what it knew of nodes goes, as with a crash."""

    def __init__(self, timeline, program, work, arguments=(), network=None):
        """work: a directory that is there; results, files, templates and workflows are below it.

        Without an argument that says otherwise, a node that appears runs no workflow.
        """
        self.timeline, self.program, self.work = timeline, program, work
        self.network = network or UserNetwork()
        self.process = None
        self.reader = None
        # Nobody else gets the port while the server is away. Bound and not listening, this refuses connections.
        self.reserved = self.network.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind((self.network.host, 0))
        self.port = self.reserved.getsockname()[1]
        for name in ("results", "files", "templates", "workflows"):
            os.makedirs(os.path.join(work, name), exist_ok=True)
        self.arguments = ["--host", self.network.host, "--syslog-port", "0"]
        if "--discovery" not in arguments:
            self.arguments += ["--discovery", "none"]
        for name in ("results", "files", "templates", "workflows"):
            self.arguments += ["--" + name, os.path.join(work, name)]
        self.arguments += arguments
        # For people: what the server does comes as events.
        self.log = os.path.join(work, "server.log")
        self.earlier = set(glob.glob(os.path.join(work, "results", "*", "*.json")))

    def __enter__(self):
        if self.process is None:
            self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.timeline.begin("server")
        events, told = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.network.server_command, self.program, "serve", "--port",
                 str(self.port), "--events-fd", str(told), *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[told])
        os.close(told)
        since = len(self.timeline)
        self.reader = threading.Thread(target=self._read, args=(events,), daemon=True)
        self.reader.start()
        self.timeline.wait("server", r"^listens at ", 60, since)

    def _read(self, descriptor):
        with open(descriptor, encoding="utf-8") as events:
            for line in events:
                event = json.loads(line)
                self.timeline.add("server", text_of(event), event)
        with open(self.log, errors="replace") as log:
            last = log.read()[-2000:].splitlines()[-5:]
        self.timeline.end("server", "the server has ended; it said last: " + " / ".join(last))

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(10)
        self.process = None

    def close(self):
        self.stop()
        self.reserved.close()

    def restart(self, *arguments):
        """With more arguments than before."""
        self.stop()
        self.arguments += arguments
        self.start()

    @property
    def base(self):
        """Its URL, as machines see it."""
        return "http://%s:%d" % (self.network.advertised, self.port)

    def request(self, path, document=None, method=None):
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request("http://%s:%d%s" % (self.network.host, self.port, path), data=data, method=method)
        if data:
            request.add_header("Content-Type", "application/json")
        try:
            with self.network.opener.open(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise NetbootError("the server answers %d to %s: %s" % (error.code, path, message_of(error))) from None

    def push(self, node, task_set):
        """task_set: one, or {"name": a workflow's name, "options": …}."""
        return self.request("/api/current/nodes/%s/workflows" % node, task_set)

    def use_service(self, node, service, config):
        """How workflows reach the node's power: docs/mock.md, "Power and BMCs"."""
        self.request("/api/current/obms", {"nodeId": node, "service": service, "config": config}, "PUT")

    def start_workflow(self, node, graph, options=None):
        """Starts a graph on the node; returns the identifier of its run."""
        return self.push(node, {"name": graph, "options": options or {}})["instanceId"]

    def wait_for_workflow(self, run, timeout, since=0):
        """Until that run of a graph has ended: its entry, and the run as the API shows it."""
        deadline = time.monotonic() + timeout
        while True:
            entry = self.timeline.wait("server", r" has ended with ", max(0, deadline - time.monotonic()), since)
            if entry.data["workflow"] == run:
                return entry, self.workflow(run)
            since = entry.index + 1

    def workflow(self, run):
        return self.request("/api/current/workflows/" + run)

    def catalogs(self, node):
        """The data of the newest of each source, by source."""
        base = "/api/current/nodes/%s/catalogs" % node
        sources = sorted({catalog["source"] for catalog in self.request(base)})
        return {source: self.request("%s/%s" % (base, urllib.parse.quote(source, safe="")))["data"] for source in sources}

    def wait_for_report(self, node, timeout, since=0):
        """The next report from the number `since` of the timeline on: its entry, and the document."""
        entry = self.timeline.wait("server", r"^node %s reports " % re.escape(node), timeout, since)
        with open(entry.data["file"], encoding="utf-8") as file:
            return entry, json.load(file)

    def reports(self, node):
        """The files of what it reported to this server, in order."""
        return sorted(set(glob.glob(os.path.join(self.work, "results", node, "[0-9]*.json"))) - self.earlier)

    def results_file(self, name):
        return os.path.join(self.work, "results", name)
