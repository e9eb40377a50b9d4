"""Measures the agent from outside: a server on the loopback notes when each request comes, and answers at once.

Every figure is the median of several rounds; the floor runs between the agent's rounds, so that both meet the same machine.
"""

import argparse
import gzip
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from table import Table

TASKS = 1000
OUTPUT = 8_000_000


class Server:
    """One connection at a time, since an agent has one; `request` waits for the next request and notes its times."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.listener.settimeout(60)
        self.port = self.listener.getsockname()[1]
        self.connection = None
        self.buffer = b""

    def request(self):
        """The next request: when its first byte came, when its last did, its method, and its body's size."""
        while True:
            if self.connection is None:
                self.connection = self.listener.accept()[0]
                self.connection.settimeout(60)
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.buffer = b""
            first = None
            while b"\r\n\r\n" not in self.buffer:
                piece = self.connection.recv(1 << 20)
                first = first or time.monotonic()
                if not piece:
                    break
                self.buffer += piece
            else:
                break
            self.connection.close()
            self.connection = None
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        count = len(rest)
        while count < length:
            piece = self.connection.recv(1 << 20)
            if not piece:
                raise RuntimeError("the report was cut off")
            count += len(piece)
        self.buffer = b""
        return first or time.monotonic(), time.monotonic(), head.split(b" ")[0].decode(), length

    def answer(self, status, body=b"{}"):
        self.connection.sendall(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        return time.monotonic()

    def close(self):
        if self.connection:
            self.connection.close()
        self.listener.close()


class Bench:
    def __init__(self, arguments):
        self.floor = os.path.abspath(arguments.floor)
        self.work = arguments.work
        self.rounds = arguments.rounds
        # A node has everything in RAM: the agent and its state, under /opt and /run.
        self.memory = tempfile.mkdtemp(prefix="monorail-bench-", dir="/dev/shm")
        self.agent = shutil.copy(arguments.agent, self.memory)
        self.table = Table("figure", "measured", "floor", "ratio", "at most")

    def start(self, server, *flags):
        state = os.path.join(self.memory, "state")
        shutil.rmtree(state, ignore_errors=True)
        command = [self.agent, "--server", "127.0.0.1:%d" % server.port, "--node-id", "bench", "--state-dir", state,
                   "--work-dir", os.path.join(self.work, "work"), *flags]
        with open(os.path.join(self.work, "log"), "wb") as log:
            began = time.monotonic()
            pid = os.posix_spawn(self.agent, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 2)])
        return pid, began, state

    def end(self, pid, state, server):
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        server.close()
        shutil.rmtree(state, ignore_errors=True)

    def spawn_floor(self, *words):
        began = time.monotonic()
        return os.posix_spawn(self.floor, [self.floor, *map(str, words)], os.environ), began

    def size(self):
        with open(self.agent, "rb") as file:
            program = file.read()
        packed = len(gzip.compress(program, 9))
        self.table.row("dist/monorail-agent", len(program) / 2**20, "MiB", None, 9.9, len(program) <= 9.9 * 2**20)
        self.table.row("the same, gzip -9", packed / 2**20, "MiB", None, 4.2, packed <= 4.2 * 2**20)

    def first_request(self):
        agent, floor = [], []
        for _ in range(max(self.rounds, 10)):
            server = Server()
            pid, began, state = self.start(server)
            agent.append(1000 * (server.request()[0] - began))
            self.end(pid, state, server)
            server = Server()
            pid, began = self.spawn_floor("exchange", server.port)
            floor.append(1000 * (server.request()[0] - began))
            for _ in range(2):
                server.answer(404)
                server.request()
            server.answer(404)
            os.waitpid(pid, 0)
            server.close()
        value = statistics.median(agent)
        self.table.row("exec → first request on the wire", value, "ms", statistics.median(floor), 20, value <= 20)

    def next_question(self):
        agent, floor = [], []
        server = Server()
        pid, _, state = self.start(server)
        for _ in range(max(self.rounds, 50)):
            server.request()
            server.answer(200, b'{"identifier":"bench","tasks":[{"cmd":""}]}')
            assert server.request()[2] == "POST"
            accepted = server.answer(201)
            agent.append(1000 * (server.request()[0] - accepted))
            server.answer(404)
        self.end(pid, state, server)
        for _ in range(max(self.rounds, 50)):
            server = Server()
            pid, _ = self.spawn_floor("exchange", server.port)
            server.request()
            server.answer(404)
            server.request()
            accepted = server.answer(201)
            floor.append(1000 * (server.request()[0] - accepted))
            server.answer(404)
            os.waitpid(pid, 0)
            server.close()
        value = statistics.median(agent)
        self.table.row("report accepted → next GET", value, "ms", statistics.median(floor), 5, value <= 5)

    def idle_memory(self):
        server = Server()
        pid, _, state = self.start(server, "--poll-interval", "1ms")
        for _ in range(1000):
            server.request()
            server.answer(404)
        server.request()
        with open("/proc/%d/status" % pid) as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024
        self.end(pid, state, server)
        self.table.row("resident after 1,000 idle polls", resident, "MiB", None, 6.8, resident <= 6.8)

    def tasks(self):
        agent, floor = [], []
        body = json.dumps({"identifier": "bench", "tasks": [{"cmd": "true"}] * TASKS}).encode()
        for _ in range(self.rounds):
            output = subprocess.run([self.floor, "spawn", str(TASKS)], check=True, capture_output=True, text=True)
            floor.append(float(output.stdout))
            server = Server()
            pid, _, state = self.start(server)
            server.request()
            handed = server.answer(200, body)
            agent.append(1000 * (server.request()[0] - handed) / TASKS)
            self.end(pid, state, server)
        ratio, value, base = sorted((a / f, a, f) for a, f in zip(agent, floor))[self.rounds // 2]
        self.table.row("one `true` task", value, "ms", base, "1.5 × the floor", ratio <= 1.5)

    def big_report(self):
        stamp = os.path.join(self.work, "stamp")
        agent, floor = [], []
        for _ in range(self.rounds):
            ended = Ender(stamp)
            server = Server()
            pid, _, state = self.start(server)
            server.request()
            server.answer(200, json.dumps({"identifier": "bench", "tasks": [{"cmd": ended.command(OUTPUT)}]}).encode())
            at = ended.wait()
            agent.append(1000 * (server.request()[1] - at))
            server.answer(201)
            server.request()
            self.end(pid, state, server)
            ended = Ender(stamp)
            server = Server()
            pid, _ = self.spawn_floor("upload", server.port, OUTPUT, ended.command(OUTPUT))
            at = ended.wait()
            floor.append(1000 * (server.request()[1] - at))
            server.answer(201)
            os.waitpid(pid, 0)
            server.close()
        value = statistics.median(agent)
        self.table.row("8 MB of output: command end → report sent", value, "ms", statistics.median(floor), 100, value <= 100)


class Ender:
    """Tells when a command has ended: its last act opens a FIFO."""

    def __init__(self, path):
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        os.mkfifo(path)

    def command(self, size):
        return "head -c %d /dev/zero | tr '\\0' x; : > %s" % (size, self.path)

    def wait(self):
        with open(self.path, "rb"):
            return time.monotonic()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="write the figures to this file, too")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    try:
        for measure in (bench.size, bench.idle_memory, bench.first_request, bench.next_question, bench.tasks,
                        bench.big_report):
            measure()
    finally:
        shutil.rmtree(bench.memory)
    bench.table.show()
    if arguments.json:
        bench.table.save(arguments.json)
    sys.exit(0 if bench.table.is_within_limits else 1)


main()
