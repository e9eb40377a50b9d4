"""Boots one virtual machine over the network, and shows what its agent reports. Called by scripts/netboot."""

import argparse
import contextlib
import glob
import os
import re
import shutil
import subprocess
import sys
import termios
import threading
import tty

from machine import Hardware
from rack import HERE, Rack, end_cleanly_on_signals
from stages import stages
from timeline import NetbootError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text):
    match = re.fullmatch(r"(\d+)([KMGT]?)", text.upper())
    if not match or int(match.group(1)) == 0:
        raise argparse.ArgumentTypeError("%r is no size: write 64M or 2G" % text)
    return int(match.group(1)) * UNITS[match.group(2)]


def identity(text):
    parts = text.split("/")
    if len(parts) != 3 or not all(parts):
        raise argparse.ArgumentTypeError("%r is not VENDOR/PRODUCT/SERIAL" % text)
    return parts


def neighbor(text):
    parts = text.split("/", 1)
    if len(parts) != 2 or not all(parts):
        raise argparse.ArgumentTypeError("%r is not SWITCH/PORT" % text)
    return tuple(parts)


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("%r is no number above 0" % text)
    return int(text)


def count(text):
    if not text.isdigit() or not 1 <= int(text) <= 8:
        raise argparse.ArgumentTypeError("%r is no number from 1 to 8" % text)
    return int(text)


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/netboot", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Boots a virtual machine the way a rack boots: ROM, DHCP, iPXE, the mock server's profile, kernel and\n"
        "initramfs over HTTP, base image and overlays into memory, rc.local, agent. Shows the console with\n"
        "seconds since the start, then what the node reported. Ends with 0 when no task failed.",
        epilog="Builds first what is missing in dist/, and what has changed. MONORAIL_ACCELERATOR=kvm or tcg spares the\n"
        "probe for a KVM that works.")
    parser.add_argument("--memory", type=positive, default=512, metavar="MIB", help="of the machine (512)")
    parser.add_argument("--cpus", type=count, default=2, help="of the machine (2)")
    parser.add_argument("--smbios", type=identity, default=["Monorail", "Virtual node", "MR-0001"],
                        metavar="VENDOR/PRODUCT/SERIAL", help="what dmidecode shows")
    parser.add_argument("--disk", type=size, action="append", default=[], metavar="SIZE", help="a virtio disk; may be repeated")
    parser.add_argument("--nvme", type=size, action="append", default=[], metavar="SIZE", help="an NVMe disk; may be repeated")
    parser.add_argument("--megaraid", type=size, action="append", default=[], metavar="SIZE",
                        help="a disk behind a MegaRAID controller; may be repeated")
    parser.add_argument("--ipmi", action="store_true", help="a simulated BMC")
    parser.add_argument("--lldp", type=neighbor, metavar="SWITCH/PORT", help="what the boot NIC's neighbor says it is: rack1-leaf2/swp7")
    parser.add_argument("--nics", type=count, default=1, metavar="N", help="the first boots, the others have a link (1)")
    parser.add_argument("--overlay", action="append", default=[], metavar="FILE",
                        help="instead of dist/discovery.overlay.cpio.gz; may be repeated, later ones win")
    parser.add_argument("--workflow", action="append", default=[], metavar="NAME",
                        help="one of scripts/netboot.d/workflows, or a file FILE.json; variables are filled in, in either;\n"
                        "may be repeated (discovery)")
    parser.add_argument("--file", action="append", default=[], metavar="FILE",
                        help="what tasks find below <%%=api.files%%>, as firmware; may be repeated")
    parser.add_argument("--kernel-args", action="append", default=[], metavar="TEXT", help="more kernel parameters")
    parser.add_argument("--digests", action="store_true", help="give the node the images' SHA-256, to verify them")
    parser.add_argument("--console", action="store_true",
                        help="a root shell on the console, to type at; Ctrl-C ends the machine")
    parser.add_argument("--keep", action="store_true", help="leave machine and server on after the results, until Ctrl-C")
    parser.add_argument("--results", metavar="DIR", help="keep reports and syslog there")
    parser.add_argument("--time-limit", type=positive, default=900, metavar="SECONDS", help="for each workflow (900)")
    return parser.parse_args()


def show(entry, started):
    if entry.kind == "console":
        print("%7.2f  %s" % (entry.at - started, entry.text), flush=True)
    elif entry.kind != "server" or re.match(r"node |GET /common/", entry.text):
        print("%7.2f  -- %s: %s" % (entry.at - started, entry.kind, entry.text), flush=True)


def is_file(workflow):
    """Whether --workflow names a file, or a workflow of this directory."""
    if workflow.endswith(".json"):
        if not os.path.isfile(workflow):
            raise NetbootError("there is no file %s" % workflow)
        return True
    if not os.path.exists(os.path.join(HERE, "workflows", workflow + ".json")):
        names = sorted(os.path.basename(file)[:-5] for file in glob.glob(os.path.join(HERE, "workflows", "*.json")))
        raise NetbootError("there is no workflow %s; there are: %s; a file's name ends in .json" % (workflow, ", ".join(names)))
    return False


@contextlib.contextmanager
def interactive(machine):
    """This terminal as the node's console; but Ctrl-C stays what it is."""

    def write(piece):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()

    def read():
        try:
            while data := os.read(sys.stdin.fileno(), 4096):
                machine.type(data)
        except (OSError, ValueError):
            pass

    before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    try:
        if before:
            tty.setcbreak(sys.stdin)
        machine.raw = write
        threading.Thread(target=read, daemon=True).start()
        yield
    finally:
        machine.raw = None
        if before:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def run(options):
    vendor, product, serial = options.smbios
    hardware = Hardware(
        memory=options.memory, cpus=options.cpus, vendor=vendor, product=product, serial=serial, nics=options.nics,
        disks=[(size, "DISK-%d" % number) for number, size in enumerate(options.disk)],
        nvme=[(size, "NVME-%d" % number) for number, size in enumerate(options.nvme)],
        megaraid=[(size, "RAID-%d" % number) for number, size in enumerate(options.megaraid)],
        ipmi=options.ipmi, lldp=options.lldp)
    workflows = [(name, is_file(name)) for name in options.workflow or ([] if options.console else ["discovery"])]
    extra = ["--kernel-args=" + text for text in options.kernel_args + (["monorail.debug"] if options.console else [])]
    rack = Rack(hardware, overlays=options.overlay, results=options.results,
                server_arguments=extra + (["--digests"] if options.digests else []))
    rack.timeline.listener = lambda entry: show(entry, rack.timeline.started)
    print("netboot: %s; %s" % ({"kvm": "KVM"}.get(rack.accelerator, "emulated CPU"), ", ".join(
        "%s %s" % (name, os.path.basename(path)) for name, path in rack.files.items())), flush=True)
    with rack, contextlib.ExitStack() as stack:
        server = rack.server
        for path in options.file:
            shutil.copy(path, rack.path("files"))
        for name, named_file in workflows:
            server.push(rack.NODE, {"name": rack.add_workflow(name) if named_file else name})
        if options.console:
            rack.timeline.listener = None
        machine = rack.power_on()
        if options.console:
            stack.enter_context(interactive(machine))
        since, failures = 0, 0
        for _ in workflows:
            entry, report = server.wait_for_report(rack.NODE, options.time_limit, since)
            since = entry.index + 1
            failures += bool(entry.data["failures"])
        rack.timeline.listener = None
        if workflows:
            print("\n== What the node reported ==", flush=True)
            subprocess.run([server.program, "report", *server.reports(rack.NODE)], check=True)
            print("\n== Where the time went ==")
            for name, seconds in stages(rack.timeline):
                print("  %7.2f s  %s" % (seconds, name))
        if options.keep or options.console:
            print("\nnetboot: the server is at http://127.0.0.1:%d; Ctrl-C ends it, and the node" % server.port, flush=True)
            if not options.console:
                rack.timeline.listener = lambda entry: show(entry, rack.timeline.started)
            machine.wait()
        return 1 if failures else 0


def main():
    options = arguments()
    end_cleanly_on_signals()
    try:
        return run(options)
    except (NetbootError, OSError) as error:
        print("netboot: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
