"""A node's side of DHCP as far as it concerns booting: one DISCOVER, and what it is told (RFC 2131, RFC 2132, RFC 4578)."""

import collections
import os
import socket
import struct
import sys
import time

MAGIC = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
# Options.
VENDOR, MESSAGE, IDENTIFIER, CLASS, BOOT_FILE, USER_CLASS = 43, 53, 54, 60, 67, 77
ARCHITECTURE, INTERFACE, MACHINE, FEATURES, END = 93, 94, 97, 175, 255
# Within option 43 (the PXE specification 2.1): the menu of boot servers, and the choice of one.
MENU, CHOICE = 9, 71

# What asks. architecture: option 93. client_class: how option 60 begins. is_ipxe: it says that it is iPXE.
Kind = collections.namedtuple("Kind", "name architecture client_class is_ipxe")


def kind_of(words):
    """A kind from the words that words_of makes of it."""
    name, architecture, client_class, is_ipxe = words
    return Kind(name, int(architecture), client_class, is_ipxe == "True")


def words_of(kind):
    return [str(value) for value in kind]


def request(message, mac, number, kind, address="0.0.0.0", more=()):
    """A packet of the node, which has the address."""
    options = [(MESSAGE, bytes([message])),
               (55, bytes([1, 3, 6, 43, 54, 60, 66, 67])),
               (ARCHITECTURE, struct.pack(">H", kind.architecture)),
               (INTERFACE, b"\x01\x03\x10"),
               (MACHINE, b"\x00" + mac * 2 + b"\x00" * 4),
               (CLASS, b"%s:Arch:%05d:UNDI:003016" % (kind.client_class.encode(), kind.architecture))]
    if kind.is_ipxe:
        # iPXE's own encapsulated options: what it can do.
        options += [(USER_CLASS, b"iPXE"), (FEATURES, b"\x13\x01\x01")]
    options += more
    # Without an address it can be answered by broadcast only.
    flags = 0x8000 if address == "0.0.0.0" else 0
    packet = struct.pack(">BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, number, 0, flags, socket.inet_aton(address), b"", b"",
                         b"", mac, b"", b"") + MAGIC
    return packet + b"".join(bytes([code, len(value)]) + value for code, value in options) + bytes([END])


def _options(data):
    """Code, length, value; 0 fills, and 255 ends."""
    found, place = {}, 0
    while place + 1 < len(data) and data[place] != END:
        if data[place] == 0:
            place += 1
            continue
        length = data[place + 1]
        found[data[place]] = data[place + 2:place + 2 + length]
        place += 2 + length
    return found


class Offer:
    """An answer. file: what the node would boot; may be empty. server: from where by TFTP."""

    def __init__(self, packet):
        fields = struct.unpack(">BBBBIHH4s4s4s4s16s64s128s", packet[:236])
        self.number = fields[4]
        self.options = _options(packet[240:])
        self.message = (self.options.get(MESSAGE) or b"\0")[0]
        file = self.options.get(BOOT_FILE) or fields[13]
        self.file = file.split(b"\0")[0].decode(errors="replace")
        self.server = socket.inet_ntoa(fields[9])
        identifier = self.options.get(IDENTIFIER, b"")
        self.server_identifier = socket.inet_ntoa(identifier) if len(identifier) == 4 else None
        self.client_class = self.options.get(CLASS, b"").decode(errors="replace")


def _exchange(connection, question, place, number, wanted, patience):
    """Asks each second; the first answer of that kind as it came, or None after `patience` seconds."""
    connection.settimeout(1)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        connection.sendto(question, place)
        try:
            while True:
                packet = connection.recv(4096)
                if packet[0] == 2 and packet[236:240] == MAGIC:
                    offer = Offer(packet)
                    if (offer.number, offer.message) == (number, wanted):
                        return packet
        except TimeoutError:
            pass
    return None


def answer(interface, address, mac, kind, patience=4):
    """What a node gets for a DISCOVER; when that has no boot file, as from a proxy, what a boot server then says, which is
    asked from the node's address. As it came; None without one."""
    number = struct.unpack(">I", os.urandom(4))[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        connection.bind(("", 68))
        question = request(DISCOVER, mac, number, kind)
        packet = _exchange(connection, question, ("255.255.255.255", 67), number, OFFER, patience)
        if not packet or Offer(packet).file or not Offer(packet).server_identifier:
            return packet
        menu = _options(Offer(packet).options.get(VENDOR, b"")).get(MENU)
        more = [(VENDOR, bytes([CHOICE, 4]) + menu[:2] + b"\0\0" + bytes([END]))] if menu else []
        question = request(REQUEST, mac, number, kind, address, more)
        return _exchange(connection, question, (Offer(packet).server_identifier, 4011), number, ACK, patience) or packet


def main():
    """Called within a node's network, with a Kind's values: prints the packet in hexadecimal."""
    interface, address, mac, *values = sys.argv[1:]
    packet = answer(interface, address, bytes.fromhex(mac.replace(":", "")), kind_of(values))
    if packet:
        print(packet.hex())


if __name__ == "__main__":
    main()
