"""A machine of each firmware boots to a discovery, reboots, and comes back by the same way: run by scripts/test-netboot, of
which --all runs more than BIOS, whose boots are in test_netboot.py, and UEFI."""

import os
import unittest

from boots import Boots, only_as_root, only_with_all
from rack import Rack, end_cleanly_on_signals
from machine import Hardware

setUpModule = end_cleanly_on_signals
MEGARAID = "/usr/lib/modules/$(uname -r)/kernel/drivers/scsi/megaraid/megaraid_sas.ko"


class Firmware:
    """kind: as scripts/netboot has it. way: what the console says when the firmware takes its way."""

    kind = way = None

    def test_it_boots_to_a_discovery_and_comes_back_by_the_same_way(self):
        serial = "SN-%s-0815" % self.kind
        hardware = Hardware(serial=serial, firmware=self.kind, vendor="Acme, Inc.", product="Rackable R100")
        with Boots(hardware, network="rack") as boots:
            self.begin(boots)
            boots.rack.power_on()
            self.before(boots)
            report = boots.report({"name": "discovery"})
            dmi = next(task["stdout"] for task in report["tasks"] if task.get("source") == "dmi")
            self.assertIn("Serial Number: %s\n" % serial, dmi)
            (first, efi), start = self.look(boots), boots.position
            boots.report({"tasks": [{"cmd": "true"}], "exit": 1})
            boots.wait("qmp", "^RESET guest-reset")
            self.assertTrue(boots.console("rc.local: the agent ended with 1", start))
            again = boots.position
            second, _ = self.look(boots)
            self.assertNotEqual(first, second)
            self.assertEqual(efi, "no\n" if self.kind == "bios" else "yes\n")
            for since in (0, again):
                self.assertTrue(boots.console(self.way, since), "the firmware takes its way in each boot")
            self.after(boots)

    def look(self, boots):
        return boots.outputs("cat /proc/sys/kernel/random/boot_id", "[ ! -d /sys/firmware/efi ] && echo no || echo yes")

    def begin(self, boots):
        pass

    before = after = begin


@only_as_root
class UEFI(Firmware, unittest.TestCase):
    kind, way = "uefi", r'BdsDxe: starting \S+ "UEFI PXEv4'


@only_as_root
@only_with_all
class BIOS(Firmware, unittest.TestCase):
    kind, way = "bios", r"^Booting from ROM"


@only_as_root
@only_with_all
class HTTPBoot(Firmware, unittest.TestCase):
    kind, way = "uefi-http", r'BdsDxe: starting \S+ "UEFI HTTPv4'


@only_as_root
@only_with_all
class SecureBoot(Firmware, unittest.TestCase):
    kind, way = "secure-boot", r"EFI stub: UEFI Secure Boot is enabled"

    def begin(self, boots):
        """The kernel that TFTP serves has a byte changed, so that its signature does not hold."""
        self.kernel = os.path.basename(boots.rack.files["kernel"])
        path = boots.rack.path("rack", "tftp", self.kernel)
        with open(path, "rb") as file:
            text = bytearray(file.read())
        text[len(text) // 2] ^= 1
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(text)

    def before(self, boots):
        """GRUB refuses it, and says so. With the right one the machine boots."""
        boots.wait("console", r"error: .*(bad shim signature|invalid signature)")
        path = boots.rack.path("rack", "tftp", self.kernel)
        os.unlink(path)
        os.symlink(os.path.join(boots.rack.boot_directory, self.kernel), path)
        # The machine that GRUB has given up.
        boots.position = len(boots.timeline)
        boots.rack.machine.reset()

    def after(self, boots):
        lockdown, modules, unsigned, log = boots.outputs(
            "mount -t securityfs none /sys/kernel/security; cat /sys/kernel/security/lockdown",
            "modprobe mpt3sas && modprobe megaraid_sas && cut -d ' ' -f 1 /proc/modules",
            # Without the signature at its end.
            "rmmod megaraid_sas; head -c -800 %s >/run/x.ko; insmod /run/x.ko 2>&1 || echo refused" % MEGARAID,
            "dmesg")
        self.assertRegex(lockdown, r"\[(integrity|confidentiality)\]")
        self.assertLessEqual({"mpt3sas", "megaraid_sas"}, set(modules.split()))
        self.assertTrue(unsigned.endswith("refused\n"), unsigned)
        self.assertIn("Kernel is locked down from EFI Secure Boot", log)


@only_as_root
@only_with_all
class BootOrder(unittest.TestCase):
    """What a BMC is told holds with UEFI as with BIOS."""

    def test_the_disk_boots_once_when_it_is_chosen_and_the_network_otherwise(self):
        hardware = Hardware(firmware="uefi", disks=[(1 << 20, "DISK-1")], efi_disk=True)
        with Boots(hardware, network="rack") as boots:
            machine = boots.rack.power_on()
            boots.wait("console", "Linux version ")
            machine.boot_from("disk")
            machine.reset()
            boots.wait("console", r"BdsDxe: starting \S+ (?!.*PXE)")
            self.assertFalse(boots.console("Linux version ", boots.position))
            machine.reset()
            boots.wait("console", "Linux version ")
            boots.outputs("true")


if __name__ == "__main__":
    unittest.main()
