#!/usr/bin/env python3
"""pages.py - checks what the pages of docs/ promise about themselves.

usage: pages.py [--layers]     with --layers: prints the picture of docs/architecture.md, made from the CMake files

  - every link within the tree leads to a file, and one with # to a heading of that file;
  - every entry of docs/compat.md names tests that exist, or says "none" and why; decisions D1 to D31 are all there;
  - docs/config.md has the values that service/win/config.c reads besides the numbers (those: tests/unit/test_pages.c);
  - docs/events.md has the events of service/win/oq_win_messages.mc, word for word;
  - docs/architecture.md has the layers as they are in the CMake files, and each row of its tables "step | file | function"
    names functions of these files;
  - a source file that a page names in backquotes is there;
  - the records of docs/decisions are numbered, each number once.

docs/api.md is checked by api_doc.py.
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ beside the sources
from known_tests import ROOT, files, known_tests, problem_with, read

DECISIONS = [f"D{number}" for number in range(1, 32)]
MADE = ["openqmgr.h", "oq_version.h", "qmgr.h"]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def anchors(text):
    """The names that headings of a page can be linked by, as the usual viewers make them."""
    plain = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+ (.+)$", plain, re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w -]", "", heading).strip().replace(" ", "-")
        twin = name
        for count in range(1, 100):
            if twin not in found:
                break
            twin = f"{name}-{count}"
        found.add(twin)
    return found


def check_links(name):
    text = read(name)
    without_code = re.sub(r"^```.*?^```|`[^`\n]*`", lambda found: re.sub(r"[^\n]", " ", found.group(0)), text, flags=re.M | re.S)
    for found in re.finditer(r"\]\(([^)\s]+)\)", without_code):
        target, _, anchor = found.group(1).partition("#")
        line = without_code.count("\n", 0, found.start()) + 1
        if re.match(r"\w+:", target):
            continue
        path = os.path.normpath(os.path.join(os.path.dirname(name), target)) if target else name
        if not os.path.exists(os.path.join(ROOT, path)):
            yield f"{name}:{line}: {found.group(1)} does not exist"
        elif anchor and path.endswith(".md") and anchor not in anchors(read(path)):
            yield f"{name}:{line}: {path} has no heading '{anchor}'"


def entries(text):
    """(line, name, words) of the items "- **name** ..."."""
    for found in re.finditer(r"^- \*\*(.+?)\*\*(.*(?:\n(?!- |#|\n).*)*)", text, re.M):
        yield text.count("\n", 0, found.start()) + 1, found.group(1).rstrip("."), re.sub(r"\s+", " ", found.group(2))


def check_compat(known):
    name = "docs/compat.md"
    seen = []
    for line, title, words in entries(read(name)):
        seen.append(title)
        _, separator, tests = words.partition("Test: ")
        if not separator:
            yield f"{name}:{line}: {title}: no 'Test: '"
        elif tests.startswith("none"):
            if not re.match(r"none \(.{10,}\)\.$", tests):
                yield f"{name}:{line}: {title}: no test, and no reason for it"
        else:
            cited = re.findall(r"`([^`]+)`", tests)
            if not cited or re.sub(r"`[^`]+`", "", tests).strip("; .") != "":
                yield f"{name}:{line}: {title}: after 'Test: ' come tests in backquotes, with semicolons between them"
            for test in cited:
                problem = problem_with(test, known)
                if problem:
                    yield f"{name}:{line}: {title}: {problem}"
    for decision in DECISIONS:
        if seen.count(decision) != 1:
            yield f"{name}: decision {decision} is there {seen.count(decision)} times"
    if len(seen) < 60:
        yield f"{name}: only {len(seen)} entries were understood"


def check_config():
    source = "service/win/config.c"
    wanted = re.findall(r'\{"(\w+)",\s*take_\w+\}', read(source))
    section = read("docs/config.md").partition("\n## Others\n")[2]
    given = re.findall(r"^\| `(\w+)` \|", section, re.M)
    if not wanted:
        yield f"{source}: the list of values was not understood"
    if sorted(wanted) != sorted(given):
        yield f"docs/config.md: 'Others' has {', '.join(given)}; {source} reads {', '.join(wanted)}"


def check_events():
    source = "service/win/oq_win_messages.mc"
    wanted = re.findall(r"^MessageId=(\d+)\nSeverity=(\w+)\nSymbolicName=\w+\nLanguage=English\n(.*)\n\.$", read(source), re.M)
    given = re.findall(r"^\| (\d+) \| (\w+) \| (.+?) \| .+ \|$", read("docs/events.md"), re.M)
    if not wanted or len(wanted) != read(source).count("MessageId="):
        yield f"{source}: the list of events was not understood"
    for event in sorted(set(wanted) ^ set(given)):
        yield f"docs/events.md and {source} differ: {' | '.join(event)}"


def check_decisions():
    numbers = []
    for name in files("docs/decisions/*"):
        found = re.match(r"docs/decisions/(\d{4})-[a-z0-9-]+\.md$", name)
        if not found:
            yield f"{name}: records are called NNNN-some-words.md"
            continue
        if found.group(1) in numbers:
            yield f"{name}: the number is taken"
        numbers.append(found.group(1))


def layers():
    """layer -> layers that its CMake file names."""
    found = {}
    for name in files("service/**/CMakeLists.txt") + files("db/CMakeLists.txt") + files("cli/CMakeLists.txt") + files("idl/CMakeLists.txt"):
        for call in re.findall(r"^\s*(?:oq_layer|oq_program|add_library)\(([^)]*)\)", read(name), re.M):
            words = call.split()
            uses = words[words.index("DEPENDS") + 1:] if "DEPENDS" in words else []
            found[words[0]] = {use for use in uses if use.startswith("oq_")}
    known = set(found) - {"oq_messages", "oq_proxy_code"}  # made by tools
    return {name: found[name] & known for name in known}


def picture():
    """Each layer above those that it uses; what one of these uses as well is left out."""
    uses = layers()

    def height(name):
        return 1 + max((height(other) for other in uses[name]), default=0)

    def reached(name):
        return uses[name].union(*(reached(other) for other in uses[name]))

    for level in range(max(map(height, uses)), 0, -1):
        for name in sorted(name for name in uses if height(name) == level):
            direct = {use for use in uses[name] if not any(use in reached(other) for other in uses[name])}
            below = ", ".join(sorted(use.removeprefix("oq_") for use in direct))
            yield f"  {name.removeprefix('oq_'):<9} {'-> ' + below if below else ''}".rstrip()
        if level > 1:
            yield ""


def check_architecture():
    name = "docs/architecture.md"
    text = read(name)
    if "```\n" + "\n".join(picture()) + "\n```\n" not in text:
        yield f"{name}: the picture is not that of pages.py --layers"
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+) \| (`[^|]+) \|$", text, re.M)
    if len(rows) < 20:
        yield f"{name}: only {len(rows)} steps were understood"
    for places, functions in rows:
        sources = [place for place in re.findall(r"`([^`]+)`", places) if os.path.exists(os.path.join(ROOT, place))]
        for function in re.findall(r"`([^`]+)`", functions):
            if not any(re.search(rf"^\S.*\b{function}\(", read(source), re.M) for source in sources):
                yield f"{name}: {function} is not in {places}"


def check_sources(name):
    """Files named in backquotes; those that are made by a build or are not ours are in MADE."""
    there = set(subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())
    for found in re.finditer(r"`([\w./-]+\.(?:c|h|def|idl|mc|py|sh|sql|cmake|ps1))`", read(name)):
        place = found.group(1)
        if place in MADE or place in there or os.path.normpath(os.path.join(os.path.dirname(name), place)) in there:
            continue
        if "/" in place or not any(other.endswith("/" + place) for other in there):
            yield f"{name}:{read(name).count(chr(10), 0, found.start()) + 1}: there is no {place}"


def findings():
    known = known_tests()
    for name in PAGES + files("docs/**/*.md"):
        yield from check_links(name)
        yield from check_sources(name)
    yield from check_compat(known)
    yield from check_config()
    yield from check_events()
    yield from check_decisions()
    yield from check_architecture()


if sys.argv[1:] == ["--layers"]:
    print("\n".join(picture()))
    sys.exit(0)
found = list(findings())
for finding in found:
    print(finding)
print(f"pages: {len(found)} findings" if found else "pages: links, tests and values are right")
sys.exit(1 if found else 0)
