"""A BMC behind QEMU's ipmi-bmc-extern. QEMU's own (ipmi-bmc-sim) has no LAN and refuses a power cycle.

The connection is OpenIPMI's "VM" protocol: messages end with 0xA0, commands about the machine with 0xA1, and either byte
within is escaped with 0xAA. What messages say is from the IPMI 2.0 specification, whose sections are named below.
"""

import struct

MESSAGE_END, COMMAND_END, ESCAPE = 0xA0, 0xA1, 0xAA
MACHINE_RESET, MACHINE_POWER_OFF, MACHINE_VERSION, MACHINE_IRQ_OFF = 0x04, 0x03, 0xFF, 0x06
INVALID_COMMAND, NOT_PRESENT, NO_SUCH_PARAMETER = 0xC1, 0xCB, 0x80
CHASSIS, APPLICATION, STORAGE, TRANSPORT = 0x00, 0x06, 0x0A, 0x0C
BOOT_DEVICES = {1: "pxe", 2: "disk"}
POWER = {0: "power down", 1: "power up", 2: "power cycle", 3: "hard reset", 4: "diagnostic interrupt", 5: "soft shutdown"}


def checksum(data):
    return -sum(data) & 0xFF


class BMC:
    """The facts that it tells are attributes, for tests to compare with what the node reports."""

    firmware = (2, 41)
    # The enterprise number that RFC 5612 keeps for documentation.
    manufacturer = 32473
    product = 2401
    address = "192.0.2.77"
    netmask = "255.255.255.0"
    gateway = "192.0.2.1"
    mac = "02:00:6d:72:00:bc"
    board = {"manufacturer": "Monorail", "product": "Test board", "serial": "BRD-4711", "part": "PN-0815"}

    def __init__(self, timeline):
        self.timeline = timeline
        self.connection = None
        # Called with "pxe" or "disk", and whether it is for more than the next boot.
        self.on_boot_device = None
        self.boot_flags = bytes(5)
        self.fru = self._fru()
        self.log = []
        self.record(sensor_type=0x12, sensor=0x01, event=0x6F, data=(0x00, 0xFF, 0xFF))

    def record(self, sensor_type, sensor, event, data):
        """Adds a record to the system event log (32.1)."""
        number = len(self.log) + 1
        head = struct.pack("<HBIHBBBB", number, 0x02, 1_700_000_000 + number, 0x0020, 0x04, sensor_type, sensor, event)
        self.log.append(head + bytes(data))

    def _fru(self):
        """A common header and a board area, as the FRU Information Storage Definition has them."""

        def text(value):
            return bytes([0xC0 | len(value)]) + value.encode()

        names = [self.board[key] for key in ("manufacturer", "product", "serial", "part")]
        area = bytes([1, 0, 25]) + bytes(3) + b"".join(text(name) for name in names) + text("") + b"\xC1"
        length = (len(area) + 1 + 7) // 8
        area = area.ljust(length * 8 - 1, b"\0")
        area = bytes([area[0], length]) + area[2:]
        header = bytes([1, 0, 0, 1, 0, 0, 0])
        return (header + bytes([checksum(header)]) + area + bytes([checksum(area)])).ljust(256, b"\0")

    def serve(self, connection):
        """Answers until QEMU hangs up."""
        self.connection = connection
        try:
            self._command(MACHINE_VERSION, 1)
            self._command(MACHINE_IRQ_OFF)
            buffer, escaped = bytearray(), False
            while piece := self.connection.recv(4096):
                for byte in piece:
                    if byte == MESSAGE_END:
                        self._message(bytes(buffer))
                        buffer.clear()
                    elif byte == COMMAND_END:
                        buffer.clear()
                    elif byte == ESCAPE:
                        escaped = True
                    else:
                        buffer.append(byte & ~0x10 if escaped else byte)
                        escaped = False
        except OSError:
            pass
        connection.close()

    def _send(self, data, end):
        framed = bytearray()
        for byte in data:
            framed += bytes([ESCAPE, byte | 0x10]) if byte in (MESSAGE_END, COMMAND_END, ESCAPE) else bytes([byte])
        self.connection.sendall(bytes(framed) + bytes([end]))

    def _command(self, *data):
        self._send(data, COMMAND_END)

    def _message(self, message):
        if len(message) < 4 or checksum(message[:-1]) != message[-1]:
            return
        sequence, function, command, data = message[0], message[1] >> 2, message[2], message[3:-1]
        action = None
        if (function, command) == (CHASSIS, 0x02) and data:
            self.timeline.add("bmc", "chassis " + POWER.get(data[0] & 0x0F, "control"), data)
            action = {0: MACHINE_POWER_OFF, 2: MACHINE_RESET, 3: MACHINE_RESET}.get(data[0] & 0x0F)
        code, answer = self._answer(function, command, data)
        answer = bytes([sequence, message[1] | 0x04, command, code]) + answer
        self._send(answer + bytes([checksum(answer)]), MESSAGE_END)
        if action is not None:
            self._command(action)

    def _answer(self, function, command, data):
        handler = {
            (CHASSIS, 0x01): lambda: bytes([0x01, 0x00, 0x00]),
            (CHASSIS, 0x02): lambda: b"",
            (CHASSIS, 0x08): lambda: self._set_boot_option(data),
            (CHASSIS, 0x09): lambda: bytes([0x01, data[0] & 0x7F]) + (
                self.boot_flags if data[0] & 0x7F == 5 else bytes(1)),
            (APPLICATION, 0x01): self._device_id,
            (APPLICATION, 0x04): lambda: bytes([0x55, 0x00]),
            (APPLICATION, 0x08): lambda: bytes(range(16)),
            (APPLICATION, 0x2E): lambda: b"",
            (APPLICATION, 0x2F): lambda: bytes([0x00]),
            (APPLICATION, 0x30): lambda: b"",
            (APPLICATION, 0x31): lambda: bytes([0x00]),
            (APPLICATION, 0x35): lambda: None,
            (APPLICATION, 0x42): lambda: self._channel(data),
            (STORAGE, 0x10): lambda: struct.pack("<HB", len(self.fru), 0) if data[0] == 0 else None,
            (STORAGE, 0x11): lambda: self._read_fru(data),
            (STORAGE, 0x20): lambda: struct.pack("<BHHIIB", 0x51, 1, 0xFFFF, 1, 1, 0),
            (STORAGE, 0x22): lambda: struct.pack("<H", 1),
            (STORAGE, 0x23): lambda: self._read_sensor_record(data),
            (STORAGE, 0x40): self._log_information,
            (STORAGE, 0x42): lambda: struct.pack("<H", 1),
            (STORAGE, 0x43): lambda: self._read_log(data),
            (STORAGE, 0x48): lambda: struct.pack("<I", 1_700_000_000),
            (STORAGE, 0x49): lambda: b"",
            (TRANSPORT, 0x02): lambda: self._lan(data),
        }.get((function, command))
        if handler is None:
            return INVALID_COMMAND, b""
        answer = handler()
        if answer is None:
            return NO_SUCH_PARAMETER if function == TRANSPORT else NOT_PRESENT, b""
        return 0, answer

    def _set_boot_option(self, data):
        """28.12 and 28.13: parameter 5 says what to boot from; the others are taken and do nothing."""
        if data[0] & 0x7F == 5 and len(data) >= 3:
            self.boot_flags = data[1:6].ljust(5, b"\0")
            device = BOOT_DEVICES.get(data[2] >> 2 & 0x0F)
            if data[1] & 0x80 and device:
                self.timeline.add("bmc", "chassis bootdev " + device)
                if self.on_boot_device:
                    self.on_boot_device(device, bool(data[1] & 0x40))
        return b""

    def _device_id(self):
        """20.1: manages a chassis, FRU, SEL and SDR."""
        major, minor = self.firmware
        return bytes([0x20, 0x01, major, minor // 10 << 4 | minor % 10, 0x02, 0x8F]) + (
            self.manufacturer.to_bytes(3, "little") + self.product.to_bytes(2, "little"))

    def _channel(self, data):
        """22.24: channel 1 is a LAN, 15 the system interface."""
        channel = 15 if data[0] & 0x0F == 14 else data[0] & 0x0F
        media = {1: 4, 15: 12}.get(channel)
        return None if media is None else bytes([channel, media, 1, 0x00, 0xF2, 0x1B, 0x00, 0x00, 0x00])

    def _read_fru(self, data):
        """34.2."""
        device, offset, count = struct.unpack("<BHB", data[:4])
        if device != 0:
            return None
        piece = self.fru[offset:offset + min(count, 32)]
        return bytes([len(piece)]) + piece

    def _read_sensor_record(self, data):
        """33.12 and 43.9: the only record is the BMC's own, without which ipmitool takes the repository for broken."""
        number, offset, count = struct.unpack("<HBB", data[2:6])
        name = b"BMC"
        body = bytes([0x20, 0, 0, 0, 0, 0, 0, 0x07, 1, 0, 0xC0 | len(name)]) + name
        record = struct.pack("<HBBB", 1, 0x51, 0x12, len(body)) + body
        if number not in (0, 1):
            return None
        return struct.pack("<H", 0xFFFF) + (record if count == 0xFF else record[offset:offset + count])

    def _log_information(self):
        """31.2."""
        return struct.pack("<BHHIIB", 0x51, len(self.log), 4096, 1_700_000_001, 0, 0x02)

    def _read_log(self, data):
        """31.5."""
        number, offset, count = struct.unpack("<HBB", data[2:6])
        number = {0: 1, 0xFFFF: len(self.log)}.get(number, number)
        if not 1 <= number <= len(self.log):
            return None
        following = number + 1 if number < len(self.log) else 0xFFFF
        record = self.log[number - 1]
        return struct.pack("<H", following) + (record if count == 0xFF else record[offset:offset + count])

    def _lan(self, data):
        """23.2: parameters of the LAN."""

        def numbers(text):
            return bytes(int(part) for part in text.split("."))

        value = {
            0: bytes([0x00]), 1: bytes([0x00]), 2: bytes(5), 3: numbers(self.address), 4: bytes([0x01]),
            5: bytes.fromhex(self.mac.replace(":", "")), 6: numbers(self.netmask), 7: bytes([0x40, 0x40, 0x10]),
            10: bytes([0x00]), 11: bytes([0x00]), 12: numbers(self.gateway), 13: bytes(6), 14: numbers("0.0.0.0"),
            15: bytes(6), 16: b"public".ljust(18, b"\0"), 20: bytes(2), 21: bytes([0x00]), 22: bytes([0x00]),
            23: bytes([0x00]), 24: bytes(9),
        }.get(data[1])
        return None if value is None else bytes([0x11]) + value
