"""How scripts read apt's sources: both of apt's formats, for images and for source packages."""

import os
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = '. "$0/archives.sh"; archives_of_apt "$1" "$0" "$2"'

LINES = """# deb http://commented/debian CODENAME main
deb http://a/debian/ CODENAME main contrib
deb [signed-by=/usr/share/keyrings/x.gpg arch=amd64,i386] http://b/debian CODENAME-updates main
deb http://c/debian other main
deb http://d/debian CODENAME contrib
deb-src http://e/debian CODENAME main
"""
FIELDS = """Types: deb deb-src
# a comment
URIs: http://f/debian http://g/debian
Suites: CODENAME CODENAME-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://h/debian
Suites: CODENAME
Components: main
Enabled: no

Types: deb-src
URIs: http://i/debian
Suites: CODENAME
Components: main

Types: deb
URIs: http://a/debian
Suites: CODENAME
Components: main
"""


class Archives(unittest.TestCase):
    def archives(self, form, wanted=""):
        with open("/etc/os-release") as file:
            codename = next(line.split("=")[1].strip() for line in file if line.startswith("VERSION_CODENAME="))
        with tempfile.TemporaryDirectory() as etc:
            os.mkdir(os.path.join(etc, "sources.list.d"))
            for name, text in (("sources.list", LINES), ("sources.list.d/x.sources", FIELDS)):
                with open(os.path.join(etc, name), "w") as file:
                    file.write(text.replace("CODENAME", codename))
            output = subprocess.run(["sh", "-euc", SCRIPT, os.path.join(TOP, "scripts"), form, wanted], check=True,
                                    env={**os.environ, "APT_ETC": etc}, capture_output=True, text=True).stdout
            return output.replace(codename, "CODENAME"), etc, output

    def test_addresses(self):
        self.assertEqual(self.archives("addresses", "trixie")[0].splitlines(), [
            "http://a/debian trixie", "http://b/debian trixie-updates", "http://f/debian trixie",
            "http://f/debian trixie-security", "http://g/debian trixie", "http://g/debian trixie-security"])

    def test_sources_are_what_apt_reads(self):
        text, _, written = self.archives("sources")
        paragraphs = text.strip().split("\n\n")
        self.assertEqual(len(paragraphs), 6)
        self.assertEqual(paragraphs[0], "Types: deb-src\nURIs: http://a/debian\nSuites: CODENAME\nComponents: main")
        self.assertIn("signed-by: /usr/share/keyrings/x.gpg\nArchitectures: amd64 i386", paragraphs[1])
        self.assertIn("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n", paragraphs[2])
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "x.sources"), "w") as file:
                file.write(written)
            listed = subprocess.run(
                ["apt-get", "-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=" + directory, "-o",
                 "Dir::State::Lists=" + directory, "--print-uris", "update"], check=True, capture_output=True, text=True)
        self.assertEqual(listed.stderr, "")
        self.assertEqual(len([line for line in listed.stdout.splitlines() if "InRelease" in line]), 6)


class Setup(unittest.TestCase):
    def test_it_needs_no_home(self):
        environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
        end = subprocess.run([os.path.join(TOP, "scripts", "setup"), "--print-kernel"], env=environment,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(end.returncode, 0, end.stderr)
        self.assertTrue(os.path.isfile(end.stdout.strip()), end.stdout)


if __name__ == "__main__":
    unittest.main()
