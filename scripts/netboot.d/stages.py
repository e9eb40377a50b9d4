"""How long each stage of a boot took, as seen from outside and as the node says itself."""

import re

TOTAL = "kernel start → first task request"
SWITCHED = "switch_root → first task request"
# The stages, each with what the console says when it is over.
STEPS = [
    ("kernel and drivers", "stage 1:"),
    ("DHCP", r" has \d+\.\d+\.\d+\.\d+/"),
    ("fetch: base image", "the base image is here"),
    ("fetch: overlays", "the overlays are here"),
    ("mount", "switching to the root"),
    ("init: devices", "(the devices are there|devices are still appearing)"),
]


def stages(timeline, since=0):
    """(name, seconds) of each stage of the boot that begins at the number `since`, up to the first task request.

    Lines that carry the node's uptime tell when its kernel started by this machine's clock: the line with the shortest delay
    counts.
    """
    lines = [(entry, float(match.group(1))) for entry in timeline.all("console", since=since)
             if (match := re.match(r"(?:.*\s)?monorail: (\d+\.\d+) s: ", entry.text))]
    begun = [pair for pair in lines if "stage 1:" in pair[0].text]
    switched = [pair for pair in lines if "switching to the root" in pair[0].text]
    # Lines of a next boot may follow.
    if len(begun) > 1:
        lines = [pair for pair in lines if pair[0].index < begun[1][0].index]
    if not begun or not switched:
        return []
    kernel = min(entry.at - uptime for entry, uptime in lines)
    # The server may have held the last request of the boot before, and answered it since.
    first_task = [entry for entry in timeline.all("server", r"^GET /api/\S+/tasks/(?!bootstrap)", since) if entry.at > kernel]
    if not first_task:
        return []
    found = []

    def mark(name, seconds):
        found.append((name, seconds))

    profile = timeline.all("server", r"^GET /api/\S+/profiles\?\S*macs=", since)
    if profile:
        mark("ROM: profile → kernel start", kernel - profile[0].at)

    def uptime_of(pattern):
        return next((uptime for entry, uptime in lines if re.search(pattern, entry.text)), None)

    before = 0.0
    for name, pattern in STEPS:
        uptime = uptime_of(pattern)
        if uptime is not None:
            mark(name, uptime - before)
            before = uptime
    mark("init and agent → first task request", first_task[0].at - kernel - before)
    mark(TOTAL, first_task[0].at - kernel)
    mark(SWITCHED, first_task[0].at - switched[0][0].at)
    return found
