"""What a machine boots from: QEMU's own network, or a rack's segment in a namespace, with what scripts/rack writes."""

import os
import re
import signal
import socket
import threading

from namespace import Namespace, opener
from racks import Problem, dnsmasq, running, settings, writing
from switch import Switch
from timeline import NetbootError

# What dnsmasq says of leases and of files; and when it ends.
NOTED = re.compile(r"dnsmasq\S*: (\d+ )?(DHCP[A-Z]+\(|sent /|failed |cannot |error |file .* not found|FAILED|bad |exiting)")
# An office's server, which knows nothing of boots.
SECOND = "port=0\npid-file=\nno-ping\ndhcp-leasefile=/dev/null\ndhcp-range=10.77.0.20,10.77.0.39,255.255.255.0,1h\n"
PROFILES = "/api/current/profiles"
RETRY = "#!ipxe\n:retry\nchain --replace --autofree %s ||\necho no profile yet: trying again\nsleep 2\ngoto retry\n"


class Trouble:
    """What is awkward in a rack's network. All of it can be had at once, but for a relay together with a switch of ours."""

    def __init__(self, first_nic_without_dhcp=False, vlan=None, relay=False, two_servers=False, lease_changes=False,
                 mtu_9000=False):
        self.first_nic_without_dhcp, self.vlan, self.relay = first_nic_without_dhcp, vlan, relay
        self.two_servers, self.lease_changes, self.mtu_9000 = two_servers, lease_changes, mtu_9000


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


def main_lines(trouble, leases):
    """What dnsmasq gets behind the configuration of scripts/rack."""
    # Nobody else has an address there. iPXE waits 13 s for a router of IPv6 where there is none.
    lines = ["no-ping", "enable-ra", "dhcp-range=fd77::,ra-only"]
    if trouble.lease_changes:
        lines += ["dhcp-hostsfile=" + leases.path]
    if trouble.relay:
        lines += ["dhcp-range=set:relay,10.78.0.100,10.78.0.199,255.255.255.0,1h", "dhcp-option=tag:relay,option:router,10.78.0.1"]
    if trouble.vlan:
        lines += ["interface=br-vlan", "dhcp-range=set:vlan,10.79.0.100,10.79.0.199,255.255.255.0,1h",
                  "dhcp-option=tag:vlan,option:router,10.79.0.1"]
    if trouble.mtu_9000:
        lines += ["dhcp-option-force=option:mtu,9000"]
    return "".join(line + "\n" for line in lines)


class UserNetwork:
    """QEMU's: the server is on this machine's loopback."""

    kind = "user"
    # Where the server listens, and what the machine calls that address.
    host, advertised = "127.0.0.1", "10.0.2.2"
    # What programs begin with that run in it: the server, the machine.
    server_command = machine_command = []
    server_arguments = kernel_arguments = []
    boot_nic = 0
    # How people reach the server.
    way = ""

    @staticmethod
    def socket():
        return socket.socket()

    @property
    def opener(self):
        return opener(self.socket)

    def start(self, base):
        """base: the server's URL, as machines see it."""
        self.profiles = base + PROFILES

    def netdev(self, number, directory):
        """QEMU's option for the NIC's other end; and descriptors that QEMU has to get. The first NIC boots; the others are on
        a network where nobody answers but DHCP."""
        if number != self.boot_nic:
            return "user,id=net%d,restrict=on" % number, []
        tftp = os.path.join(directory, "tftp")
        os.mkdir(tftp)
        with open(os.path.join(tftp, "boot.ipxe"), "w") as file:
            file.write(RETRY % self.profiles)
        return "user,id=net%d,tftp=%s,bootfile=boot.ipxe" % (number, tftp), []

    def close(self):
        pass


class RackNetwork:
    """A bridge with the server's address, and a tap for each NIC; DHCP and TFTP by dnsmasq. Nothing of it reaches this
    machine's own network."""

    kind = "rack"
    host = advertised = "10.77.0.1"

    def __init__(self, timeline, work, hardware, boot_directory, trouble=None):
        self.timeline, self.work, self.hardware, self.trouble = timeline, work, hardware, trouble or Trouble()
        self.boot_nic = 1 if self.trouble.first_nic_without_dhcp else 0
        if self.boot_nic >= len(hardware.macs):
            raise NetbootError("the machine has 1 NIC, and should boot from the second: give it --nics 2")
        self.directory = os.path.join(work, "rack")
        self.boot_directory = boot_directory
        os.mkdir(self.directory)
        self.server_arguments = ["--grub-dir", os.path.join(self.directory, "tftp", "grub"),
                                 # Firmware that boots by HTTP gets the boot program there.
                                 "--static", self.directory]
        self.kernel_arguments = ["monorail.vlan=%d" % self.trouble.vlan] if self.trouble.vlan else []
        self.namespaces, self.threads, self.switch = [], [], None
        self.servers = running.Servers(self._note)
        self.leases = Leases(os.path.join(work, "dhcp-hosts"), hardware.macs[self.boot_nic])
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _namespace(self):
        self.namespaces.append(Namespace())
        self.namespaces[-1].run("ip link set lo up")
        return self.namespaces[-1]

    def _build(self):
        trouble = self.trouble
        self.server_side = self.machine_side = self._namespace()
        self._bridge(self.server_side, "br0", "10.77.0.1/24")
        self.server_side.run("ip -6 addr add fd77::1/64 dev br0 nodad")
        segment = self.server_side, "br0"
        if trouble.relay:
            self.machine_side = self._relay()
            segment = self.machine_side, "br1"
        self.server_command, self.machine_command = self.server_side.command, self.machine_side.command
        if trouble.two_servers:
            self._second_server()
        if trouble.vlan or trouble.mtu_9000:
            self._switch()
        for number in range(len(self.hardware.macs)):
            if number == self.boot_nic and self.switch:
                continue
            bridge = segment[1]
            if number < self.boot_nic:
                bridge = "silent"
                self._bridge(segment[0], bridge)
            segment[0].run("ip tuntap add tap%d mode tap" % number, "ip link set tap%d master %s up" % (number, bridge))

    @staticmethod
    def _bridge(namespace, name, address=None):
        namespace.run("ip link add %s type bridge" % name, *["ip addr add %s dev %s" % (address, name)] if address else [],
                      "ip link set %s up" % name)

    def _relay(self):
        """Another segment, which a router joins with the server's."""
        side = self._namespace()
        self._bridge(side, "br1", "10.78.0.1/24")
        self.server_side.run("ip link add relay type veth peer name uplink netns /proc/%d/ns/net" % side.holder.pid,
                             "ip link set relay master br0 up", "ip route add 10.78.0.0/24 via 10.77.0.2")
        side.run("ip addr add 10.77.0.2/24 dev uplink", "ip link set uplink up", "ip route add default via 10.77.0.1",
                 "sysctl -q -w net.ipv4.ip_forward=1")
        return side

    def _second_server(self):
        side = self.second_side = self._namespace()
        self.server_side.run("ip link add other type veth peer name eth0 netns /proc/%d/ns/net" % side.holder.pid,
                             "ip link set other master br0 up")
        side.run("ip addr add 10.77.0.3/24 dev eth0", "ip link set eth0 up")

    def _switch(self):
        trouble, side = self.trouble, self.server_side
        taps = {"native": side.tap("native")}
        side.run("ip link set native master br0 up")
        if trouble.vlan:
            taps["tagged"] = side.tap("tagged")
            self._bridge(side, "br-vlan", "10.79.0.1/24")
            side.run("ip link set tagged master br-vlan up")
        self.switch = Switch(taps["native"], {trouble.vlan: taps["tagged"]} if trouble.vlan else {})
        self._begin(self.switch.serve)
        if trouble.mtu_9000:
            # The server believes so, too: otherwise TCP would keep to what it believes.
            side.run("ip link set native mtu 9000", "ip link set br0 mtu 9000")

    def _begin(self, function, *arguments):
        self.threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self.threads[-1].start()

    @property
    def way(self):
        return " (for programs behind `%s`)" % " ".join(self.server_side.command)

    def socket(self):
        return self.server_side.socket()

    @property
    def opener(self):
        return opener(self.socket)

    def start(self, base):
        port = int(base.rsplit(":", 1)[1])
        self.settings = settings.Settings(
            interface="br0", address=self.host, prefix=24, directory=self.directory, boot_directory=self.boot_directory,
            router=self.host, lease="2m" if self.trouble.lease_changes else "1h", port=port, image_port=port, user="root",
            secure_boot=["all"] if self.hardware.firmware == "secure-boot" else [])
        try:
            self.settings.check()
            writing.write(self.settings)
        except Problem as problem:
            raise NetbootError(str(problem)) from None
        trouble = self.trouble
        self._serve(self.server_side, dnsmasq.configuration(self.settings) + main_lines(trouble, self.leases))
        if trouble.relay:
            self._serve(self.machine_side, "port=0\npid-file=\ndhcp-relay=10.78.0.1,%s\n" % self.host)
        if trouble.two_servers:
            self._serve(self.second_side, SECOND)

    def _serve(self, side, text):
        """Starts dnsmasq, and waits until it listens."""
        place = os.path.join(self.work, "dnsmasq.%d" % len(self.servers.processes))
        with open(place, "w") as file:
            file.write(text)
        try:
            program = running.dnsmasq_program()
        except Problem as problem:
            raise NetbootError(str(problem)) from None
        since = len(self.timeline)
        self.servers.start(running.Server("dnsmasq", [*running.CONFINED, program, "--keep-in-foreground", "--conf-file=" + place],
                                          signal.SIGKILL),
                           side.command)
        while not side.is_bound(67):
            if self.servers.ended.wait(0.05):
                raise NetbootError("dnsmasq does not serve DHCP: %s" % "; ".join(
                    entry.text for entry in self.timeline.all("dhcp", since=since)[-2:]))

    def _note(self, _, line):
        """Without what each packet holds."""
        if NOTED.search(line):
            self.timeline.add("dhcp", line)

    def change_lease(self):
        """The boot NIC gets another address when it renews its lease."""
        self.leases.change()
        # dnsmasq then reads its file of hosts again.
        for number in self.server_side.processes("dnsmasq"):
            os.kill(number, signal.SIGHUP)
        self.timeline.add("dhcp", "the lease of %s is for %s from now on" % (self.leases.mac, self.leases.address))

    def netdev(self, number, directory):
        if number == self.boot_nic and self.switch:
            machine = self.switch.machine.fileno()
            return "dgram,id=net%d,local.type=fd,local.str=%d" % (number, machine), [machine]
        return "tap,id=net%d,ifname=tap%d,script=no,downscript=no" % (number, number), []

    def close(self):
        self.servers.close()
        if self.switch:
            self.switch.stop()
        for thread in self.threads:
            thread.join(30)
        if self.switch:
            self.switch.close()
        for namespace in self.namespaces:
            namespace.close()
