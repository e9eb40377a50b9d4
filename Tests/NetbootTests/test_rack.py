"""scripts/rack: what it writes, what each kind of node gets from it, and what bad input gets. In networks of its own."""

import glob
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = os.path.join(TOP, "scripts", "rack.d")
FILES = {"vmlinuz-1": 4000, "initrd.img-1": 5000, "base.x.1.squashfs.img": 600_000, "discovery.overlay.cpio.gz": 70_000}
SECURE, DRIVERS = "52:54:00:00:00:05", "52:54:00:00:00:06"

networks = None
work = None


def networks_of(interface="eth1", address="10.1.0.1", prefix=24):
    sys.path.insert(0, PARTS)
    try:
        from checking import Networks
    finally:
        sys.path.remove(PARTS)
    return Networks(types.SimpleNamespace(interface=interface, address=address, prefix=prefix))


def setUpModule():
    global networks, work
    if os.geteuid() != 0:
        raise unittest.SkipTest("networks need root")
    work = tempfile.mkdtemp(prefix="monorail-test-rack-")
    # The servers' users read there.
    os.chmod(work, 0o755)
    boot = os.path.join(work, "boot")
    os.mkdir(boot)
    for name, size in FILES.items():
        with open(os.path.join(boot, name), "wb") as file:
            file.write(hashlib.sha256(name.encode()).digest() * (size // 32))
    networks = networks_of()


def tearDownModule():
    networks.close()
    shutil.rmtree(work)


def rack(*words, within=None):
    return subprocess.run([*(within or networks.server), os.path.join(TOP, "scripts", "rack"), *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def write(name, *words):
    """Writes a rack; its directory."""
    directory = os.path.join(work, name)
    end = rack("write", "--interface", "eth1", "--boot-dir", os.path.join(work, "boot"), "-o", directory, *words)
    assert end.returncode == 0, end.stderr
    return directory


def table(directory):
    """(node, machine) → what it boots, and what was found; the exit code."""
    end = rack("--check", directory)
    assert not end.stderr, end.stderr
    rows = {}
    for line in end.stdout.splitlines()[3:]:
        node, machine, boots, found = [cell.strip() for cell in line.split("  ") if cell.strip()]
        rows[node, machine] = boots, found
    return rows, end.returncode


def processes():
    """Command lines of what runs in the servers' network, besides what holds it."""
    inode = os.stat("/proc/%d/ns/net" % networks.holders[0].pid).st_ino
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        try:
            if os.stat(path + "/ns/net").st_ino == inode and int(path[6:]) != networks.holders[0].pid:
                with open(path + "/cmdline") as file:
                    # A process that has ended has none.
                    found += [words] if (words := file.read().replace("\0", " ").strip()) else []
        except OSError:
            pass
    return found


class Running:
    """`scripts/rack run`, until the end of the block."""

    def __init__(self, directory):
        self.process = subprocess.Popen([*networks.server, os.path.join(TOP, "scripts", "rack"), "run", directory, "--",
                                         "--syslog-port", "0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        for url in ("http://10.1.0.1:8080/api/current/profiles", "http://10.1.0.1:8081/common/vmlinuz-1"):
            end = time.monotonic() + 60
            while curl("-f", url)[0] != 0:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.process.kill()
                    said = self.process.stdout.read()
                    self.close()
                    raise AssertionError(said)
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stdout.close()


def curl(*words):
    """(exit code, output) from within the servers' network."""
    end = subprocess.run([*networks.server, "curl", "-s", "--noproxy", "*", "-m", "20", *words], capture_output=True)
    return end.returncode, end.stdout


class Nodes(unittest.TestCase):
    def test_each_kind_of_node_gets_what_it_can_boot(self):
        rows, code = table(write("each", "--secure-boot", SECURE, "--own-drivers", DRIVERS))
        self.assertEqual(code, 0, rows)
        profile = ("http://10.1.0.1:8080/api/current/profiles", "profile, then 4 files, 0.7 MB")
        loader = ("tftp://10.1.0.1/snponly.efi", "173792 bytes")
        drivers = ("tftp://10.1.0.1/ipxe.efi", "850528 bytes")
        self.assertEqual({key: value for key, value in rows.items() if key[1] == "any other"}, {
            ("BIOS, PXE", "any other"): ("tftp://10.1.0.1/undionly.kpxe", "74213 bytes"),
            ("UEFI, PXE", "any other"): loader,
            ("UEFI, PXE (architecture 9)", "any other"): loader,
            ("UEFI, HTTP boot", "any other"): ("http://10.1.0.1:8081/loaders/snponly.efi", "173792 bytes"),
            ("iPXE of BIOS", "any other"): profile,
            ("iPXE of UEFI", "any other"): profile,
        })
        self.assertEqual(rows["UEFI, PXE", DRIVERS], drivers)
        self.assertEqual(rows["UEFI, HTTP boot", DRIVERS][0], "http://10.1.0.1:8081/loaders/ipxe.efi")
        boots, found = rows["UEFI, PXE", SECURE]
        self.assertEqual(boots, "tftp://10.1.0.1/shimx64.efi")
        self.assertRegex(found, r"^shim, then 3 files, \d\.\d MB$")
        self.assertEqual(rows["UEFI, HTTP boot", SECURE][0], "nothing")

    def test_a_proxy_says_what_to_boot_and_gives_no_address(self):
        directory = write("proxy", "--mode", "proxy", "--secure-boot", "all")
        rows, code = table(directory)
        self.assertEqual(code, 0, rows)
        self.assertEqual(rows["BIOS, PXE", "any other"][0], "tftp://10.1.0.1/undionly.kpxe")
        boots, found = rows["UEFI, PXE", "any other"]
        self.assertEqual(boots, "tftp://10.1.0.1/shimx64.efi")
        self.assertRegex(found, r"^shim, then 3 files, .* MB; the other server has to say next-server 10\.1\.0\.1$")
        self.assertEqual(rows["iPXE of UEFI", "any other"][0], "http://10.1.0.1:8080/api/current/profiles")
        with Running(directory):
            subprocess.run([*networks.node, "ip", "address", "add", "10.1.0.9/24", "dev", "node0"], check=False,
                           stderr=subprocess.DEVNULL)
            client = subprocess.run([*networks.node, "busybox", "udhcpc", "-i", "node0", "-n", "-q", "-f", "-t", "2", "-T", "1",
                                     "-V", "PXEClient", "-s", "/bin/true"], capture_output=True, text=True)
        self.assertNotEqual(client.returncode, 0, client.stderr)

    def test_a_line_that_is_missing_is_a_problem(self):
        directory = write("missing")
        path = os.path.join(directory, "dnsmasq.conf")
        with open(path) as file:
            lines = file.read().splitlines()
        with open(path, "w") as file:
            file.writelines(line + "\n" for line in lines if "undionly" not in line)
        rows, code = table(directory)
        self.assertEqual(code, 1)
        self.assertEqual(rows["BIOS, PXE", "any other"],
                         ("an address and nothing to boot", "PROBLEM: dnsmasq.conf has no line for it"))
        self.assertEqual(rows["UEFI, PXE", "any other"][1], "173792 bytes")

    def test_a_loader_that_is_missing(self):
        directory = write("loaderless")
        loader = os.path.join(directory, "tftp", "snponly.efi")
        os.unlink(loader)
        end = rack("check", directory)
        self.assertEqual((end.returncode, end.stderr), (1, "rack: %s is missing: run scripts/rack write again\n" % loader))

    def test_another_boot_directory_takes_the_place_of_the_first(self):
        # The files have the same names there.
        other = os.path.join(work, "other-boot")
        shutil.copytree(os.path.join(work, "boot"), other)
        directory = write("changed")
        write("changed", "--boot-dir", other)
        for name in ("vmlinuz-1", "initrd.img-1"):
            self.assertEqual(os.readlink(os.path.join(directory, "tftp", name)), os.path.join(other, name))

    def test_the_range_leaves_out_the_servers_own_address(self):
        with networks_of(address="10.1.0.254") as others:
            out = os.path.join(work, "upper")
            end = rack("write", "--interface", "eth1", "--boot-dir", os.path.join(work, "boot"), "-o", out,
                       within=others.server)
            self.assertEqual(end.returncode, 0, end.stderr)
        with open(os.path.join(out, "dnsmasq.conf")) as file:
            self.assertIn("dhcp-range=10.1.0.1,10.1.0.127,255.255.255.0,1h\n", file.read())

    def test_a_boot_directory_that_lacks_a_file_is_a_problem(self):
        directory = write("lacking")
        aside = os.path.join(work, "aside")
        os.rename(os.path.join(work, "boot", "initrd.img-1"), aside)
        self.addCleanup(os.rename, aside, os.path.join(work, "boot", "initrd.img-1"))
        rows, code = table(directory)
        self.assertEqual(code, 1)
        self.assertRegex(rows["iPXE of BIOS", "any other"][1], r"^PROBLEM: the profile has no kernel: .*initrd\.img-1")


class Images(unittest.TestCase):
    def test_nginx_and_the_server_give_the_same(self):
        with Running(write("images")):
            for port in (8080, 8081):
                url = "http://10.1.0.1:%d/common/base.x.1.squashfs.img" % port
                with open(os.path.join(work, "boot", "base.x.1.squashfs.img"), "rb") as file:
                    content = file.read()
                self.assertEqual(curl(url)[1], content)
                self.assertEqual(curl("-r", "100000-100099", url)[1], content[100000:100100])
                headers = curl("-I", url)[1].decode().lower()
                tag = next(line.split(": ")[1] for line in headers.splitlines() if line.startswith("etag: "))
                status = ("-o", os.path.join(work, "body"), "-w", "%{http_code}")
                self.assertEqual(curl(*status, "-H", "If-None-Match: " + tag, url)[1], b"304")
                self.assertEqual(curl(*status, "-H", 'If-None-Match: "another"', url)[1], b"200")
                self.assertEqual(curl(*status, "-r", "999999999-", url)[1], b"416")
                self.assertEqual(curl(*status, "http://10.1.0.1:%d/common/../rack.json" % port, "--path-as-is")[1][:1], b"4")
                for name in FILES:
                    with open(os.path.join(work, "boot", name), "rb") as file:
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                    self.assertEqual(curl("http://10.1.0.1:%d/common/%s.sha256" % (port, name))[1].decode(),
                                     "%s  %s\n" % (digest, name))

    def test_killed_at_once_it_leaves_no_process(self):
        with Running(write("killed")) as running:
            self.assertGreaterEqual(len(processes()), 4)
            running.process.kill()
            running.process.wait()
            end = time.monotonic() + 30
            while (left := processes()) and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual(left, [])


class BadInput(unittest.TestCase):
    def refused(self, message, *words, within=None):
        end = rack(*words, within=within)
        self.assertEqual((end.returncode, end.stdout), (1, ""), end.stderr)
        self.assertRegex(end.stderr, "^rack: " + message + r"[^\n]*\n$")

    def test_bad_configuration_gets_one_sentence_with_the_next_step(self):
        out = ["-o", os.path.join(work, "refused"), "--boot-dir", os.path.join(work, "boot")]
        eth1 = ["write", "--interface", "eth1", *out]
        for words, message in (
                (["write", "--interface", "eth7", *out], "this machine has no interface eth7; it has lo, eth1$"),
                ([*eth1, "--range", "10.2.0.1,10.2.0.9"], r"--range 10\.2\.0\.1 is not in 10\.1\.0\.0/24"),
                ([*eth1, "--range", "10.1.0.1,10.1.0.9"], r"--range .* has 10\.1\.0\.1 in it, .*: give another range"),
                ([*eth1, "--range", "10.1.0.9,10.1.0.255"], r"--range .* has 10\.1\.0\.255 in it, which is for broadcasts"),
                ([*eth1, "--range", "10.1.0.2,10.1.0.9", "--router", "10.1.0.5"], "--range .* which is the router's: give"),
                ([*eth1, "--router", "10.1.0.254"], "10.1.0.0/24 has no half that is free for nodes: give --range"),
                ([*eth1, "--lease", "long"], "--lease long is no time: write it as"),
                ([*eth1, "--user", "nosuch"], "this machine has no user nosuch: give another --user"),
                ([*eth1, "--port", "99999"], "--port 99999 is no port: give one"),
                ([*eth1, "--port", "8081"], "--port and --image-port are both 8081: "),
                ([*eth1, "--range", "10.1.0.9,10.1.0.2"], r"--range 10\.1\.0\.9,10\.1\.0\.2 begins after its end"),
                ([*eth1, "--range", "10.1.0.9"], "--range 10.1.0.9 is not FROM,TO: write it as"),
                ([*eth1, "--mode", "proxy", "--router", "10.1.0.1"], "--range, --router and --dns are for --mode server"),
                ([*eth1, "--secure-boot", "5254"], "'5254' is neither a MAC address, such as"),
                ([*eth1, "--boot-dir", "/nowhere"], "there is no directory /nowhere: build images with"),
                (["check", os.path.join(work, "none")], "cannot read .*/none/rack.json: .*; scripts/rack write .* makes it"),
                (["run", os.path.join(work, "none")], "cannot read .*/none/rack.json")):
            with self.subTest(words=words):
                self.refused(message, *words)
                self.assertFalse(os.path.exists(os.path.join(work, "refused")))

    def test_an_interface_without_an_address(self):
        # The node's has none, or its own.
        with networks_of(prefix=24) as others:
            self.refused("node0 has no IPv4 address: give it one first, as with ip address add", "write", "--interface", "node0",
                         "-o", os.path.join(work, "refused"), "--boot-dir", os.path.join(work, "boot"), within=others.node)

    def test_an_interface_with_another_address_than_it_was_written_for(self):
        directory = write("readdressed")
        with networks_of(address="10.1.0.7") as others:
            self.refused(r"eth1 has 10\.1\.0\.7 and not 10\.1\.0\.1, for which %s was written: give it that" % directory,
                         "run", directory, within=others.server)

    def test_a_dhcp_server_that_is_there_already(self):
        directory = write("taken")
        other = subprocess.Popen(
            [*networks.server, "setpriv", "--pdeathsig", "KILL", sys.executable, "-c",
             "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 67)); print(1, flush=True); "
             "sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with other:
            other.stdout.readline()
            self.refused(r"port 67 \(DHCP\) of this machine is taken by python\S* \(process %d\): end it" % other.pid,
                         "run", directory)
            other.stdin.close()

    def test_no_dnsmasq(self):
        directory = write("without")
        hidden = [*networks.server, "unshare", "--mount", "sh", "-c",
                  'mount --bind /dev/null "$(command -v dnsmasq || echo /usr/sbin/dnsmasq)" && exec "$@"', "sh"]
        self.refused("there is no dnsmasq on this machine: apt-get install dnsmasq-base", "run", directory, within=hidden)

    def test_a_moved_directory(self):
        directory = write("before")
        os.rename(directory, directory + "-moved")
        self.refused(".*-moved was written for .*/before: write it anew", "check", directory + "-moved")


if __name__ == "__main__":
    unittest.main()
