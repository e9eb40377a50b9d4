"""What a rack is to be: its network, its servers, and what its machines boot. Kept as rack.json beside what is written of it.
"""

import dataclasses
import ipaddress
import json
import os
import pwd
import re

from problem import Problem

FILE = "rack.json"


@dataclasses.dataclass
class Settings:
    """interface: where the nodes are. address: the interface's own, such as 10.1.0.1. prefix: 24 for 255.255.255.0.

    mode: "server" gives addresses, from first to last; "proxy" leaves that to the DHCP server that is there, and only says
    what to boot. secure_boot, own_drivers: MAC addresses, or "all". user: as whom dnsmasq and nginx run.
    """

    interface: str
    address: str
    prefix: int
    directory: str
    boot_directory: str
    mode: str = "server"
    first: str = ""
    last: str = ""
    lease: str = "1h"
    router: str = ""
    name_server: str = ""
    port: int = 8080
    image_port: int = 8081
    secure_boot: list = dataclasses.field(default_factory=list)
    own_drivers: list = dataclasses.field(default_factory=list)
    user: str = "nobody"

    @property
    def network(self):
        return ipaddress.ip_network("%s/%d" % (self.address, self.prefix), strict=False)

    @property
    def profiles(self):
        """What iPXE asks for."""
        return "http://%s:%d/api/current/profiles" % (self.address, self.port)

    @property
    def images(self):
        return "http://%s:%d" % (self.address, self.image_port)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def check(self):
        """Fills in the range when there is none; raises Problem when the values do not fit each other, or this machine."""
        try:
            pwd.getpwnam(self.user)
        except KeyError:
            raise Problem("this machine has no user %s: give another --user" % self.user) from None
        if self.mode == "proxy":
            if self.first or self.router or self.name_server:
                raise Problem("--range, --router and --dns are for --mode server: a proxy leaves them to the DHCP server "
                              "that is there")
            return
        if not re.fullmatch(r"\d+[smhdw]?|infinite", self.lease):
            raise Problem("--lease %s is no time: write it as 30m, 1h or 2d" % self.lease)
        if not self.first:
            self._choose_range()
        for option, text in (("--range", self.first), ("--range", self.last), ("--router", self.router)):
            if text and ipaddress.ip_address(text) not in self.network:
                raise Problem("%s %s is not in %s, the network of %s" % (option, text, self.network, self.interface))
        first, last = ipaddress.ip_address(self.first), ipaddress.ip_address(self.last)
        if first > last:
            raise Problem("--range %s,%s begins after its end" % (first, last))
        ends = {self.network.network_address: "the network's own", self.network.broadcast_address: "for broadcasts"}
        for each, whose in {**ends, **self._taken()}.items():
            if first <= each <= last:
                raise Problem("--range %s,%s has %s in it, which is %s: give another range" % (first, last, each, whose))

    def _taken(self):
        """The addresses that no node may get, and whose they are."""
        found = {self.name_server: "the name server's", self.router: "the router's", self.address: "this machine's own"}
        return {ipaddress.ip_address(text): whose for text, whose in found.items() if text}

    def _choose_range(self):
        """The upper half of the network, or else the lower one."""
        network, half = self.network, self.network.num_addresses // 2
        if network.num_addresses >= 8:
            for first, last in ((network[half], network[-2]), (network[1], network[half - 1])):
                if not any(first <= each <= last for each in self._taken()):
                    self.first, self.last = str(first), str(last)
                    return
        raise Problem("%s has no half that is free for nodes: give --range FROM,TO" % network)

    def save(self):
        with open(self.path(FILE), "w") as file:
            json.dump(dataclasses.asdict(self), file, indent=2)
            file.write("\n")


def load(directory):
    path = os.path.join(directory, FILE)
    try:
        with open(path) as file:
            settings = Settings(**json.load(file))
    except OSError as error:
        raise Problem("cannot read %s: %s; scripts/rack write -o %s makes it" % (path, error.strerror, directory)) from None
    except (ValueError, TypeError) as error:
        raise Problem("%s is not what scripts/rack write makes: %s" % (path, error)) from None
    # The directory may have been moved.
    if os.path.abspath(directory) != settings.directory:
        raise Problem("%s was written for %s: write it anew where it is now" % (directory, settings.directory))
    return settings


def address(text):
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise Problem("%r is no IPv4 address" % text) from None


def machines(texts):
    """MAC addresses as dnsmasq writes them, or ["all"]."""
    found = []
    for text in texts:
        if text == "all":
            return ["all"]
        mac = text.lower().replace("-", ":")
        if not re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
            raise Problem("%r is neither a MAC address, such as 52:54:00:12:34:56, nor \"all\"" % text)
        found.append(mac)
    return sorted(set(found))
