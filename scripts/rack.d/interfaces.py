"""This machine's network interfaces, as iproute2 tells them."""

import json
import subprocess

from problem import Problem


def addresses_of(interface):
    """(address, prefix length) for each of the interface's IPv4 addresses; one at least."""
    listing = subprocess.run(["ip", "-j", "-4", "address", "show"], check=True, capture_output=True, text=True).stdout
    found = {each["ifname"]: each["addr_info"] for each in json.loads(listing or "[]") if each}
    every = subprocess.run(["ip", "-j", "link", "show"], check=True, capture_output=True, text=True).stdout
    names = [each["ifname"] for each in json.loads(every or "[]") if each]
    if interface not in names:
        raise Problem("this machine has no interface %s; it has %s" % (interface, ", ".join(names)))
    addresses = [each for each in found.get(interface, []) if each.get("family") == "inet"]
    if not addresses:
        raise Problem("%s has no IPv4 address: give it one first, as with ip address add 10.1.0.1/24 dev %s" % (
            interface, interface))
    return [(each["local"], each["prefixlen"]) for each in addresses]
