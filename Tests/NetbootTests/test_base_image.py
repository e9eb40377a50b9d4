"""scripts/build-base-image and an archive that does not give what is asked of it."""

import http.server
import os
import subprocess
import tempfile
import threading
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Archive(http.server.BaseHTTPRequestHandler):
    """Has an index of no suite; gives of each the status that `statuses` has, else 404."""

    statuses = {}

    def do_GET(self):
        suite = self.path.split("/")[2]
        self.send_response(self.statuses.get(suite, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class BaseImage(unittest.TestCase):
    def build(self, statuses, *options):
        """What it says, after it has failed and left nothing."""
        handler = type("Handler", (Archive,), {"statuses": statuses})
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, \
                tempfile.TemporaryDirectory() as directory:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                end = subprocess.run(
                    [os.path.join(TOP, "scripts", "build-base-image"), "--mirror",
                     "http://127.0.0.1:%d" % server.server_address[1], "-o", directory, *options],
                    env={**os.environ, "no_proxy": "127.0.0.1"}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            finally:
                server.shutdown()
                thread.join()
            self.assertEqual(end.returncode, 1, end.stderr)
            self.assertEqual(end.stdout, "")
            self.assertEqual(os.listdir(directory), [])
            return end.stderr

    def test_an_archive_that_does_not_answer_right_now_is_not_left_out(self):
        said = self.build({"bookworm": 200, "bookworm-updates": 404, "bookworm-security": 503})
        self.assertRegex(said, r"(?m)^build-base-image: http://\S+ has no bookworm-updates: going on without it$")
        self.assertRegex(said, r"(?m)^build-base-image: http://\S+ does not give its index of bookworm-security: try again")

    def test_an_archive_without_the_suite_is_named(self):
        self.assertRegex(self.build({}), r"(?m)^build-base-image: no archive of bookworm answers at http://127\.0\.0\.1:\d+: ")

    def test_an_archive_without_firmware_is_said_before_anything_is_built(self):
        said = self.build({"bookworm": 200}, "--firmware")
        self.assertRegex(said, r"(?m)^build-base-image: no archive of bookworm has the section non-free-firmware at "
                               r"http://\S+, which --firmware needs: name one that has it with --mirror, or leave")
