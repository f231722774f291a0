#!/usr/bin/env python3
"""readme.py - checks that README.md shows examples/first.c as it is, and that the example keeps to 30 lines.

usage: readme.py
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_LINES = 30


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as stream:
        return stream.read()


def findings():
    listings = re.findall(r"^```c\n(.*?)^```", read("README.md"), re.M | re.S)
    program = read("examples/first.c")
    if listings != [program]:
        yield "README.md: the listing is not examples/first.c; copy it"
    if program.count("\n") > MOST_LINES:
        yield f"examples/first.c: {program.count(chr(10))} lines, more than {MOST_LINES}"
    for name in re.findall(r"\]\(([^)#:]+)\)", read("README.md")):
        if not os.path.exists(os.path.join(ROOT, name)):
            yield f"README.md: {name} does not exist"


found = list(findings())
for line in found:
    print(line)
if not found:
    print("README.md shows examples/first.c, and its links lead somewhere")
sys.exit(1 if found else 0)
