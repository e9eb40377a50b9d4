"""The power of a rack's machine, as a server switches it: one word for each connection, sent by the program `power`."""

import os
import shutil
import socket
import threading

from leftovers import make_directory
from machine import PREFIX
from timeline import NetbootError


class Chassis:
    """Answers from start() on, one connection after the other: an action ends before the next begins."""

    def __init__(self, rack):
        self.rack = rack
        self.directory, self.lock = make_directory(PREFIX)
        self.path = os.path.join(self.directory, "chassis")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self.thread.start()

    def close(self):
        # Wakes the thread, which closing alone would not.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.thread.is_alive():
            self.thread.join(60)
        self.listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self.lock)

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    word = connection.makefile(encoding="utf-8").readline().strip()
                    answer = "done " + self._perform(word)
                except (NetbootError, OSError, UnicodeDecodeError) as error:
                    answer = "failed %s" % error
                try:
                    connection.sendall(answer.encode() + b"\n")
                except OSError:
                    pass

    def _perform(self, word):
        action = {"on": self._on, "off": self._off, "cycle": self._cycle, "reset": self._reset, "soft": self._soft,
                  "pxe": lambda: self._boot_from("pxe"), "pxe-always": lambda: self._boot_from("pxe", True),
                  "disk": lambda: self._boot_from("disk")}.get(word)
        if word == "status":
            return "on" if self.is_on else "off"
        if action is None:
            raise NetbootError("this chassis cannot do %s" % word)
        self.rack.timeline.add("bmc", "power " + word)
        action()
        return ""

    @property
    def is_on(self):
        return self.rack.machine is not None and self.rack.machine.is_on

    def _on(self):
        if self.is_on:
            return
        if self.rack.machine is not None and self.rack.machine.is_running:
            self.rack.machine.reset()
        else:
            self.rack.power_on()

    def _off(self):
        if self.is_on:
            self.rack.machine.power_off()

    def _cycle(self):
        self._off()
        self._on()

    def _reset(self):
        self._running().reset()

    def _soft(self):
        self._running().execute("system_powerdown")

    def _boot_from(self, device, for_good=False):
        if self.rack.machine is None or not self.rack.machine.is_running:
            raise NetbootError("the machine was never powered on: its boot order cannot be set")
        self.rack.machine.boot_from(device, for_good)

    def _running(self):
        if not self.is_on:
            raise NetbootError("the machine is off")
        return self.rack.machine
