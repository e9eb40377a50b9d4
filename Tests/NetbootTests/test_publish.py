"""How build-base-image and build-initrd bring their files to the output directory, with an image that takes no time."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

BUILD = r"""#!/bin/sh
set -eu
program=build-test stamp=.test.stamp output=$OUTPUT
. "$TOP/scripts/microkernel.d/common.sh"
if [ "${1-}" != --inside ]; then
  confined
  exit
fi
inputs=$CONTENT
make_workspace
mkdir "$work/out"
echo "$CONTENT" >"$work/out/image"
publish "$work/out" image
"""

# Moves one file after the other, as mv does, and looks before and after each at what a reader would see.
MOVE = r"""#!/bin/sh
look() { [ ! -e "$OUTPUT/image.sha256" ] || (cd "$OUTPUT" && sha256sum --status --check image.sha256) || echo wrong >>"$SEEN"; }
for last; do :; done
for each; do
  case $each in -* | "$last") continue ;; esac
  look
  /bin/mv -f "$each" "$last" || exit
  look
done
"""

# Publishing waits in the middle, for the other end of a pipe.
COPY = r"""#!/bin/sh
if [ -n "${WAIT-}" ]; then echo waiting; cat "$WAIT"; fi
exec /bin/cp "$@"
"""


class Publish(unittest.TestCase):
    def directory(self, parent=None):
        path = tempfile.mkdtemp(dir=parent)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def setUp(self):
        self.tools = self.directory()
        for name, text in (("build", BUILD), ("mv", MOVE), ("cp", COPY)):
            with open(os.path.join(self.tools, name), "w") as file:
                file.write(text)
            os.chmod(os.path.join(self.tools, name), 0o755)
        self.seen = os.path.join(self.tools, "seen")

    def start(self, output, content, wait=""):
        environment = {**os.environ, "OUTPUT": output, "CONTENT": content, "WAIT": wait, "TOP": TOP, "SEEN": self.seen,
                       "PATH": self.tools + ":" + os.environ["PATH"]}
        process = subprocess.Popen([os.path.join(self.tools, "build")], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        return process

    def build(self, output, content):
        process = self.start(output, content)
        said = process.stdout.read()
        self.assertEqual(process.wait(), 0, said)

    def check(self, output, content):
        with open(os.path.join(output, "image")) as file:
            self.assertEqual(file.read(), content + "\n")
        with open(os.path.join(output, "image.sha256")) as file:
            self.assertEqual(file.read().split()[0], hashlib.sha256((content + "\n").encode()).hexdigest())
        self.assertEqual(sorted(os.listdir(output)), [".test.stamp", "image", "image.sha256"])

    def test_a_directory_below_dev_shm_gets_the_files(self):
        output = self.directory("/dev/shm")
        self.build(output, "one")
        self.check(output, "one")

    def test_two_builds_at_once_leave_each_other_alone(self):
        output = self.directory()
        gate = os.path.join(self.tools, "gate")
        os.mkfifo(gate)
        first = self.start(output, "one", gate)
        self.assertEqual(first.stdout.readline(), "waiting\n")
        self.build(output, "two")
        # Once for each file that is copied.
        for number in range(2):
            with open(gate, "w"):
                pass
            if number == 0:
                self.assertEqual(first.stdout.readline(), "waiting\n")
        said = first.stdout.read()
        self.assertEqual(first.wait(), 0, said)
        self.check(output, "one")

    def test_what_a_killed_build_left_is_removed_by_the_next(self):
        output = self.directory()
        gate = os.path.join(self.tools, "gate")
        os.mkfifo(gate)
        first = self.start(output, "one", gate)
        self.assertEqual(first.stdout.readline(), "waiting\n")
        first.kill()
        first.wait()
        # Until its processes have ended, too.
        left = [name for name in os.listdir(output) if name.startswith(".build-test.")]
        self.assertEqual(len(left), 1)
        descriptor = os.open(os.path.join(output, left[0]), os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.close(descriptor)
        self.build(output, "two")
        self.check(output, "two")

    def test_nobody_sees_a_digest_that_belongs_to_another_image(self):
        output = self.directory()
        for content in ("one", "two", "three"):
            self.build(output, content)
            self.check(output, content)
        self.assertFalse(os.path.exists(self.seen), "a reader saw a wrong pair")


if __name__ == "__main__":
    unittest.main()
