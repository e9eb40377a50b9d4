"""What happened, in order: the console's lines, QEMU's events, the server's events, the BMC's commands."""

import re
import threading
import time


class NetbootError(Exception):
    """Something did not work; the message is for people."""


class Entry:
    """kind: console, qmp, server, bmc. at: seconds of time.monotonic(). data: what belongs to it besides its text."""

    def __init__(self, index, at, kind, text, data):
        self.index, self.at, self.kind, self.text, self.data = index, at, kind, text, data

    def __repr__(self):
        return "%s: %s" % (self.kind, self.text)


class Timeline:
    def __init__(self, listener=None):
        """listener: called with each entry, on the thread that brings it."""
        self.started = time.monotonic()
        self.listener = listener
        self.entries = []
        self.ended = {}
        self.condition = threading.Condition()

    def add(self, kind, text, data=None):
        with self.condition:
            entry = Entry(len(self.entries), time.monotonic(), kind, text, data)
            self.entries.append(entry)
            self.condition.notify_all()
        if self.listener:
            self.listener(entry)
        return entry

    def end(self, kind, why):
        """No more entries of that kind will come."""
        with self.condition:
            self.ended[kind] = why
            self.condition.notify_all()

    def begin(self, kind):
        with self.condition:
            self.ended.pop(kind, None)

    def __len__(self):
        with self.condition:
            return len(self.entries)

    def all(self, kind, pattern="", since=0):
        with self.condition:
            entries = self.entries[since:]
        return [entry for entry in entries if entry.kind == kind and re.search(pattern, entry.text)]

    def wait(self, kind, pattern, timeout, since=0):
        """The first such entry from the number `since` on; comes back as soon as it is there."""
        deadline = time.monotonic() + timeout
        checked = since
        with self.condition:
            while True:
                while checked < len(self.entries):
                    entry = self.entries[checked]
                    checked += 1
                    if entry.kind == kind and re.search(pattern, entry.text):
                        return entry
                    if entry.kind == "console" and "Kernel panic - " in entry.text:
                        raise NetbootError("waited for %r of %s, but the kernel panicked\n%s" % (
                            pattern, kind, self._tail()))
                if kind in self.ended:
                    raise NetbootError("waited for %r of %s, but %s\n%s" % (pattern, kind, self.ended[kind], self._tail()))
                left = deadline - time.monotonic()
                if left <= 0 or not self.condition.wait(left):
                    raise NetbootError("waited %d s for %r of %s\n%s" % (timeout, pattern, kind, self._tail()))

    def _tail(self):
        return "\n".join("  %7.2f %-7s %s" % (entry.at - self.started, entry.kind, entry.text[:300])
                         for entry in self.entries[-40:])
