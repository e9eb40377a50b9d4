"""The switch at the other end of the boot NIC's cable: announces itself by LLDP (IEEE 802.1AB)."""

import struct
import threading

MAC = bytes.fromhex("02006d720001")


class Neighbor:
    def __init__(self, connection, name, port, interval=0.25):
        """connection: to QEMU's filter-redirector, which takes each frame behind its length."""
        self.connection, self.interval = connection, interval
        self.stopped = threading.Event()

        def field(kind, value):
            return struct.pack("!H", kind << 9 | len(value)) + value

        # To the nearest bridge; chassis, port, seconds to live, name, description, end.
        frame = bytes.fromhex("0180c200000e") + MAC + b"\x88\xcc"
        frame += field(1, b"\x04" + MAC) + field(2, b"\x05" + port.encode()) + field(3, struct.pack("!H", 120))
        frame += field(5, name.encode()) + field(6, b"a switch of the test rack") + field(0, b"")
        frame = frame.ljust(60, b"\0")
        self.message = struct.pack("!I", len(frame)) + frame

    def serve(self):
        """Sends often, since a node looks soon after its start. A switch sends every thirty seconds."""
        try:
            while not self.stopped.wait(self.interval):
                self.connection.sendall(self.message)
        except OSError:
            pass
        self.connection.close()

    def stop(self):
        self.stopped.set()
