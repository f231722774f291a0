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
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["OQ_SOURCE_DIR"], "tests", "e2e"))
from rig import Rig, poll, sha256  # noqa: E402  (the path has to be there first)

SIZES = [0, 1, 65536, 100000, 200000, 300001, 50000, 400000, 500000]
MOST = 500  # steps, by far more than a life has
ENDED_ITSELF = 86
STARTS = 3


class Steps:
    def __init__(self, rig):
        self.rig = rig
        self.server = rig.serve()
        self.sums = {}
        self.problems = []
        self.at = collections.Counter()
        self.restarts = 0  # of a program that Wine ended before it said a word
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
        try:
            status = client.wait(240)
        except subprocess.TimeoutExpired:
            status = None
        if status != 0:
            self.problem(number, "the client ended with %s: %s" % (status, rig.output(client).strip().splitlines()[-1:]))
        self.look_at_files(number)
        if doomed.poll() is None:
            rig.kill_service()
            return False
        if doomed.poll() != ENDED_ITSELF:
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
                  else 20 < done < MOST - 1, "%d steps: %s; %d started again" % (done, dict(steps.at), steps.restarts))
        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        rig.check("what was acknowledged was there after each end, every file is right", not steps.problems, steps.problems or "none lost")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
