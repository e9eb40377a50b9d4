"""Network namespaces without a name. They vanish, with their bridges and taps, when this process ends, whatever ends it."""

import ctypes
import fcntl
import http.client
import os
import socket
import struct
import subprocess
import threading
import urllib.request

from timeline import NetbootError

CLONE_NEWNET = 0x40000000
# linux/if_tun.h
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


class Namespace:
    """Of what is made in it, a socket or a tap, this process has the descriptor; programs run in it behind `command`."""

    def __init__(self):
        # A namespace lives as long as a process in it. This one ends with this program: the kernel kills it, also when
        # nobody closes anything.
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo ready; exec cat >/dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            reason = self.holder.communicate()[1].strip()
            raise NetbootError("cannot make a network namespace (%s): run this as root, in a container as a privileged one, or "
                               "with --network user" % reason)
        self.path = "/proc/%d/ns/net" % self.holder.pid
        self.command = ["nsenter", "--net=" + self.path]

    def run(self, *lines):
        """Commands in it, in words."""
        for line in lines:
            end = subprocess.run(self.command + line.split(), capture_output=True, text=True)
            if end.returncode != 0:
                raise NetbootError("cannot set up the rack's network: %s: %s: the kernel of this machine has to have bridges, "
                                   "taps and veth" % (line, (end.stderr or end.stdout).strip()))

    def inside(self, make):
        """What make() returns, called in the namespace: on a thread of its own, which ends there."""
        made = []

        def enter():
            try:
                with open(self.path) as place:
                    if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))
                made.append(make())
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise NetbootError("cannot use the rack's network: %s" % made[0])
        return made[0]

    def socket(self):
        return self.inside(socket.socket)

    def tap(self, name):
        """A new tap: its descriptor, which takes and gives one frame at a time."""

        def make():
            descriptor = os.open("/dev/net/tun", os.O_RDWR)
            try:
                fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
            except OSError:
                os.close(descriptor)
                raise
            return descriptor

        return self.inside(make)

    def is_bound(self, port):
        """Has a process in it that UDP port?"""
        with open("/proc/%d/net/udp" % self.holder.pid) as table:
            return any(line.split()[1].endswith(":%04X" % port) for line in list(table)[1:])

    def processes(self, name):
        """The numbers of the processes of that name in it."""
        found = []
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/comm" % number) as file:
                    if file.read() == name + "\n" and os.path.samefile("/proc/%s/ns/net" % number, self.path):
                        found.append(int(number))
            except OSError:
                # It has ended meanwhile.
                pass
        return found

    def close(self):
        self.holder.kill()
        self.holder.communicate()


def opener(make_socket):
    """For requests over sockets of make_socket(), past any proxy."""

    class Connection(http.client.HTTPConnection):
        def connect(self):
            self.sock = make_socket()
            self.sock.settimeout(self.timeout)
            self.sock.connect((self.host, self.port))

    class Handler(urllib.request.HTTPHandler):
        def http_open(self, request):
            return self.do_open(Connection, request)

    return urllib.request.build_opener(urllib.request.ProxyHandler({}), Handler)
