"""A switch between one machine and taps of a namespace, for what a bridge of every kernel does not do: VLANs, and frames that
are too long for it."""

import os
import selectors
import socket

ETHERNET_HEADER, VLAN_TAG = 14, 4
TAGGED = b"\x81\x00"


class Switch:
    """Frames that the machine sends without a tag go to the port `native`, those with a tag to the port of that VLAN."""

    def __init__(self, native, tagged=None, mtu=1500):
        """native: a tap's descriptor. tagged: such descriptors by VLAN."""
        self.native, self.tagged, self.mtu = native, tagged or {}, mtu
        # One datagram is one frame.
        self.port, self.machine = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A machine that is off reads nothing.
        self.port.settimeout(0.5)
        self.wake, self.woken = os.pipe()
        self.dropped = 0

    def serve(self):
        """Until stop()."""
        ports = {self.native: b"", **{tap: TAGGED + vlan.to_bytes(2, "big") for vlan, tap in self.tagged.items()}}
        with selectors.DefaultSelector() as selector:
            for source in (self.port.fileno(), self.wake, *ports):
                selector.register(source, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == self.wake:
                        return
                    try:
                        if key.fd in ports:
                            self._to_machine(os.read(key.fd, 65536), ports[key.fd])
                        else:
                            self._from_machine(self.port.recv(65536))
                    except OSError:
                        # Nobody is at that end for a while: a machine that is off.
                        self.dropped += 1

    def _fits(self, frame, tag):
        if len(frame) <= ETHERNET_HEADER + tag + self.mtu:
            return True
        self.dropped += 1
        return False

    def _to_machine(self, frame, tag):
        if self._fits(frame, 0):
            self.port.send(frame[:12] + tag + frame[12:])

    def _from_machine(self, frame):
        if frame[12:14] == TAGGED:
            # The upper four bits are the frame's priority.
            tap = self.tagged.get(int.from_bytes(frame[14:16], "big") & 0xFFF)
            if tap is not None and self._fits(frame, VLAN_TAG):
                os.write(tap, frame[:12] + frame[16:])
        elif self._fits(frame, 0):
            os.write(self.native, frame)

    def stop(self):
        os.close(self.woken)

    def close(self):
        """After the end of serve()."""
        for tap in (self.native, *self.tagged.values()):
            os.close(tap)
        os.close(self.wake)
        self.port.close()
        self.machine.close()
