"""The firmware of a virtual machine, and which of QEMU's NICs it can boot from."""

import functools
import os
import re
import shutil
import subprocess

from racks import writing
from timeline import NetbootError

QEMU = "qemu-system-x86_64"
KINDS = ("bios", "uefi", "uefi-http", "secure-boot")
# Names for --nic-model; QEMU's others are named as QEMU does.
MODELS = {"virtio": "virtio-net-pci"}
OVMF = "/usr/share/OVMF"
FILES = {"uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), "uefi-http": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
         # With Microsoft's keys, which have signed Debian's shim.
         "secure-boot": ("OVMF_CODE_4M.ms.fd", "OVMF_VARS_4M.ms.fd")}
# The firmware has read the boot order. A reset does not tell that: the firmware makes more of them until it begins anew.
CHOICE_MADE = re.compile(r"Booting from |BdsDxe: (loading|starting) ")


def options(kind, directory):
    """QEMU's options. The firmware's variables are in the directory, and last as long as that."""
    if kind == "bios":
        # Without graphics the ROMs talk to the serial console.
        return ["-machine", "pc,graphics=off"]
    code, variables = (os.path.join(OVMF, name) for name in FILES[kind])
    for path in (code, variables):
        if not os.path.exists(path):
            raise NetbootError("there is no file %s for the firmware %s: run scripts/setup, which installs the package ovmf"
                               % (path, kind))
    own = os.path.join(directory, "variables.fd")
    shutil.copyfile(variables, own)
    found = ["-machine", "q35,graphics=off,smm=%s" % ("on" if kind == "secure-boot" else "off"),
             "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + code,
             "-drive", "if=pflash,unit=1,format=raw,file=" + own,
             # Nobody answers there, and each attempt takes half a minute.
             "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"]
    if kind == "uefi-http":
        # HTTP comes after PXE in the firmware's order.
        found += ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"]
    if kind == "secure-boot":
        # Only the firmware may write its variables.
        found += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return found


@functools.cache
def _offered():
    """The NICs that this QEMU has."""
    end = subprocess.run([QEMU, "-device", "help"], capture_output=True, text=True)
    section = end.stdout.split("Network devices:\n", 1)[-1].split("\n\n", 1)[0]
    return {match.group(1) for match in re.finditer(r'^name "([^"]+)", bus PCI', section, re.M)}


def nic(model, kind, network):
    """QEMU's device for a NIC that boots, with its options."""
    device = MODELS.get(model, model)
    if device not in _offered():
        names = sorted((_offered() & {"e1000", "e1000e", "igb", "rtl8139", "vmxnet3"}) | {"virtio"})
        newer = ", which came with QEMU 8.0" if model == "igb" else ""
        raise NetbootError("this machine's QEMU has no NIC %s%s: choose one of %s" % (model, newer, ", ".join(names)))
    if kind == "bios" or network == "user" and kind == "uefi":
        return device
    if device == "virtio-net-pci":
        # Without QEMU's iPXE the firmware's own client boots.
        return device + ",romfile="
    if kind == "uefi":
        return device
    raise NetbootError("the firmware %s cannot boot from %s, for which it has no driver of its own: use --nic-model virtio"
                       % (kind, model))


def disk(directory):
    """QEMU's options for a disk with a system that UEFI boots: Debian's GRUB, which stays at its prompt."""
    place = os.path.join(directory, "EFI/BOOT")
    os.makedirs(place)
    shutil.copy(os.path.join(writing.fetched(), "loaders", "grubx64.efi"), os.path.join(place, "BOOTX64.EFI"))
    return "if=none,format=raw,readonly=on,file=fat:" + directory
