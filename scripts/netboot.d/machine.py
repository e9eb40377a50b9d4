"""A virtual machine that boots as a machine in a rack does: ROM, DHCP, iPXE. QEMU, driven over QMP."""

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import firmware
from bmc import BMC
from firmware import CHOICE_MADE, QEMU
from leftovers import make_directory
from neighbor import Neighbor
from timeline import NetbootError

# Cursor movements and colors of the BIOS, the ROM and init scripts.
CONTROL = re.compile(r"\x1b(?:c|\[[0-9;?]*[A-Za-z])|[\x00-\x08\x0b-\x1f\x7f]")
# QEMU's boot order: the lower number first. A BMC's choice goes before all others. NICs that boot have one number each.
CHOSEN, FIRST, SECOND = 0, 10, 20
DISK = "boot-disk"
# Of a machine's directory, which holds sockets, so its path must be short.
PREFIX = "monorail-machine-"


@functools.cache
def accelerator(kernel, limit=8):
    """"kvm" where a guest runs on it, else "tcg". A /dev/kvm may be there, and its guests hang or run a thousand times too
    slowly: the kernel is tried, for so many seconds, on the CPU that the machine will have."""
    chosen = os.environ.get("MONORAIL_ACCELERATOR")
    if chosen:
        return chosen
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    probe = subprocess.Popen(
        ["timeout", "--signal", "KILL", str(limit), QEMU, *cpu("kvm"), "-machine", "pc,graphics=off", "-m", "256",
         "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-kernel", kernel,
         "-append", "console=ttyS0 panic=-1", "-no-reboot"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with probe:
        # The kernel has no root file system: it panics, and then QEMU ends.
        output = probe.stdout.read()
    return "kvm" if probe.returncode == 0 and b"Linux version" in output else "tcg"


def cpu(accelerator):
    """QEMU's options for the CPU. An emulated CPU keeps translated code in 128 MB, and begins again when they are full. By
    default it keeps a gigabyte: then the code of ended processes stays, and each write to a page that once held such code
    costs 20 µs (measured on two cores). One thread runs all virtual CPUs in turn: with a thread for each, QEMU 7.2 on a busy
    machine sometimes leaves one CPU for ever at an instruction that Linux has patched meanwhile."""
    if accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=single,tb-size=128", "-cpu", "qemu64"]


class Hardware:
    """What is in the machine. Sizes in bytes, of disks that hold nothing."""

    def __init__(self, memory=512, cpus=2, vendor="Monorail", product="Virtual node", serial="MR-0001", macs=None,
                 nics=1, disks=(), nvme=(), megaraid=(), ipmi=False, lldp=None, boot_sector=None, firmware="bios",
                 nic_model="virtio", link_after=0, efi_disk=False):
        """memory: MiB. disks, nvme, megaraid: (size, serial) for each. lldp: (name, port) of the boot NIC's neighbor.
        boot_sector: 512 bytes at the start of the first disk, from which the machine then boots unless its BMC says
        otherwise; without them it boots from the network. firmware, nic_model: as firmware.py has them. link_after: seconds
        from the kernel's start to the link of the NIC that boots. efi_disk: UEFI can boot the first disk, which then is
        not as large as it says.
        """
        self.memory, self.cpus = memory, cpus
        self.vendor, self.product, self.serial = vendor, product, serial
        self.macs = macs or ["52:54:00:6d:72:%02x" % (number + 1) for number in range(nics)]
        self.disks, self.nvme, self.megaraid = list(disks), list(nvme), list(megaraid)
        self.ipmi, self.lldp, self.boot_sector = ipmi, lldp, boot_sector
        self.firmware, self.nic_model, self.link_after = firmware, nic_model, link_after
        self.efi_disk = efi_disk


class VirtualMachine:
    """Runs from the start on, until quit() or the end of a `with` block; its process ends with the thread that made it."""

    def __init__(self, timeline, hardware, network, accelerator="tcg"):
        self.timeline, self.hardware, self.network = timeline, hardware, network
        self.directory, self.lock = make_directory(PREFIX)
        self.process = None
        self.qmp = None
        self.executing = threading.Lock()
        # The devices that boot next in place of the usual ones; and whether only once.
        self.chosen, self.once = [], False
        self.answers = threading.Condition()
        self.answer = None
        # Called with what the console prints, as it comes.
        self.raw = None
        self.bmc = BMC(timeline) if hardware.ipmi else None
        if self.bmc:
            # On a thread of its own: the BMC must go on answering.
            self.bmc.on_boot_device = lambda *choice: self._begin(self._take_choice, *choice)
        self.neighbor = None
        self.threads = []
        self.ending = threading.Event()
        self.last_words = None
        # Not a pipe: QEMU would stop when it is full.
        self.complaints = tempfile.TemporaryFile()
        try:
            self._start(*self._prepare(accelerator))
        except BaseException:
            self.quit()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.quit()

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _disk(self, name, size):
        if name == "disk0" and self.hardware.efi_disk:
            return firmware.disk(self._path(name)) + ",id=" + name
        with open(self._path(name), "wb") as file:
            if name == "disk0" and self.hardware.boot_sector:
                file.write(self.hardware.boot_sector)
            file.truncate(size)
        return "if=none,format=raw,cache=unsafe,id=%s,file=%s" % (name, self._path(name))

    def _prepare(self, accelerator):
        """Makes the files, and returns QEMU's command line and the descriptors that it needs."""
        hardware, descriptors = self.hardware, []
        command = [
            "setpriv", "--pdeathsig", "KILL", *self.network.machine_command, QEMU, *cpu(accelerator),
            *firmware.options(hardware.firmware, self.directory),
            "-smp", str(hardware.cpus), "-m", str(hardware.memory),
            "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
            "-chardev", "socket,id=qmp,path=" + self._path("qmp"), "-mon", "chardev=qmp,mode=control",
            "-smbios", "type=1,manufacturer=%s,product=%s,serial=%s" % tuple(
                text.replace(",", ",,") for text in (hardware.vendor, hardware.product, hardware.serial)),
        ]
        for number, mac in enumerate(hardware.macs):
            netdev, needed = self.network.netdev(number, self.directory)
            descriptors += needed
            if number <= self.network.boot_nic:
                device = "%s,id=nic%d,bootindex=%d" % (
                    firmware.nic(hardware.nic_model, hardware.firmware, self.network.kind), number, self._usual("nic%d" % number))
            else:
                device = "e1000,romfile="
            command += ["-netdev", netdev, "-device", "%s,netdev=net%d,mac=%s" % (device, number, mac)]
        for number, (size, serial) in enumerate(hardware.disks):
            order = "id=%s,bootindex=%d," % (DISK, self._usual(DISK)) if number == 0 else ""
            command += ["-drive", self._disk("disk%d" % number, size),
                        "-device", "virtio-blk-pci,%sdrive=disk%d,serial=%s" % (order, number, serial)]
        for number, (size, serial) in enumerate(hardware.nvme):
            command += ["-drive", self._disk("nvme%d" % number, size),
                        "-device", "nvme,drive=nvme%d,serial=%s" % (number, serial)]
        if hardware.megaraid:
            command += ["-device", "megasas,id=raid"]
        for number, (size, serial) in enumerate(hardware.megaraid):
            command += ["-drive", self._disk("raid%d" % number, size),
                        "-device", "scsi-hd,bus=raid.0,scsi-id=%d,drive=raid%d,serial=%s" % (number, number, serial)]
        if hardware.ipmi:
            # QEMU 7.2 crashes when the BMC's end of the socket is there from the start: QEMU listens, the BMC connects.
            command += ["-chardev", "socket,id=bmc,server=on,wait=off,path=" + self._path("bmc"),
                        "-device", "ipmi-bmc-extern,id=bmc,chardev=bmc", "-device", "isa-ipmi-kcs,bmc=bmc"]
        if hardware.lldp:
            command += ["-chardev", "socket,id=lldp,path=" + self._path("lldp"),
                        "-object", "filter-redirector,id=lldp,netdev=net%d,queue=tx,indev=lldp" % self.network.boot_nic]
        return command, descriptors

    def _start(self, command, descriptors):
        listeners = [self._listen(name) for name in (["qmp", "lldp"] if self.hardware.lldp else ["qmp"])]
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, pass_fds=descriptors)
            self._begin(self._read_console, self.process.stdout)
            # It connects to all of them before it does anything.
            connections = [self._accept(listener) for listener in listeners]
        except OSError as error:
            raise NetbootError("QEMU did not start: %s" % error) from None
        finally:
            for listener in listeners:
                listener.close()
        self.qmp = connections[0]
        self._begin(self._read_qmp, self.qmp)
        self.execute("qmp_capabilities")
        if self.bmc:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(self._path("bmc"))
            self._begin(self.bmc.serve, connection)
        if self.hardware.lldp:
            self.neighbor = Neighbor(connections[1], *self.hardware.lldp)
            self._begin(self.neighbor.serve)

    def _begin(self, function, *arguments):
        self.threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self.threads[-1].start()

    def _listen(self, name):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self._path(name))
        listener.listen(1)
        listener.settimeout(0.5)
        return listener

    def _accept(self, listener):
        for _ in range(120):
            try:
                return listener.accept()[0]
            except TimeoutError:
                if not self.is_running:
                    break
        self.process.kill()
        raise NetbootError("QEMU did not start: " + self._last_words())

    def _last_words(self):
        """What QEMU complained of; waits for its end."""
        self.threads[0].join(60)
        return self.last_words or "it is silent"

    def _read_console(self, output):
        rest = b""
        while piece := os.read(output.fileno(), 65536):
            if self.raw:
                self.raw(piece)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                text = CONTROL.sub("", line.decode(errors="replace")).rstrip()
                if self.once and CHOICE_MADE.match(text):
                    # This thread must go on reading.
                    self._begin(self._boot_as_usual)
                self.timeline.add("console", text)
                if self.hardware.link_after and "Linux version " in text:
                    self._begin(self._bring_link_late)
        status = self.process.wait()
        self.complaints.seek(0)
        self.last_words = self.complaints.read().decode(errors="replace").strip() or "status %d" % status
        for kind in ("console", "qmp", "bmc"):
            self.timeline.end(kind, "QEMU ended: " + self.last_words if status else "the virtual machine is off")

    def _read_qmp(self, connection):
        try:
            with connection.makefile() as lines:
                for line in lines:
                    message = json.loads(line)
                    if "event" in message:
                        data = message.get("data", {})
                        words = filter(None, (message["event"], data.get("reason")))
                        self.timeline.add("qmp", " ".join(words), data)
                    elif "return" in message or "error" in message:
                        self._take(message)
        except OSError:
            pass
        connection.close()
        self._last_words()
        self._take({"error": {"desc": "it has ended"}})

    def _take(self, answer):
        with self.answers:
            self.answer = answer
            self.answers.notify_all()

    def execute(self, command, **arguments):
        with self.executing, self.answers:
            self.answer = None
            try:
                self.qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            except OSError as error:
                raise NetbootError("cannot say %s to QEMU: %s" % (command, error)) from None
            if not self.answers.wait_for(lambda: self.answer, 60):
                raise NetbootError("QEMU does not answer to %s" % command)
            if not self.is_running:
                raise NetbootError("QEMU has ended: %s" % self._last_words())
            if "error" in self.answer:
                raise NetbootError("QEMU refuses %s: %s" % (command, self.answer["error"].get("desc")))
            return self.answer["return"]

    def _usual(self, device):
        """Its place in the boot order when nobody has chosen another."""
        if device == DISK:
            return FIRST if self.hardware.boot_sector else SECOND
        return (SECOND if self.hardware.boot_sector else FIRST) + int(device[len("nic"):])

    def boot_from(self, device, for_good=False):
        """From the next reset on. device: "pxe", "disk". QEMU gives the firmware the order that it has at a reset."""
        if device == "disk" and not self.hardware.disks:
            raise NetbootError("the machine has no disk to boot from")
        self._boot_as_usual()
        nics = ["nic%d" % number for number in range(self.network.boot_nic + 1)]
        chosen = {"pxe": nics, "disk": [DISK]}[device]
        for number, each in enumerate(chosen):
            self._set_place(each, CHOSEN + number)
        self.once = not for_good
        self.chosen = chosen

    def _set_place(self, device, number):
        self.execute("qom-set", path="/machine/peripheral/" + device, property="bootindex", value=number)

    def _take_choice(self, device, for_good):
        """What the node told its BMC."""
        try:
            self.boot_from(device, for_good)
        except NetbootError as error:
            self.timeline.add("bmc", "%s" % error)

    def _boot_as_usual(self):
        for device in self.chosen:
            self._set_place(device, self._usual(device))
        self.once, self.chosen = False, []

    def _bring_link_late(self):
        """As a link does that its driver has begun anew, at a switch that takes its time."""
        try:
            for up in (False, True):
                self.execute("set_link", name="net%d" % self.network.boot_nic, up=up)
                self.timeline.add("qmp", "the link is " + ("up" if up else "down"))
                if not up and self.ending.wait(self.hardware.link_after):
                    return
        except NetbootError:
            # The machine has ended.
            pass

    @property
    def is_on(self):
        return self.is_running and self.execute("query-status")["status"] == "running"

    def power_off(self):
        """At once, as when its power fails. The process stays, with the disks."""
        self.execute("stop")

    def reset(self):
        """Also ends what power_off() began."""
        self.execute("system_reset")
        self.execute("cont")

    def type(self, data):
        """Types bytes at the serial console."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    @property
    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        """Until it is off."""
        self.process.wait()

    def quit(self):
        self.ending.set()
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.neighbor:
            self.neighbor.stop()
        for thread in self.threads:
            thread.join(30)
        if self.process:
            for stream in (self.process.stdin, self.process.stdout, self.complaints):
                stream.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
