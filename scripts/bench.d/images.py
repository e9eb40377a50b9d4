"""Measures how fast the server gives images to many nodes at once, beside nginx with the configuration of scripts/rack.

The clients take the bytes from the socket without copying them, so that they cost little of the machine that both share.
"""

import argparse
import os
import socket
import statistics
import sys
import threading
import time

from server import Program
from table import Table

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "rack.d"))

import nginx  # noqa: E402
from running import Servers, nginx_server  # noqa: E402
from settings import Settings  # noqa: E402

# As base image and initramfs together.
SIZE = 75_000_000
NAME = "base.bench.6.1.squashfs.img"


class Reader(threading.Thread):
    """One node that fetches the image once."""

    def __init__(self, port):
        super().__init__()
        self.port, self.received = port, 0

    def run(self):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"GET /common/%s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n" % NAME.encode())
            scratch = bytearray(4 << 20)
            # tcp(7): with MSG_TRUNC the bytes are thrown away.
            while count := connection.recv_into(scratch, len(scratch), socket.MSG_TRUNC):
                self.received += count


def rate(port, clients):
    """MB/s (10^6 bytes) of all clients together."""
    readers = [Reader(port) for _ in range(clients)]
    begun = time.monotonic()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    seconds = time.monotonic() - begun
    if any(reader.received < SIZE for reader in readers):
        raise RuntimeError("port %d did not give the whole image" % port)
    return clients * SIZE / seconds / 1e6


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench images")
    parser.add_argument("--mock", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--clients", type=int, default=16, metavar="N", help="nodes that fetch at the same time (16)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each server, in turn (5)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    boot = os.path.join(options.work, "boot")
    os.mkdir(boot)
    with open(os.path.join(boot, NAME), "wb") as file:
        file.write(os.urandom(SIZE))
    settings = Settings(interface="lo", address="127.0.0.1", prefix=8, directory=os.path.join(options.work, "rack"),
                        boot_directory=boot, image_port=free_port(), user="root")
    os.makedirs(settings.path("state"))
    os.makedirs(settings.path("loaders"))
    with open(settings.path("nginx.conf"), "w") as file:
        file.write(nginx.configuration(settings))
    port_file = os.path.join(options.work, "port")
    mock = Program([options.mock, "serve", "--port", "0", "--port-file", port_file, "--syslog-port", "0", "--discovery", "none",
                    "--boot-dir", boot], port_file)
    try:
        with Servers(lambda name, line: print("%s: %s" % (name, line), file=sys.stderr)) as servers:
            servers.start(nginx_server(settings))
            for port in (mock.port, settings.image_port):
                wait_for(port)
            # The first ones read the file from the disk, and start the servers' threads.
            rates = [(rate(mock.port, options.clients), rate(settings.image_port, options.clients))
                     for _ in range(options.rounds + 1)][1:]
    finally:
        mock.stop()

    table = Table("figure", "measured", "nginx", "ratio", "at least")
    measured, peer = (statistics.median(column) for column in zip(*rates))
    table.row("images to %d nodes at once, by the server alone" % options.clients, measured, "MB/s", peer, "0.4 ×",
              measured / peer >= 0.4)
    # What a port of 10 Gbit/s carries.
    table.row("images to %d nodes at once, as scripts/rack gives them" % options.clients, peer, "MB/s", None, 1250, peer >= 1250)
    table.show()
    if options.json:
        table.save(options.json)
    return 0 if table.is_within_limits else 1


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
