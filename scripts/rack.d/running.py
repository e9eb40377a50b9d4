"""The three servers of a rack: started together, and ended together."""

import collections
import os
import shutil
import signal
import subprocess
import sys
import threading

from interfaces import addresses_of
from problem import Problem
from writing import fetched

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


def dnsmasq_program():
    program = shutil.which("dnsmasq", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not program:
        raise Problem("there is no dnsmasq on this machine: apt-get install dnsmasq-base")
    return program


def nginx_program():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") or os.path.join(fetched(), "nginx")


def mock_program():
    """MONORAIL_MOCK, dist/monorail-mock, or one on PATH."""
    found = os.environ.get("MONORAIL_MOCK") or shutil.which(
        "monorail-mock", path=os.path.join(TOP, "dist") + ":" + os.environ.get("PATH", ""))
    if not found:
        raise Problem("there is no monorail-mock: build it with scripts/build-mock")
    return found


def server_arguments(settings):
    """What monorail-mock serve needs to be this rack's server."""
    return ["--host", settings.address, "--port", str(settings.port), "--advertise-server", settings.address,
            "--boot-dir", settings.boot_directory, "--image-server", settings.images + "/common",
            "--grub-dir", settings.path("tftp", "grub")]


# end: the signal that ends it.
Server = collections.namedtuple("Server", "name command end")


# They change their user, which makes the kernel forget that they are to end with this process, or have children of another
# user. So each has a process namespace, which ends with its first process, a shell. unshare does not pass SIGTERM on.
CONFINED = ["unshare", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", '"$@" & wait $!', "sh"]


def dnsmasq_server(settings):
    return Server("dnsmasq", [*CONFINED, dnsmasq_program(), "--keep-in-foreground",
                              "--conf-file=" + settings.path("dnsmasq.conf")], signal.SIGKILL)


def nginx_server(settings):
    return Server("nginx", [*CONFINED, nginx_program(), "-p", settings.directory, "-c", settings.path("nginx.conf"),
                            "-e", "stderr"], signal.SIGKILL)


def mock_server(settings, extra=()):
    return Server("monorail-mock", [mock_program(), "serve", *server_arguments(settings), *extra], signal.SIGTERM)


class Servers:
    """Runs them until one ends, or close(). They end with this process, whatever ends it."""

    def __init__(self, listener):
        """listener: called with a server's name and each line that it says, on threads of its own."""
        self.listener = listener
        self.processes = []
        self.threads = []
        # Set when one of them has ended.
        self.ended = threading.Event()

    def start(self, server, within=()):
        """within: words before the command line, as those that enter a namespace."""
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *within, *server.command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.processes.append((server, process))
        self.threads.append(threading.Thread(target=self._read, args=(server.name, process), daemon=True))
        self.threads[-1].start()

    def _read(self, name, process):
        with process.stdout:
            for line in process.stdout:
                self.listener(name, line.rstrip("\n"))
        process.wait()
        self.ended.set()

    @property
    def gone(self):
        """(name, exit code) of those that have ended."""
        return [(server.name, process.returncode) for server, process in self.processes if process.poll() is not None]

    def close(self):
        for server, process in self.processes:
            if process.poll() is None:
                process.send_signal(server.end)
        for _, process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self.threads:
            thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def taken(port):
    """The program that has the UDP port, as "name (process 12)"; None when nobody has."""
    listing = subprocess.run(["ss", "-H", "-l", "-u", "-n", "-p", "sport = :%d" % port], check=True, capture_output=True,
                             text=True).stdout
    if not listing.strip():
        return None
    if 'users:(("' in listing:
        name, rest = listing.split('users:(("', 1)[1].split('"', 1)
        return "%s (process %s)" % (name, rest.split("pid=", 1)[1].split(",")[0])
    return "another program"


def check_ports():
    if os.geteuid() != 0:
        raise Problem("DHCP and TFTP need ports below 1024: run this as root")
    for port, protocol in ((67, "DHCP"), (69, "TFTP")):
        owner = taken(port)
        if owner:
            raise Problem("port %d (%s) of this machine is taken by %s: end it, or give it the lines for a server that is "
                          "there (docs/racks.md)" % (port, protocol, owner))


def check_interface(settings):
    """It may have another address than when this was written."""
    addresses = [address for address, _ in addresses_of(settings.interface)]
    if settings.address not in addresses:
        raise Problem("%s has %s and not %s, for which %s was written: give it that address, or write it anew" % (
            settings.interface, " and ".join(addresses), settings.address, settings.directory))


def run(settings, extra):
    """Until a signal, or the end of one of them; the exit code."""
    check_interface(settings)
    check_ports()
    # dnsmasq keeps its leases there.
    shutil.chown(settings.path("state"), settings.user)

    def show(name, line):
        print("%s: %s" % (name, line), flush=True)

    with Servers(show) as servers:
        for server in (dnsmasq_server(settings), nginx_server(settings), mock_server(settings, extra)):
            servers.start(server)
        servers.ended.wait()
        name, code = servers.gone[0]
        print("rack: %s has ended with %d, so all end" % (name, code), file=sys.stderr)
        return 1
