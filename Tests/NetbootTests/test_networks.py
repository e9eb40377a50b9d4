"""Racks whose networks are awkward: a machine boots to a task in each. Run by scripts/test-netboot --all; what needs no boot is
checked each time."""

import os
import select
import socket
import subprocess
import sys
import threading
import unittest
import unittest.mock

from boots import Boots, only_as_root, only_with_all
from machine import Hardware
from network import Trouble
from rack import Rack, end_cleanly_on_signals
from story import TOP
from switch import Switch
from timeline import NetbootError

setUpModule = end_cleanly_on_signals


@only_as_root
@only_with_all
class Awkward(unittest.TestCase):
    def boots(self, hardware=None, **trouble):
        boots = Boots(hardware or Hardware(), network="rack", trouble=Trouble(**trouble))
        self.enterContext(boots)
        boots.rack.power_on()
        return boots

    def test_the_second_nic_boots_when_the_first_has_no_dhcp(self):
        hardware = Hardware(nics=2)
        boots = self.boots(hardware, first_nic_without_dhcp=True)
        addresses, = boots.outputs("ip -o addr")
        nic, address, _ = boots.lease()
        self.assertRegex(addresses, r"%s +inet %s/24" % (nic, address))
        self.assertTrue(boots.console("asking for a lease on %s .%s" % (nic, hardware.macs[1])))

    def test_a_node_is_in_a_vlan(self):
        boots = self.boots(vlan=77)
        boots.outputs("true")
        nic, address, server = boots.lease()
        self.assertTrue(nic.endswith(".77"), nic)
        self.assertTrue(address.startswith("10.79.0."), address)
        self.assertEqual(server, "10.79.0.1")

    def test_a_relay_is_between_the_node_and_the_server(self):
        boots = self.boots(relay=True)
        boots.outputs("true")
        _, address, server = boots.lease()
        self.assertTrue(address.startswith("10.78.0."), address)
        self.assertEqual(server, "10.77.0.1")

    def test_two_servers_answer(self):
        boots = self.boots(two_servers=True)
        boots.outputs("true")
        self.assertIn(boots.lease()[2], ("10.77.0.1", "10.77.0.3"))

    def test_the_lease_changes_and_the_agent_goes_on(self):
        boots = self.boots(lease_changes=True)
        boots.outputs("until ip addr | grep -q 10.77.0.51/; do sleep 1; done")
        addresses, = boots.outputs("ip addr")
        self.assertIn("10.77.0.51/", addresses)
        self.assertNotIn("10.77.0.50/", addresses)

    def test_the_switch_drops_the_long_frames_that_the_server_allows(self):
        boots = self.boots(mtu_9000=True)
        nic = "cat /sys/class/net/$(sed -n 's/^interface //p' /run/microkernel/lease)/mtu"
        self.assertEqual(boots.outputs(nic), ["1500\n"])
        self.assertTrue(boots.console("has an MTU of 9000 from the DHCP server, but .*: going on with 1500; set DHCP option 26"))
        self.assertGreater(boots.rack.network.switch.dropped, 0)

    def test_the_link_comes_late(self):
        boots = self.boots(Hardware(link_after=30))
        boots.outputs("true")
        up = boots.timeline.all("qmp", "the link is up")[0]
        self.assertTrue([entry for entry in boots.timeline.all("console", r"no DHCP server answers after .*no link")
                         if entry.index < up.index])

    def test_nics_of_other_makes_boot(self):
        for model in ("e1000e", "vmxnet3"):
            with self.subTest(model), Boots(Hardware(nic_model=model), network="rack") as boots:
                boots.rack.power_on()
                driver, = boots.outputs("basename $(readlink /sys/class/net/e*/device/driver)")
                self.assertEqual(driver, model + "\n")


class Refusals(unittest.TestCase):
    def netboot(self, *words, **environment):
        end = subprocess.run([sys.executable, "-B", os.path.join(TOP, "scripts", "netboot.d", "netboot.py"), *words],
                             env={**os.environ, **environment}, capture_output=True, text=True)
        return end.returncode, end.stderr.strip()

    def test_what_cannot_be_is_refused_with_one_sentence(self):
        for words, sentence in (
                (("--firmware", "secure-boot", "--network", "user"), "needs a DHCP server that .*: use --network rack"),
                (("--network", "user", "--vlan", "5"), "has no troubles: use --network rack"),
                (("--network", "rack", "--nic-model", "nosuch"), "QEMU has no NIC nosuch: choose one of .*virtio"),
                (("--firmware", "uefi-http", "--nic-model", "e1000e"), "cannot boot from e1000e, .*: use --nic-model virtio"),
                (("--first-nic-without-dhcp",), "boot from the second: give it --nics 2")):
            with self.subTest(words):
                code, errors = self.netboot(*words)
                self.assertEqual(code, 1)
                self.assertRegex(errors, "^netboot: [^\n]*" + sentence)

    @only_as_root
    def test_a_network_without_dnsmasq_says_what_to_install(self):
        with unittest.mock.patch("running.shutil.which", lambda *_, **__: None):
            with self.assertRaisesRegex(NetbootError, "there is no dnsmasq on this machine: apt-get install dnsmasq-base"):
                with Rack(Hardware(), network="rack"):
                    pass


# A rack with a machine in a network, that says when it is on, and then waits for the end of its input.
HOLDER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from machine import Hardware
from network import Trouble
from rack import Rack
with Rack(Hardware(firmware="uefi"), network="rack", trouble=Trouble(relay=True, two_servers=True)) as rack:
    rack.power_on()
    print(*[os.stat(each.path).st_ino for each in rack.network.namespaces], flush=True)
    sys.stdin.read()
"""


def in_networks(inodes):
    """The processes whose network is one of these."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat("/proc/%s/ns/net" % process).st_ino in inodes:
                found.append(process)
        except OSError:
            pass
    return found


@only_as_root
class Leftovers(unittest.TestCase):
    def test_a_killed_run_leaves_no_process_and_no_network(self):
        before = os.listdir("/sys/class/net")
        process = subprocess.Popen([sys.executable, "-B", "-c", HOLDER, os.path.join(TOP, "scripts", "netboot.d")],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with process:
            inodes = {int(word) for word in process.stdout.readline().split()}
            self.assertEqual(len(inodes), 3)
            # What holds each of them; three DHCP servers, the server, the machine.
            pids = in_networks(inodes)
            self.assertGreaterEqual(len(pids), 8)
            descriptors = [os.pidfd_open(int(pid)) for pid in pids]
            process.kill()
        for descriptor in descriptors:
            # It becomes readable when the process has ended.
            self.assertTrue(select.select([descriptor], [], [], 60)[0])
            os.close(descriptor)
        self.assertEqual(in_networks(inodes), [])
        self.assertEqual(os.listdir("/sys/class/net"), before)


class Switching(unittest.TestCase):
    """Frames, without a machine: sockets stand in for taps."""

    def setUp(self):
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
        (self.native, native), (self.tagged, tagged) = pairs
        self.switch = Switch(os.dup(native.fileno()), {77: os.dup(tagged.fileno())})
        thread = threading.Thread(target=self.switch.serve)
        thread.start()

        def end():
            self.switch.stop()
            thread.join()
            self.switch.close()
            for each in (self.native, native, self.tagged, tagged):
                each.close()

        self.addCleanup(end)

    def test_tags_choose_the_port_and_long_frames_are_dropped(self):
        machine, head, tag = self.switch.machine, bytes(12), b"\x81\x00\x00\x4d"
        long = head + b"\x08\x00" + bytes(1501)
        machine.send(long)
        machine.send(head + b"\x81\x00\x00\x05\x08\x00other")
        machine.send(head + b"\x08\x00plain")
        machine.send(head + tag + b"\x08\x00in the VLAN")
        self.assertEqual(self.native.recv(2000), head + b"\x08\x00plain")
        self.assertEqual(self.tagged.recv(2000), head + b"\x08\x00in the VLAN")
        self.native.send(long)
        self.native.send(head + b"\x08\x00answer")
        self.assertEqual(machine.recv(2000), head + b"\x08\x00answer")
        self.tagged.send(head + b"\x08\x00answer")
        self.assertEqual(machine.recv(2000), head + tag + b"\x08\x00answer")
        self.assertEqual(self.switch.dropped, 2)


if __name__ == "__main__":
    unittest.main()
