"""scripts/rack: writes, runs and checks what the machines of a rack boot from."""

import argparse
import os
import signal
import sys

import settings as values
from checking import check
from interfaces import addresses_of
from problem import Problem
from running import run
from writing import refresh, write


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/rack", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sets up what the machines of a rack boot from: dnsmasq for DHCP and TFTP, nginx for images,\n"
        "monorail-mock for the rest. BIOS, UEFI (PXE and HTTP boot) and Secure Boot; docs/racks.md tells how each of them boots.",
        epilog="  scripts/rack write --interface eth1 -o /srv/rack\n  scripts/rack check /srv/rack\n  scripts/rack run /srv/rack")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    each = commands.add_parser("write", help="write the configuration, and fetch the boot programs",
                               description="Writes a directory with all that `run` needs. Changes nothing else here.")
    each.add_argument("--interface", required=True, metavar="NAME", help="where the nodes are; it has an IPv4 address")
    each.add_argument("-o", "--output", required=True, metavar="DIR", help="a directory for this rack; may be there")
    each.add_argument("--mode", choices=["server", "proxy"], default="server",
                      help="proxy: another server gives the addresses, this one says what to boot (server)")
    each.add_argument("--range", metavar="FROM,TO", help="addresses for nodes (a half of the interface's network)")
    each.add_argument("--lease", default="1h", metavar="TIME", help="how long an address is a node's: 30m, 1h, 2d (1h)")
    each.add_argument("--router", default="", metavar="ADDRESS", help="given to nodes (none)")
    each.add_argument("--dns", default="", metavar="ADDRESS", help="given to nodes (none)")
    each.add_argument("--boot-dir", default="dist", metavar="DIR", help="kernel, initramfs, base image and overlays (dist)")
    each.add_argument("--port", type=int, default=8080, help="of the server (8080)")
    each.add_argument("--image-port", type=int, default=8081, metavar="PORT", help="of nginx (8081)")
    each.add_argument("--secure-boot", action="append", default=[], metavar="MAC|all",
                      help="UEFI machines with Secure Boot on: they get Debian's shim, GRUB and kernel; may be repeated")
    each.add_argument("--own-drivers", action="append", default=[], metavar="MAC|all",
                      help="UEFI machines whose firmware drives their NIC badly: they get an iPXE with drivers of its\n"
                      "own; may be repeated")
    each.add_argument("--user", default="nobody", metavar="NAME", help="as whom dnsmasq and nginx's workers run (nobody)")

    each = commands.add_parser("run", help="run the three servers until Ctrl-C",
                               description="Runs dnsmasq, nginx and monorail-mock; when one ends, all end. Needs root.")
    each.add_argument("directory", metavar="DIR", help="what `write` wrote")
    each.add_argument("extra", nargs="*", metavar="-- OPTION", help="more options for `monorail-mock serve`, behind --")

    each = commands.add_parser("check", help="tell what a node of each kind would get",
                               description="Starts the servers with this configuration in network namespaces, where nobody\n"
                               "else is, asks them as a node of each kind does, and loads what they name. Needs root.",
                               formatter_class=argparse.RawDescriptionHelpFormatter)
    each.add_argument("directory", metavar="DIR", help="what `write` wrote")

    # The name that people try first.
    return parser.parse_args(["check" if word == "--check" else word for word in sys.argv[1:]])


def written(given):
    local, prefix = addresses_of(given.interface)[0]
    boot = os.path.abspath(given.boot_dir)
    if not os.path.isdir(boot):
        raise Problem("there is no directory %s: build images with scripts/build-base-image and scripts/build-initrd" % boot)
    for option, port in (("--port", given.port), ("--image-port", given.image_port)):
        if not 0 < port < 65536:
            raise Problem("%s %d is no port: give one from 1 to 65535" % (option, port))
    if given.port == given.image_port:
        raise Problem("--port and --image-port are both %d: the server and nginx need one each" % given.port)
    first, last = "", ""
    if given.range:
        ends = given.range.split(",")
        if len(ends) != 2:
            raise Problem("--range %s is not FROM,TO: write it as 10.1.0.100,10.1.0.199" % given.range)
        first, last = (values.address(each) for each in ends)
    made = values.Settings(
        interface=given.interface, address=local, prefix=prefix, directory=os.path.abspath(given.output),
        boot_directory=boot, mode=given.mode, first=first, last=last, lease=given.lease,
        router=given.router and values.address(given.router), name_server=given.dns and values.address(given.dns),
        port=given.port, image_port=given.image_port, secure_boot=values.machines(given.secure_boot),
        own_drivers=values.machines(given.own_drivers), user=given.user)
    made.check()
    write(made)
    print("rack: wrote %s for %s (%s/%d): check it with scripts/rack check %s, then scripts/rack run %s" % (
        made.directory, made.interface, local, prefix, given.output, given.output))
    return 0


def main():
    given = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        if given.command == "write":
            return written(given)
        if given.command == "check":
            return check(given.directory)
        loaded = values.load(given.directory)
        refresh(loaded)
        return run(loaded, given.extra)
    except (Problem, OSError) as error:
        print("rack: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
