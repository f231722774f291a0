#!/usr/bin/env python3
"""kill_loop.py - the service killed at random moments, again and again, while downloads are in flight.

usage: kill_loop.py [--rounds N] [--seed N] [--first N]

Each round a client (ledger.c) takes three groups of three files each through their whole life. Meanwhile the service is
ended with TerminateProcess once or twice, or everything in the Wine prefix at once (wineserver -k), which is the power
cut to Windows programs; then both go on. Each round must end with every file identical, no group missing, doubled or
left, everything that was acknowledged there after each kill, no temporary file, and no more than one checkpoint
interval fetched again per kill and running file, by the server's log. The seed decides what happens in every round:
--seed S --first N --rounds 1 does round N of that run again. (The moment within the service's work is as random as the
machine.)
"""

import argparse
import collections
import glob
import json
import os
import random
import subprocess
import sys
import time

from rig import Rig, sha256

GROUPS, FILES = 3, 3
SIZES = [0, 1, 65536, 300000, 500000, 700001, 1200000, 1500000, 2000000]
RATE = 1000000
# CheckpointBytes. A quarter of it is what may be in the sockets when the reader dies: sent, and never read.
INTERVAL = 1024 * 1024
ROUND_LIMIT_S = 240
STARTS = 5  # of clients that Wine ends before their first step, in the whole run


class Log:
    """The server's log, read on from where it was read last."""

    def __init__(self, name):
        self.name, self.position = name, 0

    def more(self):
        if not os.path.exists(self.name):
            return []
        with open(self.name, "rb") as file:
            file.seek(self.position)
            lines = file.read()
        whole = lines.rfind(b"\n") + 1
        self.position += whole
        return [json.loads(line) for line in lines[:whole].splitlines()]


class Loop:
    def __init__(self, rig, server, seed):
        self.rig, self.server, self.seed = rig, server, seed
        self.log = Log(server.log_name)
        self.sums = {}
        self.kills = collections.Counter()
        self.again = []  # bytes fetched again, per file that was, divided by the kills of its round
        self.problems = []
        self.slowest = 0.0
        self.unstarted = 0
        for group in range(GROUPS):
            for file in range(FILES):
                name = "f%d-%d.bin" % (group, file)
                self.sums[name] = sha256(server.make(name, SIZES[group * FILES + file]))

    def client(self, number, kills):
        out = os.path.join(self.rig.tmp, "client.out")
        with open(out, "ab") as file, open(out + ".err", "ab") as errors:
            return subprocess.Popen(
                self.rig.command(os.path.join(self.rig.bin, "tests", "ledger.exe"), self.rig.path(self.ledger), str(number),
                                 "http://127.0.0.1:%d/" % self.server.port, "rate=%d" % RATE,
                                 self.rig.path(self.rig.downloads), *[str(k) for k in kills]),
                stdin=subprocess.DEVNULL, stdout=file, stderr=errors, cwd=self.rig.tmp)

    def output(self):
        with open(os.path.join(self.rig.tmp, "client.out"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def power_cut(self, process):
        self.rig.wine_stop()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.rig.keep_prefix()
        self.kills["wineserver -k"] += 1

    def wait(self, process, limit_s):
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def round(self, number):
        chance = random.Random("%d/%d" % (self.seed, number))
        self.ledger = os.path.join(self.rig.tmp, "ledger")
        for name in (self.ledger, os.path.join(self.rig.tmp, "client.out"), os.path.join(self.rig.tmp, "client.out.err")):
            if os.path.exists(name):
                os.remove(name)
        began = time.monotonic()
        power_cuts = kills = 0
        if chance.random() < 0.25:
            process = self.client(number, [])
            if self.wait(process, chance.uniform(0.3, 3.0)) is None:
                self.power_cut(process)
                power_cuts = 1
                process = self.client(number, [])
        else:
            moments = sorted(chance.randrange(0, 3500) for _ in range(chance.choice((1, 1, 2))))
            process = self.client(number, moments)
        status = self.wait(process, ROUND_LIMIT_S)
        while status and not self.output() and not os.path.exists(self.ledger) and self.unstarted < STARTS:
            self.unstarted += 1  # Wine has ended it before its first step
            process = self.client(number, [])
            status = self.wait(process, ROUND_LIMIT_S)
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, seconds)
        kills = self.output().count("killed after")
        self.kills["TerminateProcess"] += kills
        self.kills["none"] += not kills + power_cuts
        words = self.output()
        if status != 0:
            with open(os.path.join(self.rig.tmp, "client.out.err"), encoding="utf-8", errors="replace") as file:
                errors = file.read().splitlines()[-3:]
            self.problem(number, "the client ended with %s: %s %s" % (status, words.strip().splitlines()[-1:], errors))
            if status is None:
                process.kill()
        self.look_at_files(number)
        self.look_at_log(number, kills + power_cuts)
        return seconds

    def problem(self, number, what):
        is_first = not self.problems or self.problems[-1] != number
        self.problems.append(number)
        self.rig.check("round %d of seed %d" % (number, self.seed), False, what)
        if not is_first:
            return
        for name in glob.glob(os.path.join(self.rig.data_folder(), "*.log")):
            with open(name, encoding="utf-8", errors="replace") as file:
                print("--- the end of %s:\n%s" % (os.path.basename(name), "".join(file.readlines()[-30:])))
        if os.path.exists(self.ledger):
            with open(self.ledger, encoding="utf-8") as file:
                print("--- the ledger: %s" % "; ".join(file.read().splitlines()), flush=True)

    def look_at_files(self, number):
        for name in sorted(os.listdir(self.rig.downloads)):
            if not name.startswith("r%d-" % number):
                self.problem(number, "%s is left" % name)
        for name, wanted in self.sums.items():
            target = self.rig.target("r%d-%s" % (number, name[1:]))
            if not os.path.exists(target):
                self.problem(number, "%s is missing" % target)
            elif sha256(target) != wanted:
                self.problem(number, "%s is wrong" % target)
        for name in os.listdir(self.rig.downloads):
            os.remove(self.rig.target(name))

    def look_at_log(self, number, kills):
        sent = collections.Counter()
        for request in self.log.more():
            name, _, query = (request.get("path") or "").lstrip("/").partition("?")
            if query.endswith("&x=%d" % number) and request["status"] in (200, 206):
                sent[name] += request["sent"]
        for i, name in enumerate(sorted(self.sums)):
            again = sent[name] - SIZES[i]
            if again > 0 and kills:
                self.again.append(again / kills)
            # A group is also suspended once, and what is in the sockets then comes again as well.
            if again > kills * INTERVAL + INTERVAL // 4:
                self.problem(number, "%d bytes of %s fetched again after %d kills" % (again, name, kills))


def main():
    parser = argparse.ArgumentParser(description="kills the service at random moments")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    print("seed %d" % seed, flush=True)
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        rig.set_value("CheckpointBytes", INTERVAL)
        rig.set_value("CheckpointMs", 600000)  # bytes alone decide: a slow machine gives the same figures
        loop = Loop(rig, rig.serve(), seed)
        seconds = 0.0
        for number in range(options.first, options.first + options.rounds):
            seconds += loop.round(number)
            if (number + 1) % 50 == 0:
                print("%d rounds, %s, %.1f s a round" % (number + 1 - options.first, dict(loop.kills),
                                                        seconds / (number + 1 - options.first)), flush=True)
            if len(loop.problems) >= 5:
                break
        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        rig.check("%d rounds: every file identical, no group missing or doubled, nothing acknowledged lost, no temporary "
                  "file left" % options.rounds, not loop.problems, "%s; %.1f s a round, the slowest %.1f s; %d clients started again"
                  % (", ".join("%s %d" % k for k in sorted(loop.kills.items())), seconds / options.rounds, loop.slowest,
                     loop.unstarted))
        again = sorted(loop.again) or [0]
        rig.check("no more than a checkpoint interval (%d bytes) is fetched again per kill and running file" % INTERVAL,
                  not loop.problems, "%d times, on average %d bytes, 95 %% below %d, at most %d" % (
                      len(loop.again), sum(again) / len(again), again[len(again) * 95 // 100], again[-1]))
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
