"""dnsmasq's configuration for the networks of network.py, as lists of lines."""

import signal

# dnsmasq then reads its file of hosts again.
READ_AGAIN = signal.SIGHUP
HTTP_LOADER = "snponly.efi"
COMMON = ["port=0", "dhcp-authoritative", "dhcp-no-override", "no-ping"]


class Leases:
    """The address of one NIC, which may change."""

    def __init__(self, path, mac):
        self.path, self.mac, self.number = path, mac, 49
        self.change()

    @property
    def address(self):
        return "10.77.0.%d" % self.number

    def change(self):
        self.number += 1
        with open(self.path, "w") as file:
            file.write("%s,%s\n" % (self.mac, self.address))


def main(tftp, firmware, base, trouble, leases):
    """The server's own: it tells iPXE from firmware, and one firmware from another. base: the server's URL."""
    loader = "shimx64.efi" if firmware == "secure-boot" else "snponly.efi"
    lines = [
        *COMMON, "interface=br0", "bind-dynamic", "enable-tftp", "tftp-root=" + tftp,
        "dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,%s" % ("2m" if trouble.lease_changes else "1h"),
        "dhcp-option=option:router,10.77.0.1", "dhcp-option=option:dns-server,10.77.0.1",
        # iPXE waits for a router of IPv6, for 13 s where there is none.
        "enable-ra", "dhcp-range=fd77::,ra-only",
        "dhcp-match=set:ipxe,175", "dhcp-match=set:bios,option:client-arch,0", "dhcp-match=set:efi,option:client-arch,7",
        "dhcp-match=set:efi,option:client-arch,9", "dhcp-match=set:http,option:client-arch,16",
        "dhcp-boot=tag:ipxe,boot.ipxe", "dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe",
        "dhcp-boot=tag:efi,tag:!ipxe,%s" % loader,
        "dhcp-option-force=tag:http,tag:!ipxe,option:vendor-class,HTTPClient",
        "dhcp-boot=tag:http,tag:!ipxe,%s/common/%s" % (base, HTTP_LOADER),
    ]
    if trouble.lease_changes:
        lines += ["dhcp-hostsfile=" + leases.path]
    if trouble.relay:
        lines += ["dhcp-range=10.78.0.100,10.78.0.199,255.255.255.0,1h",
                  "dhcp-option=option:router,10.78.0.1"]
    if trouble.vlan:
        lines += ["interface=br-vlan", "dhcp-range=10.79.0.100,10.79.0.199,255.255.255.0,1h"]
    if trouble.mtu_9000:
        lines += ["dhcp-option-force=option:mtu,9000"]
    return lines


def relay(near, server):
    return ["port=0", "dhcp-relay=%s,%s" % (near, server)]


def second():
    """An office's server, which knows nothing of boots."""
    return [*COMMON, "dhcp-range=10.77.0.200,10.77.0.219,255.255.255.0,1h"]
