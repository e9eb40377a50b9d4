"""A mock monorail server that nodes boot from: started, stopped, talked to."""

import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request

from timeline import NetbootError


class Server:
    """Keeps its port, its files and its results across stop() and start(); what it knew of nodes goes, as with a crash."""

    def __init__(self, timeline, program, boot_directory, work, arguments=()):
        """work: a directory that is there; results, files, templates and workflows are below it."""
        self.timeline, self.program, self.work = timeline, program, work
        self.process = None
        self.reader = None
        # Nobody else gets the port while the server is away. Bound and not listening, this refuses connections.
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", 0))
        self.port = self.reserved.getsockname()[1]
        for name in ("results", "files", "templates", "workflows"):
            os.makedirs(os.path.join(work, name), exist_ok=True)
        # What a virtual machine calls this machine's loopback; it goes into what is pushed from here.
        self.arguments = ["--boot-dir", boot_directory, "--syslog-port", "0", "--advertise-server", "10.0.2.2"]
        for name in ("results", "files", "templates", "workflows"):
            self.arguments += ["--" + name, os.path.join(work, name)]
        self.arguments += arguments
        self.earlier = set(glob.glob(os.path.join(work, "results", "*", "*.json")))

    def __enter__(self):
        if self.process is None:
            self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.timeline.begin("server")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", self.program, "serve", "--port", str(self.port), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        since = len(self.timeline)
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        self.timeline.wait("server", r"listens at ", 60, since)

    def _read(self, output):
        for line in output:
            text = line.decode(errors="replace").rstrip()
            # The timeline has its own times.
            self.timeline.add("server", re.sub(r"^\S+ (\w+) monorail-mock: \[MockMonorail\] ", "", text))
        self.timeline.end("server", "the server has ended")

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
        self.process.stdout.close()
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
    def profiles(self):
        """What boot ROMs of virtual machines ask for."""
        return "http://10.0.2.2:%d/api/current/profiles" % self.port

    def request(self, path, document=None):
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), data=data)
        if data:
            request.add_header("Content-Type", "application/json")
        # No proxy between this machine and itself.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def push(self, node, task_set):
        """task_set: one, or {"name": a workflow's name, "options": …}."""
        return self.request("/api/current/nodes/%s/workflows" % node, task_set)

    def wait_for_report(self, node, timeout, since=0):
        """The next report from the number `since` of the timeline on: its entry, and the document."""
        entry = self.timeline.wait("server", r"^node %s reports " % re.escape(node), timeout, since)
        count = len(self.timeline.all("server", r"^node %s reports " % re.escape(node))) - len(
            self.timeline.all("server", r"^node %s reports " % re.escape(node), entry.index + 1))
        files = self.reports(node)
        if len(files) < count:
            raise NetbootError("the server said that %s reported, but wrote %d reports, not %d" % (node, len(files), count))
        with open(files[count - 1], encoding="utf-8") as file:
            return entry, json.load(file)

    def reports(self, node):
        """The files of what it reported to this server, in order."""
        return sorted(set(glob.glob(os.path.join(self.work, "results", node, "[0-9]*.json"))) - self.earlier)

    def results_file(self, name):
        return os.path.join(self.work, "results", name)
