"""A server and a machine that boots from it, with the files that both need, until the end of a `with` block."""

import glob
import hashlib
import os
import re
import shutil
import signal
import sys
import threading

from chassis import Chassis
from leftovers import make_directory, remove_abandoned
from machine import PREFIX as MACHINE_PREFIX
from machine import VirtualMachine, accelerator
from network import RackNetwork, UserNetwork
from server import Server
from timeline import NetbootError, Timeline

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
# Of a rack's directory in dist/.
PREFIX = ".netboot."


def newest(pattern, what):
    found = [path for path in glob.glob(pattern) if not path.endswith(".sha256")]
    if not found:
        raise NetbootError("there is no %s: scripts/netboot.d/prepare makes it" % what)
    return max(found, key=os.path.getmtime)


def place(source, target):
    """Gives the file a second name, which must not be there yet: by a link, or else by a copy."""
    source = os.path.realpath(source)
    if os.path.lexists(target):
        # A copy would overwrite the file that is linked there.
        raise NetbootError("there are two files of the name %s: a node fetches each by its name" % os.path.basename(target))
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def check_name(path):
    """The name goes into a list on the kernel command line, where a comma or a blank would end it."""
    if not re.fullmatch(r"[A-Za-z0-9._+~-]+", os.path.basename(path)):
        raise NetbootError("%r cannot be on a kernel command line: give the file a name of letters, digits and . _ + ~ -"
                           % os.path.basename(path))


def end_cleanly_on_signals():
    """Ends by an exception, so that machine, server and files go."""

    def end(number, _):
        # A second one must not cut the cleaning up short.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


class Rack:
    NODE = "node-1"

    def __init__(self, hardware, overlays=None, server_arguments=(), listener=None, results=None, network=None,
                 trouble=None):
        """network: "user" (of a BIOS, without another word) or "rack". trouble: what is awkward in a rack's.

        overlays: files (dist/discovery.overlay.cpio.gz). results: a directory that stays. The node's identifier is NODE.
        Workflows of this directory can be pushed by their names.
        """
        dist = os.path.join(TOP, "dist")
        mock = os.environ.get("MONORAIL_MOCK")
        if not mock:
            raise NetbootError("MONORAIL_MOCK is not set: it names the program monorail-mock; scripts/netboot sets it")
        kernel = newest(os.path.join(dist, "vmlinuz-*"), "kernel dist/vmlinuz-*")
        version = os.path.basename(kernel)[len("vmlinuz-"):]
        files = [kernel, newest(os.path.join(dist, "initrd.img-" + version), "initramfs dist/initrd.img-" + version),
                 newest(os.path.join(dist, "base.*.%s.squashfs.img" % version), "base image of kernel " + version)]
        self.files = {"kernel": files[0], "initramfs": files[1], "base image": files[2]}
        self.hardware, self.trouble = hardware, trouble
        self.timeline = Timeline(listener)
        remove_abandoned(PREFIX, dist)
        remove_abandoned(MACHINE_PREFIX)
        # On the file system of the files, so that hard links can be made.
        self.work, self.lock = make_directory(PREFIX, dist)
        self.machine = None
        self.chassis = self.network = None
        try:
            self.chassis = Chassis(self)
            self.boot_directory = os.path.join(self.work, "boot")
            os.mkdir(self.boot_directory)
            overlays = overlays or [os.path.join(dist, "discovery.overlay.cpio.gz")]
            for path in overlays:
                check_name(path)
            for path in files + overlays:
                place(path, os.path.join(self.boot_directory, os.path.basename(path)))
            for path in files[2:] + overlays:
                self.write_digest(os.path.basename(path))
            self.network = self._network(network)
            # The kernel tests its timer, and panics when an emulated one comes late on a busy machine.
            arguments = ["--kernel-args=no_timer_check", "--boot-dir", self.boot_directory,
                         *("--kernel-args=" + text for text in self.network.kernel_arguments),
                         # It stands in the URLs of task sets.
                         "--advertise-server", self.network.advertised, *self.network.server_arguments,
                         "--overlayfs-file", ",".join(os.path.basename(path) for path in overlays),
                         "--node", "%s=%s" % (hardware.macs[self.network.boot_nic], self.NODE),
                         "--obm-program", "chassis=" + os.path.join(HERE, "power"), *server_arguments]
            shutil.copytree(os.path.join(HERE, "workflows"), self.path("workflows"))
            if results:
                os.makedirs(results, exist_ok=True)
                os.symlink(os.path.abspath(results), os.path.join(self.work, "results"))
            self.server = Server(self.timeline, mock, self.work, arguments, self.network)
        except BaseException:
            if self.chassis:
                self.chassis.close()
            if self.network:
                self.network.close()
            self._remove_work()
            raise

    def _network(self, kind):
        if (kind or ("user" if self.hardware.firmware == "bios" and not self.trouble else "rack")) == "rack":
            return RackNetwork(self.timeline, self.work, self.hardware, self.boot_directory, self.trouble)
        if self.trouble:
            raise NetbootError("QEMU's own network has no troubles: use --network rack")
        if self.hardware.firmware not in ("bios", "uefi"):
            raise NetbootError("the firmware %s needs a DHCP server that tells one firmware from another: use --network rack"
                               % self.hardware.firmware)
        return UserNetwork()

    def _remove_work(self):
        shutil.rmtree(self.work, ignore_errors=True)
        os.close(self.lock)

    def write_digest(self, name, digest=None):
        """Writes what `sha256sum` says of a file in the boot directory, or a digest that is not its own."""
        path = os.path.join(self.boot_directory, name)
        if digest is None:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        with open(path + ".sha256", "w") as file:
            file.write("%s  %s\n" % (digest, name))

    def power_on(self):
        if self.machine:
            # It has ended by itself, and begins anew with other disks.
            self.machine.quit()
            for kind in ("console", "qmp", "bmc"):
                self.timeline.begin(kind)
        elif self.trouble and self.trouble.lease_changes:
            threading.Thread(target=self._change_lease, daemon=True).start()
        self.machine = VirtualMachine(self.timeline, self.hardware, self.network, self.accelerator)
        return self.machine

    def _change_lease(self):
        """As soon as the agent is there."""
        try:
            self.timeline.wait("server", r"^GET /api/\S+/tasks/(?!bootstrap)", 3600)
            self.network.change_lease()
        except NetbootError:
            # All has ended before.
            pass

    @property
    def accelerator(self):
        return accelerator(self.files["kernel"])

    def path(self, *names):
        return os.path.join(self.work, *names)

    def __enter__(self):
        try:
            self.network.start(self.server.base)
            self.server.start()
            self.chassis.start()
            # Workflows switch the machine's power by this.
            self.server.use_service(self.NODE, "command-obm-service", {"program": "chassis", "args": [self.chassis.path]})
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the machine and the server, and removes their files. For a rack that was not started, too."""
        try:
            # First, so that no workflow powers the machine on again.
            self.server.close()
            self.chassis.close()
            if self.machine:
                self.machine.quit()
            self.network.close()
        finally:
            self._remove_work()
