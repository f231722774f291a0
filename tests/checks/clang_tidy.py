#!/usr/bin/env python3
"""Runs clang-tidy over what a build tree compiles.

usage: clang_tidy.py TREE [--only-windows]

TREE has a compile_commands.json. --only-windows leaves out files that a native tree checks as well: those which stand in a
portable layer and do not ask for _WIN32. Each file has a process of its own, because clang-tidy 14 reports variable
arguments wrongly when it is given several. What passed is remembered under TREE until the file, any header, the rules or
the compiler's options change.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PORTABLE = ("service/base/", "service/core/", "service/ports/", "service/rate/", "service/net/", "service/transfer/",
            "service/engine/", "db/",
            "tests/unit/", "tests/rate/", "tests/net/", "tests/transfer/", "tests/fault/", "tests/engine/", "tests/db/", "tests/support/")


def contents(path):
    with open(path, "rb") as stream:
        return stream.read()


def common_hash(tree):
    """Hash of everything that may change the findings in any file: headers, rules, this program."""
    digest = hashlib.sha256(contents(os.path.abspath(__file__)))
    digest.update(subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout)
    for top in [os.path.join(ROOT, name) for name in ("service", "db", "cli", "idl", "proxy-stub", "tests")] + [tree]:
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if not name.startswith(("wine", "tmp", "CMakeFiles", "Testing")))
            for name in sorted(names):
                if name.endswith((".h", ".def", ".inc", ".clang-tidy")):
                    digest.update(name.encode() + b"\0" + contents(os.path.join(folder, name)))
    digest.update(contents(os.path.join(ROOT, ".clang-tidy")))
    return digest.hexdigest()


def files_of(tree, only_windows):
    seen = {}
    for entry in json.loads(contents(os.path.join(tree, "compile_commands.json"))):
        path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        name = os.path.relpath(path, ROOT)
        generated = path.startswith(tree + os.sep) or name.startswith(("..", "build/"))
        if path in seen or generated or not name.endswith(".c"):
            continue
        if only_windows and name.startswith(PORTABLE) and b"_WIN32" not in contents(path):
            continue
        seen[path] = entry.get("command") or " ".join(entry["arguments"])
    return seen


def check(tree, path):
    done = subprocess.run(
        ["clang-tidy", "--quiet", "-p", tree, "--extra-arg=-Wno-unknown-warning-option", path],
        capture_output=True, text=True)
    findings = [line for line in done.stdout.splitlines() if re.search(r": (warning|error): ", line)]
    if done.returncode != 0 and not findings:
        findings = [f"{path}: clang-tidy ended with status {done.returncode}: {done.stderr.strip()[-300:]}"]
    return findings


def main(arguments):
    only_windows = "--only-windows" in arguments
    trees = [argument for argument in arguments if not argument.startswith("--")]
    if len(trees) != 1:
        sys.stderr.write(__doc__)
        return 2
    tree = os.path.abspath(trees[0])
    passed = os.path.join(tree, "tests", "tidy-passed")
    os.makedirs(passed, exist_ok=True)
    common = common_hash(tree)

    files = files_of(tree, only_windows)
    marks = {}
    for path, command in files.items():
        key = hashlib.sha256(f"{common}\0{path}\0{command}\0".encode() + contents(path)).hexdigest()
        marks[path] = os.path.join(passed, key)
    waiting = [path for path in files if not os.path.exists(marks[path])]

    found = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path, findings in zip(waiting, pool.map(lambda path: check(tree, path), waiting)):
            found.update(findings)
            if not findings:
                with open(marks[path], "w", encoding="utf-8"):
                    pass
    for mark in set(os.listdir(passed)) - {os.path.basename(mark) for mark in marks.values()}:
        os.unlink(os.path.join(passed, mark))

    for finding in sorted(found):
        print(finding.replace(ROOT + "/", ""))
    print(f"clang-tidy: {len(files)} files, {len(waiting)} looked at, {len(found)} findings")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
