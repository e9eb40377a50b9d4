"""Boots one virtual machine over the network, and shows what its agent reports. Called by scripts/netboot."""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import termios
import threading
import tty

from firmware import KINDS
from machine import Hardware
from network import Trouble
from rack import Rack, end_cleanly_on_signals
from stages import stages
from tables import print_node, print_workflow
from timeline import NetbootError
from workflow import add_file, add_workflow, option, options

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


def vlan(text):
    if not text.isdigit() or not 1 <= int(text) <= 4094:
        raise argparse.ArgumentTypeError("%r is no VLAN: they have the numbers 1 to 4094" % text)
    return int(text)


def workflow_option(text):
    try:
        return option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text):
    if not text.isdigit() or not 1 <= int(text) <= 8:
        raise argparse.ArgumentTypeError("%r is no number from 1 to 8" % text)
    return int(text)


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/netboot", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Boots a virtual machine the way a rack boots: ROM, DHCP, iPXE, the mock server's profile, kernel and\n"
        "initramfs over HTTP, base image and overlays into memory, rc.local, agent. Shows the console with\n"
        "seconds since the start, then what the workflows did and what the server knows of the node. Workflows switch\n"
        "the machine's power, too. Ends with 0 when each workflow succeeded.",
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
    boot = parser.add_argument_group("firmware and network")
    boot.add_argument("--firmware", choices=KINDS, default="bios", help="of the machine (bios)")
    boot.add_argument("--network", choices=("user", "rack"),
                      help="QEMU's own, or a rack's: bridge, DHCP server and TFTP in a network namespace (user for bios, else rack)")
    boot.add_argument("--nic-model", default="virtio", metavar="MODEL", help="virtio, e1000, e1000e, vmxnet3, … as QEMU has them (virtio)")
    boot.add_argument("--link-after", type=positive, default=0, metavar="SECONDS",
                      help="the boot NIC's link is down for so long from the kernel's start on")
    trouble = parser.add_argument_group("a rack's network with troubles")
    trouble.add_argument("--first-nic-without-dhcp", action="store_true", help="the machine boots from its second NIC")
    trouble.add_argument("--vlan", type=vlan, metavar="ID", help="the node's network is that VLAN, tagged; firmware boots without a tag")
    trouble.add_argument("--dhcp-relay", action="store_true", help="the DHCP server is behind a router")
    trouble.add_argument("--two-dhcp-servers", action="store_true", help="another one answers, too, and knows of no boots")
    trouble.add_argument("--lease-changes", action="store_true", help="the node gets another address when it renews its lease")
    trouble.add_argument("--mtu-9000", action="store_true", help="the DHCP server tells an MTU of 9000, and the switch has 1500")
    parser.add_argument("--overlay", action="append", default=[], metavar="FILE",
                        help="instead of dist/discovery.overlay.cpio.gz; may be repeated, later ones win")
    parser.add_argument("--workflow", action="append", default=[], metavar="NAME|FILE",
                        help="a graph that the server has, a file FILE.json with a graph and its tasks or with a task set, or\n"
                        "a task set of scripts/netboot.d/workflows; may be repeated, one runs after the other\n"
                        "(Graph.Discovery)")
    parser.add_argument("--option", action="append", default=[], type=workflow_option, metavar="LABEL.NAME=VALUE",
                        help="of the graphs: VALUE is JSON, and what is no JSON is text; may be repeated")
    parser.add_argument("--definitions", action="append", default=[], metavar="FILE",
                        help="more tasks and graphs, for --workflow to use; may be repeated")
    parser.add_argument("--file", action="append", default=[], metavar="FILE",
                        help="what tasks find below {{ api.files }}, as firmware; may be repeated")
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
    elif entry.kind != "server" or re.match(r"node |task |GET /common/", entry.text):
        print("%7.2f  -- %s: %s" % (entry.at - started, entry.kind, entry.text), flush=True)


def run_workflow(name, given, server, node, limit):
    """Starts it, and waits until it has ended: the run of a graph, or None for a task set; and whether all went well."""
    since = len(server.timeline)
    started = server.push(node, {"name": name, "options": given})
    if "instanceId" in started:
        _, workflow = server.wait_for_workflow(started["instanceId"], limit, since)
        return workflow, workflow["status"] == "succeeded"
    entry, _ = server.wait_for_report(node, limit, since)
    return None, not entry.data["failures"]


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


def run(given):
    vendor, product, serial = given.smbios
    hardware = Hardware(
        memory=given.memory, cpus=given.cpus, vendor=vendor, product=product, serial=serial, nics=given.nics,
        disks=[(size, "DISK-%d" % number) for number, size in enumerate(given.disk)],
        nvme=[(size, "NVME-%d" % number) for number, size in enumerate(given.nvme)],
        megaraid=[(size, "RAID-%d" % number) for number, size in enumerate(given.megaraid)],
        ipmi=given.ipmi, lldp=given.lldp, firmware=given.firmware, nic_model=given.nic_model, link_after=given.link_after)
    troubles = {"first_nic_without_dhcp": given.first_nic_without_dhcp, "vlan": given.vlan, "relay": given.dhcp_relay,
                "two_servers": given.two_dhcp_servers, "lease_changes": given.lease_changes, "mtu_9000": given.mtu_9000}
    extra = ["--kernel-args=" + text for text in given.kernel_args + (["monorail.debug"] if given.console else [])]
    rack = Rack(hardware, overlays=given.overlay, results=given.results, network=given.network,
                trouble=Trouble(**troubles) if any(troubles.values()) else None,
                server_arguments=extra + (["--digests"] if given.digests else []))
    rack.timeline.listener = lambda entry: show(entry, rack.timeline.started)
    print("netboot: %s; %s" % ({"kvm": "KVM"}.get(rack.accelerator, "emulated CPU"), ", ".join(
        "%s %s" % (name, os.path.basename(path)) for name, path in rack.files.items())), flush=True)
    with contextlib.ExitStack() as stack:
        try:
            names = [add_workflow(each, rack.path("workflows"))
                     for each in given.workflow or ([] if given.console else ["Graph.Discovery"])]
            for path in given.definitions:
                add_file(path, rack.path("workflows"))
            for path in given.file:
                shutil.copy(path, rack.path("files"))
        except BaseException:
            rack.close()
            raise
        stack.enter_context(rack)
        server = rack.server
        if given.console:
            rack.timeline.listener = None
        machine = rack.power_on()
        if given.console:
            stack.enter_context(interactive(machine))
        ended = [run_workflow(name, options(given.option), server, rack.NODE, given.time_limit) for name in names]
        rack.timeline.listener = None
        if names:
            show_results(rack, [workflow for workflow, _ in ended if workflow])
        if given.keep or given.console:
            print("\nnetboot: the server is at http://%s:%d%s; Ctrl-C ends it, and the node" % (
                rack.network.host, server.port, rack.network.way), flush=True)
            if not given.console:
                rack.timeline.listener = lambda entry: show(entry, rack.timeline.started)
            rack.machine.wait()
        return 0 if all(well for _, well in ended) else 1


def show_results(rack, workflows):
    server = rack.server
    # A workflow that only switches the power has none.
    if server.reports(rack.NODE):
        print("\n== What the node reported ==", flush=True)
        subprocess.run([server.program, "report", *server.reports(rack.NODE)], check=True)
    for workflow in workflows:
        print("\n== %s ==" % workflow["injectableName"])
        print_workflow(workflow)
    print("\n== What the server knows of the node ==")
    print_node(server.catalogs(rack.NODE))
    print("\n== Where the time went ==")
    for name, seconds in stages(rack.timeline):
        print("  %7.2f s  %s" % (seconds, name))


def main():
    given = arguments()
    end_cleanly_on_signals()
    try:
        return run(given)
    except (NetbootError, OSError) as error:
        print("netboot: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
