"""Measures builds of a recipe, each beside what it cannot do without.

The packages come from an archive on this machine's loopback, so that no network is measured.
"""

import functools
import http.server
import os
import shutil
import subprocess
import threading

PACKAGES = 4
# Bytes in each of them; what they hold is of this machine's /usr.
PACKAGE_SIZE = 10_000_000
CONTROL = "Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: N. N. <n@example.org>\nDescription: for measuring\n"
RECIPE = """archives: ["%s"]
packages: [%s]
files:
  - {source: number, target: /etc/number}
commands:
  - ldconfig
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Builds:
    def __init__(self, bench, tree, base, agent):
        """bench: what runs programs, and has the table. tree: a directory with files for the packages."""
        self.bench, self.base, self.agent = bench, base, agent
        self.names = ["measured-%d" % number for number in range(PACKAGES)]
        self.archive, self.recipes, self.cache = (bench.path(name) for name in ("archive", "recipes", "cache"))
        self.output = bench.path("built.overlay.cpio.gz")
        os.mkdir(self.archive)
        os.mkdir(self.recipes)
        files = (os.path.join(place, name) for place, _, names in os.walk(tree) for name in sorted(names))
        for name in self.names:
            self._make_package(name, files)
        with open(os.path.join(self.archive, "Packages"), "wb") as index:
            subprocess.run(["dpkg-scanpackages", "."], cwd=self.archive, check=True, stdout=index, stderr=subprocess.DEVNULL)
        self.builds = 0

    def _make_package(self, name, files):
        root = self.bench.path(name)
        place = os.path.join(root, "usr/lib", name)
        os.makedirs(place)
        os.mkdir(os.path.join(root, "DEBIAN"))
        with open(os.path.join(root, "DEBIAN/control"), "w") as file:
            file.write(CONTROL % name)
        size = 0
        for number, path in enumerate(files):
            if not os.path.islink(path):
                size += os.path.getsize(path)
                with open(path, "rb") as source, open(os.path.join(place, "%d" % number), "wb") as target:
                    # Then no file is a program, whose libraries would be missing.
                    target.write(b"\n")
                    shutil.copyfileobj(source, target)
            if size > PACKAGE_SIZE:
                break
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", root, self.archive], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(root)

    def measure(self):
        handler = functools.partial(Quiet, directory=self.archive)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                self.line = "deb [trusted=yes] http://127.0.0.1:%d/ ./" % server.server_address[1]
                with open(os.path.join(self.recipes, "measured.yaml"), "w") as file:
                    file.write(RECIPE % (self.line, ", ".join(self.names)))
                self._measure()
            finally:
                server.shutdown()
                thread.join()

    def _measure(self):
        self._compare("build, all of it, shell -- apt-get install", self._full, self._apt, 4)
        self._compare("build, one file changed, pack", self._changed, self._pack, 5)
        self._compare("build, nothing changed, sha256sum", self._unchanged, self._digests, 2)

    def _compare(self, figure, ours, theirs, limit):
        """Whether ours takes at most so many times as long. Each is called once a round, and returns seconds."""
        rounds = [(ours(), theirs()) for _ in range(self.bench.rounds)]
        ratio, value, floor = sorted((a / b, a, b) for a, b in rounds)[self.bench.rounds // 2]
        self.bench.table.row(figure, value, "s", floor, "%g × as long" % limit, ratio <= limit, ratio)

    def _build(self):
        command = ["build", os.path.join(self.recipes, "measured.yaml"), "--base", self.base, "--cache", self.cache,
                   "-o", self.output, "--agent", self.agent]
        return self.bench.run(self.bench.tool, *command, quiet=True)[0]

    def _change(self):
        self.builds += 1
        with open(os.path.join(self.recipes, "number"), "w") as file:
            print(self.builds, file=file)

    def _full(self):
        """Without anything of an earlier build."""
        self._change()
        shutil.rmtree(self.cache, ignore_errors=True)
        lock = os.path.join(self.recipes, "measured.lock")
        if os.path.exists(lock):
            os.unlink(lock)
        return self._build()

    def _changed(self):
        self._change()
        return self._build()

    def _unchanged(self):
        return self._build()

    def _apt(self):
        archive = self.bench.path("apt.cpio.gz")
        if os.path.exists(archive):
            os.unlink(archive)
        script = ("rm -rf /etc/apt/sources.list.d; echo '%s' >/etc/apt/sources.list; apt-get -q update; "
                  "apt-get -q -y --no-install-recommends install %s" % (self.line, " ".join(self.names)))
        return self.bench.run(self.bench.tool, "shell", "--base", self.base, archive, "--", "sh", "-euc", script,
                              quiet=True)[0]

    def _pack(self):
        """Of the same files."""
        tree = self.bench.path("unpacked")
        if not os.path.exists(tree):
            self.bench.run(self.bench.tool, "unpack", self.output, tree, quiet=True)
        return self.bench.run(self.bench.tool, "pack", tree, "-o", self.bench.path("packed.cpio.gz"), "--no-required",
                              quiet=True)[0]

    def _digests(self):
        return self.bench.run("/usr/bin/sha256sum", self.base, self.agent, quiet=True)[0]
