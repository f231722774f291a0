#!/usr/bin/env python3
"""reboot.py - the machine goes down in the middle of a download; the file arrives with no client running.

`qmgrsvc install` asks for delayed automatic start, which Wine's service manager honours after 120 s only; this test
installs the service with plain automatic start instead. Wine has no power button: wineserver -k is the power cut,
wineboot the start of the machine.
"""

import os
import sys

from rig import MIB, Rig, poll, sha256
from survival import resumed_at, same


def start_machine(rig):
    began = rig.wine("wineboot.exe", timeout=180)
    rig.keep_prefix()
    return began


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install("auto"), "start= auto, because Wine waits 120 s with delayed-auto")
        rig.set_value("CheckpointMs", 500)
        server = rig.serve()
        size = 24 * MIB
        server.make("reboot.bin", size)
        target = rig.target("reboot.bin")
        group = rig.ctl("get", "--no-wait", server.url("reboot.bin", "rate=3000000"), rig.path(target)).out.strip("{}\n")
        poll(lambda: rig.done(group) > size // 3)
        rig.wine_stop()
        rig.check("the power is cut in the middle", not os.path.exists(target) and len(rig.leftovers()) == 1,
                  "temporary files: %s" % rig.leftovers())
        booted = start_machine(rig)
        rig.check("the machine starts", booted.status == 0, "wineboot took %.1f s" % booted.seconds)
        there = poll(lambda: os.path.exists(target), 120)
        rig.check("the file arrives with no client running", there and same(rig, server, "reboot.bin"),
                  "sha256 %s" % (sha256(target)[:16] if there else "none"))
        starts = resumed_at(server, "reboot.bin")
        rig.check("it went on from the saved offset", starts and starts[0] > 0, "range requests from %s of %d" % (starts, size))
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        info = rig.info(group)
        rig.check("the first client after it finds the group complete", info.get("state") == "complete", info.get("state"))
        rig.ctl("cancel", group)
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
