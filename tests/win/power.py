#!/usr/bin/env python3
"""power.py - power events from the control manager's handler to the bytes: the whole service in one process, with power_probe in
place of the manager. Under Wine.

The server's log is the witness: one connection ends with the sleep, and the next one begins at the byte that was saved.

usage: power.py PROBE
"""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["OQ_SOURCE_DIR"], "tests", "e2e"))
from rig import MIB, Rig, sha256  # noqa: E402  (the path has to be there first)


def main():
    with Rig() as rig:
        server = rig.serve()
        size = 8 * MIB
        original = server.make("slow.bin", size)
        data = os.path.join(rig.tmp, "data")
        shutil.rmtree(data, ignore_errors=True)
        target = rig.target("slow.bin")
        result = rig.wine(rig.path(sys.argv[1]), rig.path(data), server.url("slow.bin", "rate=2000000"), rig.path(target), timeout=120)
        rig.check("sleep, wake, complete, stop", result.status == 0 and "complete" in result.out, result.out.strip() or result)
        match = re.search(r"asleep (\d+)", result.out)
        saved = int(match.group(1)) if match else 0
        rig.check("it fell asleep in the middle", 1000000 < saved < size, "%d of %d bytes" % (saved, size))
        ranges = [request["range"] for request in server.requests("slow.bin")]
        rig.check("and went on at that byte", len(ranges) == 2 and ranges[1] == "bytes=%d-" % saved, ranges)
        there = os.path.exists(target)
        rig.check("the file is right", there and sha256(target) == sha256(original), target)
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
