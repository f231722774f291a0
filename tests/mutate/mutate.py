#!/usr/bin/env python3
"""mutate.py - how many small faults do the tests of a layer notice?

usage: mutate.py [--seed N] [--count N] [--jobs N] [--at-least PERCENT] [--only TEXT] [--sanitize] [--list] LAYER...

LAYER is one of: core, rate, net, transfer, engine, db, cli. Changes one place at a time at random, builds, runs the tests of that
layer, and prints what no test noticed, with the percentage that was noticed. The kinds of change:

  comparison  < becomes <=, == becomes !=, && becomes ||, ...
  constant    a number becomes the next one, true becomes false
  condition   the condition of an if is negated
  check       an if that returns, jumps or goes on is never taken
  call        a call that stands alone is left out (but not one that frees, logs or asserts)

  --seed      the same number changes the same places (default 1); the places depend on the sources too
  --count     how many changes per layer (default 40)
  --jobs      how many compilers, and how many test programs at a time (default 2)
  --at-least  status 1 when less than that percentage was noticed in a layer (default 0)
  --only      changes only in files whose path has that text
  --sanitize  builds with the address and undefined-behaviour sanitizers, as native-asan does: slower, and sees more
  --list      prints the changes and makes none

Works on a copy of the sources under build/mutate (with what is not committed): the tree itself is never changed. A change that gives the same object file, or does not compile, is not counted. A test that takes five times as long as
without the change has noticed it. Output of a change that was noticed: the test that did. Of one that was not: the line before
and after.
"""

import argparse
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(ROOT, "build", "mutate")
SOURCE = os.path.join(WORK, "source")
TREE = os.path.join(WORK, "tree")

# layer: its folder, and the kinds of tests that are its own
LAYERS = {
    "core": ("service/core", ("unit",)),
    "rate": ("service/rate", ("rate", "unit")),
    "net": ("service/net", ("net",)),
    "transfer": ("service/transfer", ("transfer", "engine")),
    "engine": ("service/engine", ("engine", "crash")),
    "db": ("db", ("db",)),
    "cli": ("cli", ("cli",)),
}
SKIPPED = 77
LEAST_TIME_S = 10

SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
# Calls whose loss a test without a leak checker cannot see, or that only speak.
QUIET = re.compile(r"\w*(free|release|unref|decref|close|cleanup|finalize|destroy|log|assert|trace|static_assert)\w*$", re.I)
WORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "goto", "case"}


class Change:
    """Text of a file from begin to end becomes another."""

    def __init__(self, name, text, kind, begin, end, new):
        self.name, self.kind, self.begin, self.end, self.new = name, kind, begin, end, new
        self.line = text.count("\n", 0, begin) + 1
        self.before = self.lines(text, end)
        self.after = self.lines(self.applied(text), begin + len(new))

    def lines(self, text, end):
        first, last = text.rfind("\n", 0, self.begin) + 1, text.find("\n", end)
        return " ".join(text[first:last if last >= 0 else len(text)].split())

    def applied(self, text):
        return text[:self.begin] + self.new + text[self.end:]

    def __str__(self):
        return "%s:%d: %s\n    - %s\n    + %s" % (self.name, self.line, self.kind, self.before[:150], self.after[:150])


# --- places ---------------------------------------------------------------------------------------------------------

def blank(text):
    """The text with comments, strings and preprocessor lines blanked out, in the same places."""
    spaces = lambda found: re.sub(r"[^\n]", " ", found.group(0))
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', spaces, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", spaces, text, flags=re.M)


def closing(code, at):
    """Where the parenthesis that opens at `at` is closed."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == "(") - (code[i] == ")")
        if depth == 0:
            return i
    return len(code)


def bodies(code):
    """(begin, end) of the bodies of functions, whose braces the house style puts into the first column."""
    for found in re.finditer(r"^\{\n(.*?)^\}", code, re.M | re.S):
        yield found.start(1), found.end(1)


def places_of(name, text):
    code = blank(text)
    for first, last in bodies(code):
        body = code[first:last]
        asserts = [(found.start(), closing(body, found.end() - 1))
                   for found in re.finditer(r"\b\w*assert\w*\s*\(|\boq_log\w*\s*\(", body)]

        def change(kind, begin, end, new):
            if not any(a <= begin <= b for a, b in asserts):
                yield Change(name, text, kind, first + begin, first + end, new)

        for found in re.finditer(r"(?<= )(<=|>=|==|!=|<|>|&&|\|\|)(?=\s)", body):
            yield from change("comparison", found.start(), found.end(), SWAPS[found.group()])
        for found in re.finditer(r"(?<![\w.])(\d+|0x[0-9a-fA-F]+)(?=[uUlL]*\b(?![.\w]))", body):
            yield from change("constant", found.start(), found.end(), str(int(found.group(), 0) + 1))
        for found in re.finditer(r"\b(true|false)\b", body):
            yield from change("constant", found.start(), found.end(), "false" if found.group() == "true" else "true")
        for found in re.finditer(r"\bif \(", body):
            opening = found.end() - 1
            end = closing(body, opening)
            condition = text[first + opening:first + end + 1]
            yield from change("condition", opening, end + 1, "(!%s)" % condition)
            if re.match(r"\)\s*\{?\s*(return|goto|break|continue)\b", body[end:]):
                yield from change("check", opening, end + 1, "(0 && %s)" % condition)
        for found in re.finditer(r"(?<=\n)[ \t]+((?:\(void\))?(\w+)\()", body):
            end = closing(body, found.end() - 1)
            before = body[:found.start()].rstrip()
            if body[end + 1:end + 2] == ";" and found.group(2) not in WORDS and not QUIET.match(found.group(2)) \
                    and before[-1:] in (";", "}", "{", "", ")", "e"):
                yield from change("call", found.start(1), end + 1, "(void)0")


def sample(layer, seed, only):
    """The changes of a layer in the order of that seed, kinds in turn."""
    folder = LAYERS[layer][0]
    compiled = {os.path.relpath(entry["file"], SOURCE)
                for entry in json.load(open(os.path.join(TREE, "compile_commands.json"), encoding="utf-8"))}
    by_kind = {}
    for name in sorted(os.listdir(os.path.join(SOURCE, folder))):
        name = os.path.join(folder, name)
        if name in compiled and only in name:
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                for place in places_of(name, file.read()):
                    by_kind.setdefault(place.kind, []).append(place)
    dice = random.Random("%s %s" % (seed, layer))
    for places in by_kind.values():
        dice.shuffle(places)
    while any(by_kind.values()):
        for kind in sorted(by_kind):
            if by_kind[kind]:
                yield by_kind[kind].pop()


# --- building and running -------------------------------------------------------------------------------------------

def write_if_other(path, content):
    """A file keeps its time unless its content changes: the build goes by that."""
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return
    except OSError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def copy_sources():
    names = subprocess.run(["git", "-c", "safe.directory=" + ROOT, "ls-files", "-z"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for name in names:
        path = os.path.join(ROOT, name)
        if name and os.path.isfile(path):
            with open(path, "rb") as file:
                write_if_other(os.path.join(SOURCE, name), file.read())
            os.chmod(os.path.join(SOURCE, name), os.stat(path).st_mode & 0o777)
    for folder, _, there in os.walk(SOURCE):
        for name in there:
            path = os.path.join(folder, name)
            if os.path.relpath(path, SOURCE) not in names:
                os.unlink(path)


def configure(is_sanitized):
    # A compiler that warns of a change would notice it before the tests do.
    subprocess.run(["cmake", "-S", SOURCE, "-B", TREE, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_COMPILER=gcc",
                    "-DCMAKE_C_FLAGS=-O1 -w", "-DOQ_SANITIZE=" + ("address,undefined" if is_sanitized else ""),
                    "-DOQ_FAULT_INJECTION=ON", "-DOQ_TEST_SKIP_KINDS=checks;mutate"],
                   check=True, stdout=subprocess.DEVNULL)


class Test:
    def __init__(self, entry):
        facts = {item["name"]: item["value"] for item in entry["properties"]}
        self.name, self.command = entry["name"], entry["command"]
        self.labels = facts.get("LABELS", [])
        self.folder = facts.get("WORKING_DIRECTORY", TREE)
        self.environment = dict(os.environ, **dict(word.split("=", 1) for word in facts.get("ENVIRONMENT", [])))
        self.seconds, self.limit_s = 0.0, 600.0

    def passes(self):
        began = time.monotonic()
        process = subprocess.Popen(self.command, cwd=self.folder, env=self.environment, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            status = process.wait(self.limit_s)
        except subprocess.TimeoutExpired:
            status = "time"
        try:
            os.killpg(process.pid, signal.SIGKILL)  # servers that a test left behind
        except ProcessLookupError:
            pass
        process.wait()
        self.seconds = time.monotonic() - began
        return status in (0, SKIPPED)


def programs_of(layer):
    """The test programs of a layer, as targets of Ninja: test_<kind>_<name>."""
    lines = subprocess.run(["ninja", "-C", TREE, "-t", "targets", "all"], check=True, capture_output=True, text=True).stdout
    kinds = "|".join(LAYERS[layer][1])
    return sorted(set(re.findall(r"^(bin/tests/test_(?:%s)_\w+):" % kinds, lines, re.M)))


def tests_of(layer):
    """The tests of a layer; CTest knows the command of those that are built."""
    listed = subprocess.run(["ctest", "--show-only=json-v1"], cwd=TREE, check=True, capture_output=True, text=True).stdout
    tests = [Test(entry) for entry in json.loads(listed)["tests"] if entry.get("command")]
    programs = os.path.join(TREE, "bin", "tests") + os.sep
    return [test for test in tests if set(test.labels) & set(LAYERS[layer][1]) and not set(test.labels) & {"long", "lint"}
            and test.command[0].startswith(programs)]


def build(programs, jobs):
    return subprocess.run(["ninja", "-C", TREE, "-j", str(jobs), *programs], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def run(tests, jobs):
    """The first test that fails, or None; the quickest ones begin."""
    waiting = sorted(tests, key=lambda test: test.seconds)
    failed, lock = [], threading.Lock()

    def work():
        while True:
            with lock:
                if failed or not waiting:
                    return
                test = waiting.pop(0)
            seconds = test.seconds
            if not test.passes():
                failed.append(test)
            test.seconds = seconds or test.seconds
    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed[0] if failed else None


def object_of(name):
    """Digest of the object file of a source file."""
    with open(os.path.join(TREE, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            if entry["file"] == os.path.join(SOURCE, name):
                output = entry["command"].partition(" -o ")[2].split()[0]
                with open(os.path.join(TREE, output), "rb") as built:
                    return hashlib.sha256(built.read()).hexdigest()
    return None


def examine(layer, options):
    """(noticed, survivors) of a layer."""
    programs = programs_of(layer)
    if not build(programs, options.jobs):
        sys.exit("mutate.py: the unchanged sources do not build in " + TREE)
    tests = tests_of(layer)
    failed = run(tests, options.jobs) and run(tests, options.jobs)
    if failed:
        sys.exit("mutate.py: %s fails without any change" % failed.name)
    for test in tests:
        test.limit_s = max(LEAST_TIME_S, 5 * test.seconds)
    print("%s: %d test programs, %.0f s in all" % (layer, len(tests), sum(test.seconds for test in tests)), flush=True)

    noticed, survivors = 0, []
    for change in sample(layer, options.seed, options.only):
        if noticed + len(survivors) >= options.count:
            break
        path = os.path.join(SOURCE, change.name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        unchanged = object_of(change.name)
        try:
            write_if_other(path, change.applied(text).encode())
            if not build(programs, options.jobs) or object_of(change.name) == unchanged:
                continue
            failed = run(tests, options.jobs)
        finally:
            write_if_other(path, text.encode())
        if failed:
            noticed += 1
            print("noticed  %s:%d: %s (%s)" % (change.name, change.line, change.kind, failed.name), flush=True)
        else:
            survivors.append(change)
            print("SURVIVED %s" % change, flush=True)
        # The next one is compared with the unchanged object.
        build(programs, options.jobs)
    return noticed, survivors


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--at-least", type=float, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("layers", nargs="+", choices=sorted(LAYERS))
    options = parser.parse_args()
    copy_sources()
    configure(options.sanitize)
    is_good = True
    for layer in options.layers:
        if options.list:
            for _, change in zip(range(options.count), sample(layer, options.seed, options.only)):
                print(change)
            continue
        noticed, survivors = examine(layer, options)
        count = noticed + len(survivors)
        share = 100.0 * noticed / count if count else 0.0
        print("%s: %d of %d noticed, %.0f %% (seed %d)" % (layer, noticed, count, share, options.seed), flush=True)
        is_good = is_good and count > 0 and share >= options.at_least
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
