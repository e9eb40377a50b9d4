"""Boots a virtual machine over the network, has workflows catalog and flash it, and shows what the server then knows and where
the time went. Called by scripts/demo --netboot."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "scripts", "netboot.d"))

from machine import Hardware  # noqa: E402
from rack import Rack, end_cleanly_on_signals  # noqa: E402
from stages import stages  # noqa: E402
from tables import print_node, print_workflow  # noqa: E402
from timeline import NetbootError  # noqa: E402

MIB = 1 << 20
PATIENCE = 900
HARDWARE = Hardware(
    vendor="Acme, Inc.", product="Rackable R100", serial="SN-4711", nics=2, nvme=[(96 * MIB, "NVME-0042")],
    megaraid=[(64 * MIB, "RAID-0001"), (80 * MIB, "RAID-0002")], ipmi=True, lldp=("rack1-leaf2", "swp7"))
# The chip is a file, which the overlay makes at each boot.
FLASH = {"defaults": {"file": "bios.bin", "programmer": "dummy:emulate=M25P10.RES,image=/run/chip.bin"}}
# What tells of the boot; the kernel's lines, the commands' output (| and !), and the 49 commands that catalog a BMC are left out.
TOLD = re.compile(r"^(?!.* task \d+/(\d+ [|!] |\d\d)).*(monorail: |rc\.local: |monorail-agent |iPXE \(|^net0: |^INIT: )")


def heading(text):
    print("\n== %s ==" % text, flush=True)


def told(entry):
    if entry.kind == "console":
        return TOLD.search(entry.text)
    if entry.kind == "server":
        return re.match(r"task |node \S+ (runs|has ended)", entry.text)
    return "FILTER" not in entry.text


def run():
    with Rack(HARDWARE, overlays=[os.path.join(TOP, "dist", "test.overlay.cpio.gz")], server_arguments=["--digests"]) as rack:
        timeline, server = rack.timeline, rack.server
        old, new = b"o" * 131072, b"n" * 131072
        with open(rack.path("files", "bios.bin"), "wb") as file:
            file.write(new)

        def show(entry):
            if told(entry):
                print("%7.2f  %s%s" % (entry.at - timeline.started, "" if entry.kind == "console" else "-- ", entry.text), flush=True)

        heading("The node's console, %s" % ("with KVM" if rack.accelerator == "kvm" else "on an emulated CPU"))
        timeline.listener = show
        rack.power_on()
        # The flash begins with a power cycle, so that the discovery needs no reboot of its own.
        discovery = server.start_workflow(Rack.NODE, "Graph.Discovery", {"skip-reboot-post-discovery": {"skipReboot": "true"}})
        discovered, discovery = server.wait_for_workflow(discovery, PATIENCE)
        flash = server.start_workflow(Rack.NODE, "Graph.Flash.Flashrom", FLASH)
        cycle = timeline.wait("qmp", "^RESET", PATIENCE, discovered.index)
        flashed, flash = server.wait_for_workflow(flash, PATIENCE, discovered.index)
        if flash["status"] == "succeeded":
            reset = timeline.wait("qmp", "^RESET guest-reset", PATIENCE, flashed.index)
            timeline.wait("server", r"^GET /api/\S+/tasks/%s 404" % Rack.NODE, PATIENCE, reset.index)
        timeline.listener = None

        heading("What the server did")
        print_workflow(discovery)
        print()
        print_workflow(flash)
        heading("The node")
        print_node(server.catalogs(Rack.NODE))
        for workflow in (discovery, flash):
            if workflow["status"] != "succeeded":
                raise NetbootError("%s has ended with %s" % (workflow["injectableName"], workflow["status"]))
        heading("The flash")
        with open(rack.path("files", "%s-flash-backup.bin" % Rack.NODE), "rb") as file:
            if file.read() != old:
                raise NetbootError("the backup that the server has is not the old firmware")
        print("  the server has the old firmware as a backup; flashrom wrote the new firmware and read it back")
        print("  the node rebooted, came back, and was not flashed again")
        for title, since in (("first", 0), ("second", cycle.index), ("third", reset.index)):
            heading("Where the time went in the %s boot" % title)
            for name, seconds in stages(timeline, since):
                print("  %7.2f s  %s" % (seconds, name))
    return 0


def main():
    end_cleanly_on_signals()
    try:
        return run()
    except NetbootError as error:
        print("demo: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
