"""What a machine does that boots from the network, on the real thing: run by scripts/test-netboot."""

import glob
import json
import os
import re
import subprocess
import unittest

from story import HARDWARE, OUTAGE, Story, fields
from rack import Rack, end_cleanly_on_signals

story = Story()


def setUpModule():
    end_cleanly_on_signals()
    story.run()


def needs(*reports):
    """The reason to fail at once, when the story ended before these reports came."""
    missing = [name for name in reports if name not in story.reports]
    if missing:
        raise AssertionError("there is no report of %s: %s" % (", ".join(missing), story.problem))


class Discovery(unittest.TestCase):
    def setUp(self):
        needs("discovery")

    def output(self, source):
        return story.output("discovery", source)

    def test_no_task_failed(self):
        for task in story.reports["discovery"]["tasks"]:
            with self.subTest(task["cmd"]):
                self.assertIsNone(task["error"], task.get("stderr"))

    def test_dmidecode_tells_the_system(self):
        system = fields(self.output("dmi").split("System Information", 1)[1].split("\n\n", 1)[0])
        self.assertEqual((system["Manufacturer"], system["Product Name"], system["Serial Number"]),
                         (HARDWARE.vendor, HARDWARE.product, HARDWARE.serial))

    def test_lshw_tells_system_memory_and_nics(self):
        root = json.loads(self.output("lshw"))
        root = root[0] if isinstance(root, list) else root

        def below(node):
            yield node
            for child in node.get("children", []):
                yield from below(child)

        self.assertEqual((root["vendor"], root["product"], root["serial"]), (HARDWARE.vendor, HARDWARE.product, HARDWARE.serial))
        nodes = list(below(root))
        memory = next(node for node in nodes if node["id"].split(":")[0] == "memory")
        self.assertEqual(memory["size"], HARDWARE.memory << 20)
        macs = {node["serial"] for node in nodes if node.get("class") == "network" and "serial" in node}
        self.assertEqual(macs, set(HARDWARE.macs))

    def test_lspci_tells_the_controllers(self):
        devices = [fields(text) for text in self.output("lspci").split("\n\n")]
        kinds = {(device.get("Vendor", "")[-5:-1], device.get("Device", "")[-5:-1]) for device in devices}
        # virtio-net, e1000, MegaRAID SAS 1078, QEMU's NVMe.
        for wanted in (("1af4", "1000"), ("8086", "100e"), ("1000", "0060"), ("1b36", "0010")):
            self.assertIn(wanted, kinds)

    def test_lsblk_tells_the_disks(self):
        disks = {(disk["serial"], int(disk["size"])) for disk in json.loads(self.output("lsblk"))["blockdevices"]
                 if disk["type"] == "disk"}
        self.assertLessEqual({(serial, size) for size, serial in HARDWARE.nvme}, disks)
        self.assertLessEqual({size for size, _ in HARDWARE.megaraid}, {size for _, size in disks})

    def test_lsscsi_tells_the_disks_behind_the_controller(self):
        lines = [line.split() for line in self.output("lsscsi").splitlines() if "disk" in line]
        sizes = sorted(line[-1] for line in lines if line[-2].startswith("/dev/sd"))
        self.assertEqual(sizes, ["67.1MB", "83.8MB"])

    def test_ip_tells_the_nics(self):
        nics = {nic["address"]: nic for nic in json.loads(self.output("ip")) if nic["link_type"] == "ether"}
        self.assertEqual(set(nics), set(HARDWARE.macs))
        addresses = [address["local"] for address in nics[HARDWARE.macs[0]]["addr_info"] if address["family"] == "inet"]
        self.assertEqual(addresses, ["10.0.2.15"])

    def test_smartctl_tells_the_disks_through_a_downloaded_script(self):
        disks = [json.loads(line) for line in self.output("smart").splitlines() if line.startswith("{")]
        found = {disk.get("serial_number"): disk for disk in disks}
        for size, serial in HARDWARE.nvme + HARDWARE.megaraid:
            with self.subTest(serial):
                self.assertEqual(found[serial]["user_capacity"]["bytes"], size)
        nvme = found[HARDWARE.nvme[0][1]]
        self.assertTrue(nvme["smart_status"]["passed"])

    def test_ipmitool_tells_the_bmc(self):
        controller = fields(self.output("bmc"))
        self.assertEqual(controller["Firmware Revision"], "%d.%02d" % story.bmc.firmware)
        self.assertEqual(controller["IPMI Version"], "2.0")
        self.assertEqual(controller["Manufacturer ID"], str(story.bmc.manufacturer))
        self.assertTrue(controller["Product ID"].startswith(str(story.bmc.product)), controller["Product ID"])

    def test_ipmitool_tells_the_lan(self):
        lan = fields(self.output("ipmi-lan"))
        self.assertEqual(lan["IP Address"], story.bmc.address)
        self.assertEqual(lan["Subnet Mask"], story.bmc.netmask)
        self.assertEqual(lan["MAC Address"], story.bmc.mac)
        self.assertEqual(lan["Default Gateway IP"], story.bmc.gateway)

    def test_ipmitool_tells_the_event_log(self):
        lines = self.output("ipmi-sel").splitlines()
        self.assertEqual(len(lines), len(story.bmc.log))
        self.assertIn("System Event", lines[0])

    def test_ipmitool_tells_the_board(self):
        board = fields(self.output("ipmi-fru"))
        self.assertEqual(board["Board Mfg"], story.bmc.board["manufacturer"])
        self.assertEqual(board["Board Product"], story.bmc.board["product"])
        self.assertEqual(board["Board Serial"], story.bmc.board["serial"])
        self.assertEqual(board["Board Part Number"], story.bmc.board["part"])

    def test_lldpcli_tells_the_neighbor(self):
        neighbor = fields(self.output("lldp"))
        values = {name.split(".", 2)[2]: value for name, value in neighbor.items() if name.count(".") >= 2}
        self.assertEqual((values["chassis.name"], values["port.ifname"]), HARDWARE.lldp)

    def test_megacli_tells_the_controller(self):
        self.assertIn("STAND-IN-0001", self.output("megaraid-controllers"))
        self.assertRegex(self.output("megaraid-controllers"), r"Physical Devices  : 2 ")


class BaseImage(unittest.TestCase):
    def test_it_has_no_rc_local_in_the_place_of_a_missing_one(self):
        top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        newest = max(glob.glob(os.path.join(top, "dist", "base.*.squashfs.img")), key=os.path.getmtime)
        listing = subprocess.run(["unsquashfs", "-l", newest], capture_output=True, text=True, check=True).stdout
        self.assertIn("squashfs-root/etc/init.d/rc.local\n", listing)
        self.assertNotIn("squashfs-root/etc/rc.local\n", listing)


class Root(unittest.TestCase):
    def setUp(self):
        needs("root")

    def test_the_overlay_wins_over_the_base(self):
        self.assertEqual(story.output("root", "overlay-wins"), "This text is from the overlay.\n")

    def test_a_whiteout_hides_a_file_of_the_base(self):
        text = story.output("root", "whiteout")
        self.assertRegex(text, r"cannot access '?/etc/debian_version")

    def test_the_root_is_an_overlay(self):
        text = story.output("root", "root")
        self.assertTrue(text.startswith("overlay "), text)
        self.assertIn("boot=monorail", text)
        self.assertIn("nameserver 10.0.2.3", text)

    def test_the_lease_is_carried_over_and_renewed(self):
        text = story.output("root", "lease")
        self.assertRegex(text, r"busybox udhcpc .*-i \w+ -r 10\.0\.2\.15 ")
        # The default route by 10.0.2.2, as the kernel writes it.
        self.assertRegex(text, r"(?m)^\w+\s+00000000\s+0202000A\s")

    def test_megacli_formats(self):
        self.assertEqual(re.findall(r"Raw Size: .*\[(0x[0-9a-f]+) Sectors\]", story.output("root", "megacli-disks")),
                         [hex(size // 512) for size, _ in HARDWARE.megaraid])
        self.assertEqual(story.output("root", "megacli-volumes").count("State               : Optimal"), 2)
        self.assertIn("Set Battery Warning Disabled to 1 success", story.output("root", "megacli-property"))
        self.assertIn("Flash completed successfully", story.output("root", "megacli-flash"))

    def test_megacli_noted_its_calls(self):
        self.assertEqual(story.output("root", "megacli-calls").splitlines(), [
            "-AdpAllInfo -aALL", "-PDList -aALL", "-LDInfo -Lall -aALL", "-AdpSetProp -BatWarnDsbl 1 -a0",
            "-AdpFwFlash -f /etc/issue -a0"])


class Flash(unittest.TestCase):
    def setUp(self):
        needs("flash")

    def test_no_task_failed(self):
        for task in story.reports["flash"]["tasks"]:
            with self.subTest(task["cmd"]):
                self.assertIsNone(task["error"], task.get("stderr"))

    def test_the_server_has_the_old_firmware_as_a_backup(self):
        self.assertEqual(story.files["backup"], b"o" * 131072)

    def test_the_chip_has_the_new_firmware(self):
        self.assertEqual(story.files["chip"], story.firmware)


class ExitCodes(unittest.TestCase):
    def test_1_reboots_the_node_which_comes_back(self):
        needs("after")
        self.assertEqual(story.reports["flash"]["exit"], 1)
        self.assertTrue(any("rc.local: the agent ended with 1" in line for line in story.console(1)), story.problem)
        self.assertTrue(any("iPXE" in line for line in story.console(2)))

    def test_the_flash_was_not_run_again(self):
        needs("after")
        taken = story.timeline.all("server", r"^node %s takes task set" % Rack.NODE)
        self.assertEqual(len([entry for entry in taken if entry.index < story.resets[1].index]), 4)
        uploads = story.timeline.all("server", r"^PUT /api/\S+/files/%s-backup\.bin" % Rack.NODE)
        self.assertEqual(len(uploads), 1)
        self.assertNotIn("flashed", story.output("after", "after"))

    def test_2_power_cycles_through_the_bmc(self):
        needs("after")
        cycles = story.timeline.all("bmc", "chassis power cycle")
        self.assertEqual(len(cycles), 1, story.problem)
        # The BMC did it, before rc.local fell back on the kernel's way.
        self.assertLess(cycles[0].index, story.resets[1].index)
        console = story.console(2)
        self.assertTrue(any("power cycling through the BMC" in line for line in console), console[-20:])
        self.assertFalse(any("the power cycle failed" in line for line in console), console[-20:])
        self.assertFalse(any("rc.local: rebooting" in line for line in console), console[-20:])

    def test_127_stays_up(self):
        needs("stay")
        self.assertTrue(any("rc.local: the agent ended with 127" in line for line in story.console(4)), story.problem)
        self.assertEqual(story.status, "running")
        self.assertEqual(story.timeline.all("qmp", "^(RESET|SHUTDOWN guest|POWERDOWN)", story.last_start.index)[:1], [])


class Trouble(unittest.TestCase):
    def test_an_overlay_with_another_digest_is_refused(self):
        self.assertGreaterEqual(len(story.resets), 3, story.problem)
        sentence = next(line for line in story.console(3) if "cannot boot: " in line)
        self.assertRegex(sentence, r"test\.overlay\.cpio\.gz")
        self.assertRegex(sentence, r"(?i)sha-?256|digest")
        self.assertFalse(any("switching to the root" in line for line in story.console(3)))

    def test_a_server_that_is_down_is_waited_for(self):
        needs("stay")
        first, last = story.outage
        self.assertGreaterEqual(last.at - first.at, OUTAGE)
        self.assertTrue(any("switching to the root" in line for line in story.console(4)))
        self.assertFalse(any("cannot boot" in line for line in story.console(4)))


class Console(unittest.TestCase):
    def test_each_stage_says_how_long_it_took(self):
        needs("discovery")
        line = next(line for line in story.console(1) if "stages: " in line)
        for stage in ("kernel and drivers", "lease", "base image", "overlays", "mount"):
            self.assertRegex(line, stage + r" \d+\.\d+ s")

    def test_the_server_keeps_the_syslog(self):
        needs("discovery")
        self.assertIn("task 1/", story.syslog)


if __name__ == "__main__":
    unittest.main()
