#!/usr/bin/env python3
"""liar.py - calls whose buffers lie about their counts end in an error, and the service goes on.

usage: liar.py [--32]     with --32 the client is a 32-bit program
"""

import os
import sys

from rig import Rig


def main():
    is_32 = "--32" in sys.argv
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        if is_32:
            rig.check("registered for 32-bit clients", rig.install_32(), rig.bin_32)
        rig.check("a list", rig.ctl("list").status == 0, "list")
        before = rig.processes("qmgrsvc.exe")
        program = os.path.join(rig.bin_32 if is_32 else rig.bin, "qmgr_liar.exe")
        result = rig.wine(program, rig.path(rig.downloads), timeout=300)
        print("\n".join("     " + line for line in result.out.splitlines()))
        rig.check("every lie is refused", result.status == 0 and "\n0 failed" in result.out, result.status)
        rig.check("the same process of the service", before and rig.processes("qmgrsvc.exe") == before, before)
        rig.check("the queue is empty", rig.ctl("list").out.strip() == "no downloads in the queue", "list")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
