"""Boots a node of 512 MiB and 2 CPUs over the network, and measures it from outside: QEMU's console, and the mock server's
requests. Every figure is the median of several boots."""

import argparse
import collections
import os
import re
import statistics
import subprocess
import sys

from table import Table

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "netboot.d"))

from machine import Hardware  # noqa: E402
from rack import Rack, end_cleanly_on_signals, newest  # noqa: E402
from stages import SWITCHED, TOTAL, stages  # noqa: E402
from timeline import NetbootError  # noqa: E402

PATIENCE = 900
MEMORY = 512
MEMORY_TASK = {"tasks": [{"cmd": "cat /proc/meminfo", "source": "memory"}]}


def is_failure(task):
    if "error" not in task:
        return True
    return bool(task["error"]) and task["error"].get("code") not in task.get("acceptedResponseCodes", [])


def boot():
    """One boot with a discovery: its stages, how many tasks failed, and the node's /proc/meminfo in KiB."""
    with Rack(Hardware(memory=MEMORY, cpus=2)) as rack:
        rack.server.push(Rack.NODE, {"name": "discovery"})
        rack.server.push(Rack.NODE, MEMORY_TASK)
        rack.power_on()
        entry, report = rack.server.wait_for_report(Rack.NODE, PATIENCE)
        failed = sum(is_failure(task) for task in report["tasks"])
        _, report = rack.server.wait_for_report(Rack.NODE, PATIENCE, entry.index + 1)
        memory = {line.split(":")[0]: int(line.split()[1]) for line in report["tasks"][0]["stdout"].splitlines()}
        found = stages(rack.timeline)
        if not {TOTAL, SWITCHED} <= {name for name, _ in found}:
            raise NetbootError("the console does not tell of every stage of a boot that came to its report")
        return found, failed, memory


def largest(sizes, count=6):
    """(directory, bytes) of the largest ones, and the rest."""
    ordered = sizes.most_common()
    rest = sum(size for _, size in ordered[count:])
    return ordered[:count] + ([("the rest", rest)] if rest else [])


def by_directory(lines, size_column, name_column, depth):
    """Sums the sizes of a long listing by directories so many levels deep."""
    sizes = collections.Counter()
    for line in lines:
        words = line.split(None, name_column)
        if len(words) > name_column and words[0].startswith("-") and words[size_column].isdigit():
            parts = re.split(r" -> | link to ", words[name_column])[0].split("/")
            parts = [part for part in parts if part not in (".", "", "squashfs-root")]
            sizes["/".join(parts[:-1][:depth]) or "."] += int(words[size_column])
    return sizes


def contents(name, path):
    if name == "base image":
        output = subprocess.run(["unsquashfs", "-lln", path], check=True, capture_output=True, text=True).stdout
        return by_directory(output.splitlines(), 2, 5, 3)
    # The initramfs is one archive or several, the last one compressed; bsdtar stops at the end of the first.
    with open(path, "rb") as file:
        data = file.read()
    places = [data.find(magic) for magic in (b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"\xfd7zXZ")]
    compressed = data[min((place for place in places if place >= 0), default=0):]
    output = subprocess.run(["bsdtar", "-tvf", "-"], input=compressed, check=True, capture_output=True)
    return by_directory(output.stdout.decode(errors="replace").splitlines(), 4, 8, 3)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench boot")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="boots (3)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds is 1 or more")
    end_cleanly_on_signals()
    # The limits are for an emulated CPU, which is the same everywhere.
    accelerator = os.environ.setdefault("MONORAIL_ACCELERATOR", "tcg")
    print("booting %d times, %s" % (options.rounds, "with KVM" if accelerator == "kvm" else "on an emulated CPU"), flush=True)
    boots = [boot() for _ in range(options.rounds)]

    table = Table("figure", "measured", "floor", "ratio", "at most")
    failed = max(failed for _, failed, _ in boots)
    table.row("memory of the node that ran a discovery, %s" % ("%d tasks failed" % failed if failed else "all of it"), MEMORY,
              "MiB", None, 512, failed == 0)
    used = statistics.median((memory["MemTotal"] - memory["MemAvailable"]) / 1024 for _, _, memory in boots)
    table.row("  of that in use after it", used, "MiB", None, "–", True)
    dist = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "dist")
    files = {"base image": (newest(os.path.join(dist, "base.*.squashfs.img"), "base image"), 120),
             "initramfs": (newest(os.path.join(dist, "initrd.img-*"), "initramfs"), 40),
             "discovery overlay": (os.path.join(dist, "discovery.overlay.cpio.gz"), 6)}
    for name, (path, limit) in files.items():
        megabytes = os.path.getsize(path) / 1e6
        table.row(name, megabytes, "MB", None, limit, megabytes <= limit)
    names = [name for name, _ in boots[0][0]]
    medians = {name: statistics.median(dict(found)[name] for found, _, _ in boots) for name in names}
    limits = {TOTAL: 60, SWITCHED: 8}
    for name in names:
        if name in limits:
            table.row(name, medians[name], "s", None, limits[name], medians[name] <= limits[name])
    table.show()

    print("\nWhere the time goes, in seconds:")
    for name in names:
        if name not in limits:
            print("  %6.2f  %s" % (medians[name], name))
    print("\nWhat is in them, in MB before compression:")
    for name, (path, _) in files.items():
        found = largest(contents(name, path))
        print("  %s: %s" % (name, ", ".join("%s %.1f" % (place, size / 1e6) for place, size in found)))
    if options.json:
        table.save(options.json)
    return 0 if table.is_within_limits else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NetbootError as error:
        sys.exit("bench: %s" % error)
