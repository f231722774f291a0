#!/usr/bin/env python3
"""leaks.py - rounds of create, add and cancel leave the service as it was.

usage: leaks.py ROUNDS

Handles, threads and memory of the service's process and the size of its database, after a tenth of the rounds, which may
still fill what is filled once (the engine remembers the last 1,024 groups that went), and after the rest.
"""

import os
import sys

from rig import Rig, poll

LIMIT_S = 3000
# What may come and go by itself: a thread of the RPC run-time with its pipe and events.
MORE_HANDLES = 16
MORE_THREADS = 4
MORE_MEMORY_KIB = 2048
MORE_DATABASE_KIB = 256


def look(rig):
    (number,) = rig.processes("qmgrsvc.exe")
    with open("/proc/%d/status" % number, encoding="ascii", errors="replace") as file:
        facts = dict(line.split(":", 1) for line in file)
    database = sum(os.path.getsize(os.path.join(rig.data_folder(), name)) for name in os.listdir(rig.data_folder())
                   if name.startswith("queue.db"))
    return {"handles": len(os.listdir("/proc/%d/fd" % number)), "threads": int(facts["Threads"]),
            "memory KiB": int(facts["RssAnon"].split()[0]), "database KiB": database // 1024}


def rounds(rig, count):
    result = rig.wine(os.path.join(rig.bin, "tests", "rounds_client.exe"), str(count), rig.path(rig.downloads), timeout=LIMIT_S)
    rig.check("%d rounds" % count, result.status == 0 and "rounds %d " % count in result.out,
              "%s (%.0f s)" % (" ".join(result.out.split()), result.seconds))


def main():
    count = int(sys.argv[1])
    most = {"handles": MORE_HANDLES, "threads": MORE_THREADS, "memory KiB": MORE_MEMORY_KIB, "database KiB": MORE_DATABASE_KIB}
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        rounds(rig, count // 10)
        before = look(rig)
        rounds(rig, count - count // 10)
        poll(lambda: look(rig)["threads"] <= before["threads"], 10)
        after = look(rig)
        for what in sorted(most):
            rig.check("%s of the service" % what, after[what] <= before[what] + most[what],
                      "%d before, %d after" % (before[what], after[what]))
        rig.check("the queue is empty", rig.ctl("list").out.strip() == "no downloads in the queue", "list")
        rig.check("no file is left", not os.listdir(rig.downloads), os.listdir(rig.downloads) or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
