"""Asks a rack's own servers, in networks of their own, what each kind of node would get from them."""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import dhcp
import dnsmasq
from problem import Problem
from running import Servers, dnsmasq_server, mock_server, nginx_server
from settings import Settings, load
from writing import LOADERS

KINDS = [
    dhcp.Kind("BIOS, PXE", dnsmasq.BIOS, "PXEClient", False),
    dhcp.Kind("UEFI, PXE", dnsmasq.EFI, "PXEClient", False),
    dhcp.Kind("UEFI, PXE (architecture 9)", dnsmasq.EFI_OTHER, "PXEClient", False),
    dhcp.Kind("UEFI, HTTP boot", dnsmasq.EFI_HTTP, "HTTPClient", False),
    dhcp.Kind("iPXE of BIOS", dnsmasq.BIOS, "PXEClient", True),
    dhcp.Kind("iPXE of UEFI", dnsmasq.EFI, "PXEClient", True),
]
# A locally administered address that no NIC has.
UNKNOWN = "02:00:00:00:00:01"
# The node's end of the cable.
CABLE = "node0"

# what: what it would load, and from where. finding: its size, or what is wrong. is_well: whether it would boot.
Row = collections.namedtuple("Row", "kind machine what finding is_well")


class Networks:
    """A network namespace with the servers' interface, and one with a node's, and a cable. They end with this process."""

    def __init__(self, settings):
        self.holders = []
        try:
            for _ in range(2):
                holder = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                self.holders.append(holder)
                # It says this line in its own network.
                if not holder.stdout.readline():
                    raise Problem("cannot make a network namespace: run this as root")
            self.server, self.node = (["nsenter", "--net=/proc/%d/ns/net" % holder.pid] for holder in self.holders)
            name = settings.interface
            # Made in the servers' network, so that this machine's own never sees it.
            for within, words in (
                    (self.server, ["link", "set", "lo", "up"]),
                    (self.server, ["link", "add", name, "type", "veth", "peer", "name", CABLE, "netns",
                                   str(self.holders[1].pid)]),
                    (self.server, ["address", "add", "%s/%d" % (settings.address, settings.prefix), "dev", name]),
                    (self.server, ["link", "set", name, "up"]),
                    (self.node, ["link", "set", CABLE, "up"])):
                subprocess.run([*within, "ip", *words], check=True)
        except BaseException:
            self.close()
            raise

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def address_of_node(settings):
    """An address for the node's end, which no rule of dnsmasq's depends on."""
    if settings.first:
        return settings.first
    taken = settings.address
    return next(str(each) for each in settings.network.hosts() if str(each) != taken)


def copied(settings, directory):
    """The same rack in another directory, so that what the real one's servers write stays as it is."""
    for name in ("tftp", "loaders"):
        shutil.copytree(settings.path(name), os.path.join(directory, name), symlinks=True)
    for name in ("grub", "../state"):
        shutil.rmtree(os.path.join(directory, "tftp", name), ignore_errors=True)
        os.makedirs(os.path.join(directory, "tftp", name))
    os.chmod(directory, 0o755)
    shutil.chown(os.path.join(directory, "state"), settings.user)
    for name in ("dnsmasq.conf", "nginx.conf"):
        with open(settings.path(name)) as file:
            text = file.read()
        with open(os.path.join(directory, name), "w") as file:
            file.write(text.replace(settings.directory + "/", directory + "/"))
    return Settings(**{**settings.__dict__, "directory": directory})


class Check:
    def __init__(self, settings, networks, said):
        self.settings, self.networks, self.said = settings, networks, said

    def get(self, url):
        """(content, problem): by curl, from the node's end."""
        words = ["curl", "-sS", "-f", "--noproxy", "*", "-m", "20", "--tftp-blksize", "1428", url]
        got = subprocess.run([*self.networks.node, *words], capture_output=True)
        if got.returncode == 0:
            return got.stdout, None
        return None, got.stderr.decode(errors="replace").strip().split(") ", 1)[-1] or "no answer"

    def rows(self):
        machines = [(UNKNOWN, "")]
        for each in self.settings.secure_boot + self.settings.own_drivers:
            if each != "all":
                machines.append((each, each))
        for mac, shown in machines:
            for kind in KINDS:
                # The others are treated as every machine's.
                if shown and (kind.is_ipxe or kind.architecture not in (dnsmasq.EFI, dnsmasq.EFI_HTTP)):
                    continue
                yield self.row(kind, mac, shown)

    def row(self, kind, mac, shown):
        offer = self.offer(kind, mac)
        if not offer:
            if self.settings.mode == "proxy" and kind.client_class == "HTTPClient":
                return Row(kind.name, shown, "nothing", "a proxy answers PXE only: docs/racks.md", True)
            last = "; ".join(self.said[-2:])
            return Row(kind.name, shown, "nothing", "dnsmasq does not answer; the servers said last: " + last, False)
        is_secure = self.settings.secure_boot == ["all"] or mac in self.settings.secure_boot
        if not offer.file and is_secure and kind.client_class == "HTTPClient":
            return Row(kind.name, shown, "nothing", "PXE serves Secure Boot: its GRUB has no HTTP", True)
        if not offer.file:
            return Row(kind.name, shown, "an address and nothing to boot", "dnsmasq.conf has no line for it", False)
        if kind.client_class == "HTTPClient" and offer.client_class != "HTTPClient":
            return Row(kind.name, shown, offer.file, "the offer does not say HTTPClient: firmware passes it over", False)
        if kind.is_ipxe:
            return Row(kind.name, shown, offer.file, *self.profile(offer.file))
        is_url = "://" in offer.file
        url = offer.file if is_url else "tftp://%s/%s" % (offer.server, offer.file)
        content, problem = self.get(url)
        finding = problem or "%d bytes" % len(content)
        if problem or offer.file != "shimx64.efi":
            return Row(kind.name, shown, url, finding, not problem)
        finding, is_well = self.chain(offer.server)
        if is_well and self.settings.mode == "proxy":
            # GRUB takes the TFTP server's address from the lease.
            finding += "; the other server has to say next-server %s" % self.settings.address
        return Row(kind.name, shown, url, finding, is_well)

    def offer(self, kind, mac):
        """Asked by another process, within the node's network; None without one."""
        words = [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "dhcp.py"), CABLE,
                 address_of_node(self.settings), mac]
        answer = subprocess.run([*self.networks.node, *words, *dhcp.words_of(kind)], stdout=subprocess.PIPE, check=True,
                                text=True)
        return dhcp.Offer(bytes.fromhex(answer.stdout)) if answer.stdout else None

    def profile(self, url):
        """What iPXE finds there: a finding, and whether it would boot."""
        script, problem = self.get("%s?macs=%s&ips=%s" % (url, UNKNOWN, address_of_node(self.settings)))
        if problem:
            return problem, False
        text = script.decode(errors="replace")
        urls = re.findall(r"http://[^\s\"']+/common/[^\s\"',]+", text)
        if not urls:
            return "the profile has no kernel: " + " ".join(re.findall(r"(?m)^echo (.*)$", text))[:200], False
        return self.all_of("profile", dict.fromkeys(urls))

    def all_of(self, first, urls):
        """The finding that all of them are there."""
        total = 0
        for url in urls:
            content, problem = self.get(url)
            if problem:
                return "%s: %s" % (url, problem), False
            total += len(content)
        return "%s, then %d files, %.1f MB" % (first, len(urls), total / 1e6), True

    def chain(self, server):
        """What shim loads, and GRUB then: the same."""
        script, problem = self.get("tftp://%s/grub/grub.cfg" % server)
        names = ["grubx64.efi"]
        if not problem:
            text = script.decode(errors="replace")
            names += re.findall(r"(?m)^\s*(?:if )?(?:linux|initrd) (/[^\s;]+)", text)
            if len(names) == 1:
                problem = "it names no kernel"
        if problem:
            return "grub/grub.cfg: " + problem, False
        return self.all_of("shim", ["tftp://%s/%s" % (server, name.lstrip("/")) for name in names])


def check(directory):
    """Prints the table; 0 when each kind of node would boot."""
    settings = load(directory)
    if os.geteuid() != 0:
        raise Problem("it asks the servers in network namespaces of its own: run this as root")
    for name in [os.path.join("tftp", each) for each in LOADERS] + ["dnsmasq.conf", "nginx.conf"]:
        if not os.path.exists(settings.path(name)):
            raise Problem("%s is missing: run scripts/rack write again" % settings.path(name))
    said = []
    with tempfile.TemporaryDirectory(prefix="monorail-rack-") as work, Networks(settings) as networks:
        rack = copied(settings, work)

        def listen(name, line):
            said.append("%s: %s" % (name, line))

        with Servers(listen) as servers:
            for server in (dnsmasq_server(rack), nginx_server(rack), mock_server(rack, ["--syslog-port", "0"])):
                servers.start(server, networks.server)
            subprocess.run([*networks.node, "ip", "address", "add",
                            "%s/%d" % (address_of_node(settings), settings.prefix), "dev", CABLE], check=True)
            wait_for_servers(rack, networks, servers, said)
            rows = list(Check(rack, networks, said).rows())
    show(settings, rows)
    return 0 if all(row.is_well for row in rows) else 1


def wait_for_servers(settings, networks, servers, said):
    """Until the two HTTP servers listen, and the server has written GRUB's profile."""
    end = time.monotonic() + 60
    ready = lambda: all(  # noqa: E731
        subprocess.run([*networks.node, "curl", "-s", "-o", "/dev/null", "--noproxy", "*", url]).returncode == 0
        for url in (settings.profiles, settings.images + "/")) and os.path.exists(settings.path("tftp/grub/grub.cfg"))
    while not ready():
        if servers.gone or time.monotonic() > end:
            name = servers.gone[0][0] if servers.gone else "a server"
            raise Problem("%s did not start; it said: %s" % (
                name, "; ".join(line for line in said if line.startswith(name))[-400:] or "nothing"))
        time.sleep(0.1)


def show(settings, rows):
    print("%s, %s on %s (%s/%d)\n" % (settings.directory, {"server": "DHCP server", "proxy": "proxy DHCP"}[settings.mode],
                                    settings.interface, settings.address, settings.prefix))
    lines = [("node", "machine", "boots", "found")]
    for row in rows:
        lines.append((row.kind, row.machine or "any other", row.what, ("" if row.is_well else "PROBLEM: ") + row.finding))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for line in lines:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[3]]).rstrip())
