#!/usr/bin/env python3
"""faults.py - every fault of tests/support/faults.py at once, through the installed service.

Each file is byte for byte what it should be in the end, or its group is in ERROR with the documented codes; and the service's log
says one useful sentence about it. The native engine goes through the same table (tests/engine/test_net_faults.c).
"""

import os
import re
import subprocess
import sys

from rig import SOURCE, Rig, poll, sha256

LIMIT_S = 120
SETTINGS = {"RetryFirstMs": 100, "RetryLongestMs": 1000, "NoProgressMs": 15000, "StallTimeoutMs": 3000, "ConnectTimeoutMs": 3000,
            "BackgroundGroups": 64, "ConnectionsPerHost": 64}
# What only Windows itself, and the native run, can show.
LOST_BY_WINE = {"auth-digest": "Wine has no Digest"}


def start_faultd(rig, folder):
    process = subprocess.Popen([sys.executable, os.path.join(SOURCE, "tests/support/faultd.py"), "--dir", folder, "--until-eof"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    rig.started.append(process)
    table = os.path.join(folder, "table.tsv")
    if not poll(lambda: os.path.exists(table), 60):
        raise RuntimeError("the fault server did not start")
    return table


def read_log(rig):
    """What the service said about each group: number -> lines."""
    said = {}
    for folder, _, names in os.walk(rig.data_folder()):
        for name in names:
            if not name.endswith(".log"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                for line in file:
                    match = re.search(r"group \{([0-9a-f]{8})-", line)
                    if match:
                        said.setdefault(int(match.group(1), 16), []).append(line.rstrip())
    return said


def check_row(rig, fault, result, lines, folder):
    name, _, _, outcome, win32, http, words = fault
    _, state, seen_win32, seen_http, text = result
    target = rig.target(name)
    if outcome == "complete":
        good = state == "complete" and os.path.exists(target) and sha256(target) == sha256(os.path.join(folder, "www", name))
    else:
        good = state == "error" and (seen_win32, seen_http) == (win32, http) and text and not os.path.exists(target)
    was_said = any(words in line for line in lines)
    seen = "%s %s %s" % (state, seen_win32, seen_http) if outcome == "error" else state
    if not good:
        seen += ", wanted %s %s %s: %s" % (outcome, win32, http, text)
    if not was_said:
        seen += ", the log never said %r" % words
    rig.check(name, good and was_said, seen)


def main():
    with Rig() as rig:
        folder = os.path.join(rig.tmp, "faultd")
        table = start_faultd(rig, folder)
        rig.check("service installed", rig.install(), rig.bin)
        with open(os.path.join(folder, "proxy"), encoding="ascii") as file:
            proxy = file.read()
        settings = dict(SETTINGS, CaFile=rig.path(os.path.join(folder, "ca", "ca.pem")), Proxy=proxy,
                        ProxyBypass="nosuchhost.invalid")
        rig.check("service configured", rig.set_values(settings), ", ".join("%s %s" % v for v in sorted(SETTINGS.items())))
        with open(table, encoding="ascii") as file:
            faults = [line.rstrip("\n").split("\t") for line in file]
        result = rig.wine(os.path.join(rig.bin, "many.exe"), rig.path(table), rig.path(rig.downloads), str(LIMIT_S),
                          timeout=LIMIT_S + 60)
        results = [line.split("\t") for line in result.out.splitlines()]
        if not rig.check("all faults were tried", result.status == 0 and len(results) == len(faults) >= 60,
                         "%d faults, %.1f s" % (len(results), result.seconds)):
            print(result)
            return rig.end()
        said = read_log(rig)
        for number, fault in enumerate(faults, 1):
            if fault[0] in LOST_BY_WINE:
                print("skip %s: %s" % (fault[0], LOST_BY_WINE[fault[0]]))
                continue
            check_row(rig, fault, results[number - 1], said.get(number, []), folder)
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
