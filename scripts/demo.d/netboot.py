"""Boots a virtual machine over the network, has it cataloged and flashed, and shows what the server got and where the time
went. Called by scripts/demo --netboot."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "scripts", "netboot.d"))

from machine import Hardware  # noqa: E402
from rack import Rack, end_cleanly_on_signals  # noqa: E402
from stages import stages  # noqa: E402
from timeline import NetbootError  # noqa: E402

MIB = 1 << 20
PATIENCE = 900
HARDWARE = Hardware(
    vendor="Acme, Inc.", product="Rackable R100", serial="SN-4711", nics=2, nvme=[(96 * MIB, "NVME-0042")],
    megaraid=[(64 * MIB, "RAID-0001"), (80 * MIB, "RAID-0002")], ipmi=True, lldp=("rack1-leaf2", "swp7"))
# What tells of the boot; the kernel's lines and the commands' output (| and !) are left out.
TOLD = re.compile(r"^(?!.* task \d+/\d+ [|!] ).*(monorail: |rc\.local: |monorail-agent |iPXE \(|^net0: |^INIT: )")


def heading(text):
    print("\n== %s ==" % text, flush=True)


def run():
    with Rack(HARDWARE, overlays=[os.path.join(TOP, "dist", "test.overlay.cpio.gz")], server_arguments=["--digests"]) as rack:
        timeline, server = rack.timeline, rack.server
        old, new = b"o" * 131072, b"n" * 131072
        with open(rack.path("files", "bios.bin"), "wb") as file:
            file.write(new)
        for name in ("discovery", "flash"):
            server.push(Rack.NODE, {"name": name})

        def show(entry):
            if entry.kind == "console" and TOLD.search(entry.text) or entry.kind in ("qmp", "bmc") and "FILTER" not in entry.text:
                print("%7.2f  %s%s" % (entry.at - timeline.started, "" if entry.kind == "console" else "-- ", entry.text), flush=True)

        heading("The node's console, %s" % ("with KVM" if rack.accelerator == "kvm" else "on an emulated CPU"))
        timeline.listener = show
        rack.power_on()
        discovery, _ = server.wait_for_report(Rack.NODE, PATIENCE)
        flash, _ = server.wait_for_report(Rack.NODE, PATIENCE, discovery.index + 1)
        reset = timeline.wait("qmp", "^RESET guest-reset", PATIENCE, flash.index)
        timeline.wait("server", r"^GET /api/\S+/tasks/%s 404" % Rack.NODE, PATIENCE, reset.index)
        timeline.listener = None

        heading("What the server got")
        subprocess.run([server.program, "report", *server.reports(Rack.NODE)], check=True)
        heading("The node")
        subprocess.run([sys.executable, "-B", os.path.join(HERE, "discovery_table.py"), server.reports(Rack.NODE)[0]], check=True)
        heading("The flash")
        for name, content, sentence in (("backup", old, "the server has the old firmware as a backup"),
                                        ("chip", new, "the chip has the new firmware")):
            with open(rack.path("files", "%s-%s.bin" % (Rack.NODE, name)), "rb") as file:
                if file.read() != content:
                    raise NetbootError("the flash went wrong: it is not so that " + sentence)
            print("  " + sentence)
        print("  the node rebooted, came back, and was not flashed again")
        for title, since in (("first", 0), ("second", reset.index)):
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
