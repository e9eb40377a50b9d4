"""Measures the packer beside the pipes that it replaces, on 200 MB of this machine's /usr, and builds of a recipe.

Every time is of the round whose ratio is the median; the rounds take turns, so that both sides meet the same machine.
"""

import argparse
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time

from builds import Builds
from table import Table

TREE_SIZE = 200_000_000
SPARSE_SIZE = 3_000_000_000
SMALL_FILES = 100_000
MEMORY_LIMIT = 64

CPIO = "find . | LC_ALL=C cpio --quiet -H newc -o"


class Tree:
    """The first files of /usr by name, as many as make 200 MB, with the directories and links between them."""

    def __init__(self, path):
        self.path = path
        self.size = 0
        self.entries = 0
        self.inodes = {}
        os.mkdir(path)
        for directory, names, files in os.walk("/usr"):
            names.sort()
            self.take(directory)
            links = [name for name in names if os.path.islink(os.path.join(directory, name))]
            for name in sorted(files + links):
                if self.size >= TREE_SIZE:
                    return
                self.take(os.path.join(directory, name))

    def take(self, source):
        status = os.lstat(source)
        target = os.path.join(self.path, os.path.relpath(source, "/usr"))
        self.entries += 1
        if stat.S_ISDIR(status.st_mode):
            os.makedirs(target, exist_ok=True)
            os.chmod(target, stat.S_IMODE(status.st_mode) | 0o700)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISREG(status.st_mode):
            first = self.inodes.setdefault(status.st_ino, target)
            if first != target:
                os.link(first, target)
                return
            # Not the extended attributes: an archive cannot hold them.
            shutil.copyfile(source, target)
            os.chmod(target, stat.S_IMODE(status.st_mode))
            self.size += status.st_size


class Bench:
    def __init__(self, arguments):
        self.tool = os.path.abspath(arguments.tool)
        self.work = arguments.work
        self.rounds = arguments.rounds
        self.table = Table("figure", "measured", "beside it", "", "limit")

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *command, quiet=False):
        """Seconds, and the most MiB that were resident at once. quiet: what it says is shown only when it fails."""
        with tempfile.TemporaryFile() as said:
            outputs = [(os.POSIX_SPAWN_DUP2, said.fileno(), number) for number in (1, 2)] if quiet else []
            began = time.monotonic()
            pid = os.posix_spawn(command[0], command, {"PATH": os.environ["PATH"], "LC_ALL": "C"}, file_actions=outputs)
            _, status, usage = os.wait4(pid, 0)
            seconds = time.monotonic() - began
            if status:
                said.seek(0)
                raise SystemExit("bench: this failed: %s\n%s" % (" ".join(command), said.read().decode(errors="replace")))
        return seconds, usage.ru_maxrss / 1024

    def shell(self, command, directory):
        return self.run("/bin/sh", "-c", "cd '%s' && %s" % (directory, command))

    def pack(self, directory, archive, *options):
        return self.run(self.tool, "pack", directory, "-o", archive, "--no-required", *options)

    def unpack(self, archive, directory):
        """Into a new directory, which is gone afterwards."""
        figures = self.run(self.tool, "unpack", archive, directory)
        shutil.rmtree(directory)
        return figures

    def size(self, name):
        return os.path.getsize(self.path(name))

    def make_tree(self):
        tree = Tree(self.path("tree"))
        print("%d entries of /usr, %.0f MB; %d processors" % (tree.entries, tree.size / 1e6, len(os.sched_getaffinity(0))))
        # Into the page cache.
        self.shell("find . -type f -exec cat {} + >/dev/null", tree.path)

    def compare(self, figure, ours, theirs, at_least):
        """Whether ours is so many times as fast. Each is called once a round, and returns seconds."""
        rounds = [(ours(), theirs()) for _ in range(self.rounds)]
        ratio, value, floor = sorted((b / a, a, b) for a, b in rounds)[self.rounds // 2]
        limit = "%g × as fast" % at_least if at_least > 1 else "as fast"
        self.table.row(figure, value, "s", floor, limit, ratio >= at_least, ratio)

    def speed(self):
        tree = self.path("tree")
        memory = []

        def pack():
            seconds, resident = self.pack(tree, self.path("ours.cpio.gz"))
            memory.append(resident)
            return seconds

        def pipe(compressor):
            archive = self.path("theirs.%s.cpio.gz" % compressor.split()[0])
            return lambda: self.shell("%s | %s >'%s'" % (CPIO, compressor, archive), tree)[0]

        self.compare("pack, find | cpio | gzip -6", pack, pipe("gzip -6"), 1.8)
        ours, theirs = self.size("ours.cpio.gz") / 1e6, self.size("theirs.gzip.cpio.gz") / 1e6
        self.table.row("  its result", ours, "MB", theirs, "no larger", ours <= theirs)
        self.compare("pack, find | cpio | pigz", pack, pipe("pigz"), 1)
        self.memory("pack, resident", memory)

        memory = []

        def unpack():
            seconds, resident = self.unpack(self.path("ours.cpio.gz"), self.path("out"))
            memory.append(resident)
            return seconds

        def unpipe():
            out = self.path("out")
            os.mkdir(out)
            seconds, _ = self.shell("gzip -dc '%s' | cpio --quiet -id" % self.path("ours.cpio.gz"), out)
            shutil.rmtree(out)
            return seconds

        self.compare("unpack, gzip -dc | cpio -id", unpack, unpipe, 1)
        self.memory("unpack, resident", memory)

    def memory(self, figure, values):
        self.table.row(figure, max(values), "MiB", None, MEMORY_LIMIT, max(values) <= MEMORY_LIMIT)

    def memory_of(self, name, fill):
        directory, archive = self.path(name), self.path("memory.cpio.gz")
        os.mkdir(directory)
        fill(directory)
        self.memory("pack, resident, %s" % name, [self.pack(directory, archive)[1]])
        shutil.rmtree(directory)
        self.memory("unpack, resident, %s" % name, [self.unpack(archive, directory)[1]])

    def large_trees(self):
        def sparse(directory):
            with open(os.path.join(directory, "sparse"), "wb") as file:
                file.truncate(SPARSE_SIZE)

        def many(directory):
            for number in range(SMALL_FILES):
                place = os.path.join(directory, "%03d" % (number // 1000))
                if number % 1000 == 0:
                    os.mkdir(place)
                with open(os.path.join(place, "a-file-of-some-package-%06d" % number), "w") as file:
                    file.write("%d\n" % number)

        self.memory_of("3 GB in one file", sparse)
        self.memory_of("100,000 files", many)

    def compressors(self):
        """What the choice was made from."""
        print("%-28s %8s %8s %8s" % ("", "pack", "size", "unpack"))
        tree, archive = self.path("tree"), self.path("choice")
        ours = [("gzip", level) for level in (1, 3, 6, 8, 9, 12)] + [("zstd", level) for level in (3, 12, 19)] + [
            ("xz", level) for level in (0, 3, 6)] + [("none", None)]
        for compression, level in ours:
            options = ["--compression", compression] + (["--level", str(level)] if level is not None else [])
            packing = self.pack(tree, archive, *options)[0]
            size = os.path.getsize(archive)
            unpacking = self.unpack(archive, self.path("out"))[0]
            print("%-28s %6.1f s %5.1f MB %6.1f s" % (
                "pack %s %s" % (compression, "" if level is None else level), packing, size / 1e6, unpacking), flush=True)
        for compressor in ("gzip -6", "pigz -6", "pigz -9", "zstd -T0 -q -12", "xz -T0 -3"):
            packing = self.shell("%s | %s >'%s'" % (CPIO, compressor, archive), tree)[0]
            print("%-28s %6.1f s %5.1f MB" % (
                "cpio | " + compressor, packing, os.path.getsize(archive) / 1e6), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--base", help="a base image with apt, for builds of a recipe; they need root")
    parser.add_argument("--agent", help="for these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the figures to this file, too")
    parser.add_argument("--compressors", action="store_true", help="only a table of what each compressor and level takes")
    arguments = parser.parse_args()
    if subprocess.run(["sh", "-c", "command -v cpio pigz"], stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("bench: cpio or pigz is missing; scripts/setup installs them")
    bench = Bench(arguments)
    bench.make_tree()
    if arguments.compressors:
        bench.compressors()
        return
    bench.speed()
    bench.large_trees()
    if arguments.base:
        Builds(bench, bench.path("tree"), arguments.base, os.path.abspath(arguments.agent)).measure()
    bench.table.show()
    if arguments.json:
        bench.table.save(arguments.json)
    sys.exit(0 if bench.table.is_within_limits else 1)


main()
