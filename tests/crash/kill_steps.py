#!/usr/bin/env python3
"""kill_steps.py - the service program ended at save-or-act step n of a whole life, for one n after the other. Under Wine.

Each round a service of the debug build (the only one with the fault seam) runs in the foreground and ends itself at its step n,
as OQ_FAULT=step:n says. The client of kill_loop.py (tests/e2e/ledger.c) takes three groups of three files through their life
meanwhile: it writes down each S_OK before it goes on, and compares what it finds with that when the installed service has taken
over. test_steps.c does the same to the engine alone, natively, with power cuts besides.

usage: kill_steps.py all | STEP...
"""

import collections
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ["OQ_SOURCE_DIR"], "tests", "e2e"))
from rig import Rig, poll, sha256  # noqa: E402  (the path has to be there first)

SIZES = [0, 1, 65536, 100000, 200000, 300001, 50000, 400000, 500000]
MOST = 500  # steps, by far more than a life has
ENDED_ITSELF = 86
STARTS = 3
LIMIT_S = 240  # for a client's whole life
ENDS_WITHIN_S = 5


class Steps:
    def __init__(self, rig):
        self.rig = rig
        self.server = rig.serve()
        self.sums = {}
        self.problems = []
        self.at = collections.Counter()
        self.restarts = 0  # of a program that Wine ended before it said a word
        self.half_dead = 0
        for i, size in enumerate(SIZES):
            name = "f%d-%d.bin" % (i // 3, i % 3)
            self.sums[name] = sha256(self.server.make(name, size))

    def problem(self, number, what):
        self.problems.append(number)
        self.rig.check("step %d" % number, False, what)

    def start_doomed(self, number):
        """A service in the foreground that will end itself. The variable is set inside Wine: the environment of a program that
        Wine is started with can become that of its services."""
        line = "set OQ_FAULT=step:%d&&%s run" % (number, self.rig.path(os.path.join(self.rig.bin, "qmgrsvc.exe")))
        for _ in range(STARTS):
            doomed = self.rig.start("cmd", "/c", line)
            poll(lambda: "is running" in self.rig.output(doomed) or doomed.poll() is not None)
            if "running" in self.rig.output(doomed) or "fault:" in self.rig.output(doomed):
                break
            self.restarts += 1
        return doomed

    def wait(self, client, doomed, numbers):
        """Until the client has ended, or its time is over. True when the service had to be helped to its end: a program that ends
        itself under Wine 8 sometimes stays as a zombie with one thread, which waits for a lock of a thread that was ended before it
        (seen in gdb, within NtTerminateProcess), and its caller waits with it."""
        end, said_at, was_killed = time.monotonic() + LIMIT_S, None, False
        while client.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
            if said_at is None and "fault: the process ends" in self.rig.output(doomed):
                said_at = time.monotonic()
            if said_at and time.monotonic() > said_at + ENDS_WITHIN_S and doomed.poll() is None and not was_killed:
                for number in numbers:
                    if os.path.exists("/proc/%d" % number):
                        os.kill(number, signal.SIGKILL)
                was_killed = True
                self.half_dead += 1
        return was_killed

    def round(self, number):
        """False when the whole life had fewer steps."""
        rig = self.rig
        rig.wine("sc.exe", "stop", "OpenQMGR")
        poll(lambda: not rig.processes("qmgrsvc.exe"), 20)
        doomed = self.start_doomed(number)
        ledger = os.path.join(rig.tmp, "ledger")
        if os.path.exists(ledger):
            os.remove(ledger)
        client = rig.start(os.path.join(rig.bin, "tests", "ledger.exe"), rig.path(ledger), str(number),
                           "http://127.0.0.1:%d/" % self.server.port, "rate=2000000", rig.path(rig.downloads))
        was_killed = self.wait(client, doomed, rig.processes("qmgrsvc.exe"))
        status = client.poll()
        if status != 0:
            self.problem(number, "the client ended with %s: %s" % (status, rig.output(client).strip().splitlines()[-1:]))
        self.look_at_files(number)
        if doomed.poll() is None:
            rig.kill_service()
            return False
        if doomed.poll() != ENDED_ITSELF and not was_killed:
            self.problem(number, "the service ended with %s: %s" % (doomed.poll(), rig.output(doomed)[-500:]))
        match = re.search(r"fault: the process ends at step \d+: (.*)", rig.output(doomed))
        self.at[match.group(1).strip() if match else "?"] += 1
        return True

    def look_at_files(self, number):
        rig = self.rig
        for name, wanted in self.sums.items():
            target = rig.target("r%d-%s" % (number, name[1:]))
            if not os.path.exists(target):
                self.problem(number, "%s is missing" % target)
            elif sha256(target) != wanted:
                self.problem(number, "%s is wrong" % target)
        for name in os.listdir(rig.downloads):
            if not name.startswith("r%d-" % number):
                self.problem(number, "%s is left" % name)
            os.remove(rig.target(name))


def main():
    is_all = sys.argv[1:] == ["all"]
    numbers = range(1, MOST) if is_all else [int(word) for word in sys.argv[1:]]
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        rig.set_values({"CheckpointBytes": 65536, "CheckpointMs": 600000})
        steps = Steps(rig)
        done = 0
        for number in numbers:
            if not steps.round(number):
                break
            done += 1
            if done % 20 == 0:
                print("%d steps, %s" % (done, dict(steps.at)), flush=True)
            if len(steps.problems) >= 5:
                break
        rig.check("every step was reached" if not is_all else "a life has an end", done == len(numbers) if not is_all
                  else 20 < done < MOST - 1, "%d steps: %s; %d started again, %d half dead" % (done, dict(steps.at), steps.restarts, steps.half_dead))
        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        rig.check("what was acknowledged was there after each end, every file is right", not steps.problems, steps.problems or "none lost")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
