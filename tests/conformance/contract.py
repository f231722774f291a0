#!/usr/bin/env python3
"""contract.py - qmgr_conformance against the installed service, once for each way it is built.

Every assertion of the contract and every decision is "ok", or "skipped" and then one of those that one user under Wine
cannot show. The programs built against our header and against the tool chain's must say the same.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.dont_write_bytecode = True
from rig import Rig

# Of 87: what needs a second user, or the service's own process, or an event that this service does not have.
MAY_BE_SKIPPED = {"9", "10", "11", "12", "25", "38", "80"}
ASSERTIONS = {str(number) for number in range(1, 88)}
LIMIT_S = 400


def verdicts(result):
    """(label, verdict) of each line; what was seen may differ from run to run."""
    return re.findall(r"^ *(\S+) (ok|not ok|skipped)\b", result.out, re.M)


def run(rig, name, program):
    result = rig.wine(program, "--service", "OpenQMGR", timeout=LIMIT_S)
    lines = verdicts(result)
    bad = [line.strip() for line in result.out.splitlines() if re.match(r" *\S+ not ok", line)]
    skipped = {label for label, verdict in lines if verdict == "skipped"}
    for line in result.out.splitlines():
        if " skipped: " in line:
            print("     %s: %s" % (name, line.strip()))
    rig.check("%s: every assertion has its line" % name, {label for label, _ in lines} >= ASSERTIONS,
              "%d lines, %.0f s" % (len(lines), result.seconds))
    rig.check("%s: no assertion and no decision fails" % name, result.status == 0 and not bad,
              "; ".join(bad) or result.out.strip().splitlines()[-1:])
    rig.check("%s: only what cannot be shown here is skipped" % name, skipped <= MAY_BE_SKIPPED, sorted(skipped, key=int))
    return lines


def run_32(rig, lines):
    """A 32-bit client of the 64-bit service."""
    if not rig.check("32-bit programs run, and their proxy DLL is registered", rig.install_32(), rig.bin_32):
        return
    rig.check("32-bit client: the same as the 64-bit one",
              run(rig, "32 bits", os.path.join(rig.bin_32, "qmgr_conformance.exe")) == lines, rig.bin_32)


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        ours = run(rig, "our header", os.path.join(rig.bin, "qmgr_conformance.exe"))
        theirs = run(rig, "the tool chain's qmgr.h", os.path.join(rig.bin, "qmgr_conformance_mingw.exe"))
        common = [pair for pair in ours if not pair[0].startswith("ext-")]  # theirs does not know our extension
        rig.check("the extension interfaces were tried", len(ours) == len(common) + 3, ours)
        rig.check("both say the same", common == theirs, [pair for pair in zip(common, theirs) if pair[0] != pair[1]] or
                  "%d lines" % len(common))
        run_32(rig, ours)
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
