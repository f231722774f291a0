#!/usr/bin/env python3
"""limits.py - limits of the network as users set them: qmgrctl limit and pause-all, a download's own limit, and the foreground.

One download runs all the time; its bytes are what qmgrctl info says, so a rate is known between two answers. Each change has
to hold within the time that docs/config.md gives, counted from the end of the command that made it.
"""

import re
import sys
import time

from rig import Rig, poll

FULL = 4000000  # bytes per second that the server gives
LIMIT, OWN_LIMIT = 200000, 50000
FREE = 3 * LIMIT  # who has more than this is not limited, however busy the machine is
HELD_S, LIFTED_S = 2.0, 1.0
PIECE = 65536  # what may come at once in spite of a limit


def is_throttled(download, rate, cause):
    return re.fullmatch(r"throttled to %d KB/s for \d+ s: %s" % (rate, cause), download.now()) is not None


class Download:
    def __init__(self, rig, server):
        self.rig = rig
        self.server = server
        server.make("small.bin", 100000)
        server.make("big.bin", 2 << 30, sparse=True)
        got = rig.ctl("get", "--no-wait", server.url("big.bin", "rate=%d" % FULL), rig.path(rig.target("big.bin")))
        self.group = got.out.strip("{}\n")
        self.facts = {}

    def look(self):
        """Time and bytes; both ends of the question are noted, for it takes its time."""
        before = time.monotonic()
        self.facts = self.rig.info(self.group)
        return before, time.monotonic(), self.facts["done"] or 0

    def now(self):
        return self.facts.get("status", "nothing")

    def rate(self, over_s=1.0):
        """The lowest and highest rate that fit what is seen."""
        first = self.look()
        last = self.look()
        while last[0] - first[1] < over_s:
            last = self.look()
        count = last[2] - first[2]
        return count / (last[1] - first[0]), count / (last[0] - first[1])

    def turns(self, began, limit_s, condition):
        """Looks until the condition holds of two looks, of which the first began within the time; "" if none did."""
        first = self.look()
        while first[0] - began <= limit_s:
            last = self.look()
            if condition(last[2] - first[2], last[0] - first[1], last[1] - first[0]):
                return "%.1f s" % (first[0] - began)
            first = last
        return ""


def is_held(limit):
    """More than the limit would have come with any higher rate, whatever the questions took."""
    return lambda count, least_s, most_s: count <= limit * most_s * 1.1 + PIECE


def limit_all(rig, download):
    limit = LIMIT
    result = rig.ctl("limit", str(limit * 8 // 1000))
    began = time.monotonic()
    after = download.turns(began, HELD_S, is_held(limit))
    rig.check("limit 1600: it holds within 2 s", result.status == 0 and after, "%s, after %s" % (result, after or "not in time"))
    least, most = download.rate(2)
    rig.check("limit 1600: about that is used", 0.7 * limit <= most and least <= 1.1 * limit + PIECE / 2, "%.0f to %.0f KB/s of %.0f"
              % (least / 1000, most / 1000, limit / 1000))
    rig.check("info says so", is_throttled(download, 200, "the administrator has set a limit"), download.now())
    result = rig.ctl("limit")
    rig.check("limit without a rate tells it", result.status == 0 and result.out == "1600 kbit/s (195 KiB/s)\n", result)


def limit_of_its_own(rig, download):
    limit = OWN_LIMIT
    result = rig.ctl("limit", "--group", download.group, str(limit * 8 // 1000))
    after = download.turns(time.monotonic(), HELD_S, is_held(limit))
    # Shows IOpenQmgrGroup::SetMaxRate.S_OK
    rig.check("a limit of the download's own holds within 2 s", result.status == 0 and after, "%s, after %s"
              % (result, after or "not in time"))
    rig.check("info says so", is_throttled(download, 50, "the group has a limit"), download.now())
    result = rig.ctl("limit", "--group", download.group)
    rig.check("limit --group without a rate tells it", result.status == 0 and result.out == "400 kbit/s (48.8 KiB/s)\n", result)
    result = rig.ctl("limit", "--group", download.group, "none")
    download.look()
    rig.check("taken away again, the other one holds", result.status == 0
              and is_throttled(download, 200, "the administrator has set a limit"), download.now())
    result = rig.ctl("limit", "--group", "00000000", "100")
    rig.check("of no download it is refused", result.status == 12 and result.err.startswith("qmgrctl: "), result)


def pause_all(rig, download):
    result = rig.ctl("pause-all", "on")
    after = download.turns(time.monotonic(), HELD_S, lambda count, *_: count == 0 and "paused" in download.now())
    rig.check("pause-all on: nothing comes within 2 s", result.status == 0 and after, "%s, after %s" % (result, after or "not in time"))
    rig.check("info says so", download.now() == "waiting: paused by the administrator", download.now())
    result = rig.ctl("pause-all")
    rig.check("pause-all tells it", result.status == 0 and result.out == "on\n", result)
    started = rig.ctl("get", "--no-wait", download.server.url("small.bin"), rig.path(rig.target("small.bin")))
    group = started.out.strip("{}\n")
    poll(lambda: rig.info(group).get("status"), 10)
    rig.check("a download that is added then does not start", rig.info(group).get("state") == "paused", rig.info(group))
    rig.ctl("cancel", group)
    result = rig.ctl("pause-all", "off")
    after = download.turns(time.monotonic(), HELD_S, lambda count, *_: count > 0)
    rig.check("pause-all off: it goes on within 2 s", result.status == 0 and after, "%s, after %s" % (result, after or "not in time"))


def foreground(rig, download):
    result = rig.ctl("resume", "--foreground", download.group)
    after = download.turns(time.monotonic(), LIFTED_S, lambda count, _, most_s: count > FREE * most_s)
    rig.check("SwitchToForeground lifts the limit within 1 s", result.status == 0 and after, "%s, after %s" % (result, after or "not in time"))
    download.look()
    rig.check("info says so", "status" not in download.facts and "foreground" in download.facts["state"], download.facts)


def limit_none(rig):
    result = rig.ctl("limit", "none")
    rig.check("limit none", result.status == 0, result)
    told = rig.ctl("limit").out + rig.ctl("pause-all").out
    rig.check("both tell that nothing is set", told == "none\noff\n", told)


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        download = Download(rig, rig.serve())
        rig.check("it runs at the server's rate", poll(lambda: download.rate(0.5)[0] > FREE, 20), download.facts)
        limit_all(rig, download)
        limit_of_its_own(rig, download)
        pause_all(rig, download)
        foreground(rig, download)
        limit_none(rig)
        rig.ctl("cancel", download.group)
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
