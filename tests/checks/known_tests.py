"""known_tests.py - which tests there are, so that documents can name them. For api_doc.py and pages.py.

A test is named as it can be run:

  subject__circumstance__outcome   a CMocka test that is registered in a table of a file tests/**/*.c
  conformance 71                   a line of tests/conformance/qmgr_conformance: an assertion,
  conformance D15                  or a decision of this project, or another label
  e2e survival: TEXT               a check of tests/e2e/survival.py, by the words it prints

A test says what it shows of the interfaces in a comment just before it, before its line in the table of tests, or before
the call that reports it, by the names of the statements (head of idl/openqmgr.idl); further ones of the same
declaration begin with a point, and ".*" is all its parameters or members:

  /* Shows IOpenQmgrGroup::SetHash.bstrSha256 .E_INVALIDARG OPENQMGR_HASH_NONE */

An assertion that the conformance program only ever reports as skipped shows nothing and is not in the list.
"""

import ast
import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CMOCKA = re.compile(r"[a-z0-9_]+__[a-z0-9_]+\Z")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as stream:
        return stream.read()


def files(pattern):
    found = glob.glob(os.path.join(ROOT, pattern), recursive=True)
    return sorted(os.path.relpath(name, ROOT).replace(os.sep, "/") for name in found)


def cmocka_tests():
    """(test, file) of every test that a program registers."""
    for name in files("tests/**/test_*.c"):
        for table in re.findall(r"struct CMUnitTest \w+\[\] = \{(.*?)\n\s*\};", read(name), re.S):
            for test in re.findall(r"\w+\(\s*(\w+)\s*[,)]", table):
                yield test, name


def conformance_labels():
    """(name, file) of every label that the conformance program can report as ok."""
    for name in files("tests/conformance/*.c"):
        text = read(name)
        for number in re.findall(r"\breport\(\s*(\d+)\s*,", text):
            yield "conformance " + number, name
        for label in re.findall(r'\breport_decision\(\s*"([^"]+)"', text):
            yield "conformance " + label, name


def checks_of_script(name):
    """The words of the checks of an end-to-end test that are there as they are, without anything put in."""
    stem = os.path.basename(name)[:-len(".py")]
    for node in ast.walk(ast.parse(read(name))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        position = {"check": 0, "refuse": 1}.get(called)
        if position is None or len(node.args) <= position:
            continue
        words = node.args[position]
        if isinstance(words, ast.Constant) and isinstance(words.value, str):
            yield f"e2e {stem}: {words.value}", name


def known_tests():
    """Name of the test -> file. Two CMocka tests of one name: the file is a list of both, which no citation can mean."""
    known = {}
    for test, name in cmocka_tests():
        if not CMOCKA.match(test):
            continue
        known[test] = name if test not in known else known[test] + " and " + name
    known.update(conformance_labels())
    for name in files("tests/e2e/*.py"):
        known.update(checks_of_script(name))
    return known


C_SHOWS = re.compile(r"/\* Shows ([^/]*?)\*/\s*(?:static void (\w+)\(void|\w+\(\s*(\w+|\"[^\"]+\"))?")


def names_of_statements(words):
    """'A.x .y B' -> A.x, A.y, B."""
    last = ""
    for word in words.split():
        if word.startswith("."):
            yield last + word
            continue
        yield word
        last = word.rpartition(".")[0]


def shown_in_c(name):
    text = read(name)
    for found in C_SHOWS.finditer(text):
        test = found.group(2) or (found.group(3) or "?").strip('"')
        if name.startswith("tests/conformance/"):
            test = "conformance " + test
        line = text.count("\n", 0, found.start()) + 1
        yield test, (name, line), re.sub(r"\n\s*\*", " ", found.group(1))


def shown_in_python(name):
    lines = read(name).split("\n")
    for at, line in enumerate(lines):
        if not re.match(r"\s*# Shows ", line):
            continue
        words, end = line.strip()[len("# Shows "):], at + 1
        while re.match(r"\s*#   ", lines[end]):
            words += " " + lines[end].strip()[1:].strip()
            end += 1
        called = re.match(r'\s*[\w.]*\w+\((?:\w+, )?(?:"([^"]*)")?', lines[end])
        yield f"e2e {os.path.basename(name)[:-3]}: {called.group(1) if called else '?'}", (name, at + 1), words


def shown(known, findings):
    """Name of a statement -> [(test, where it says so)]. Tests that do not exist are findings."""
    by_statement = {}
    said = [row for name in files("tests/**/*.c") for row in shown_in_c(name)]
    said += [row for name in files("tests/e2e/*.py") for row in shown_in_python(name)]
    for test, where, words in said:
        problem = problem_with(test, known)
        if problem:
            findings.add(where, problem)
        for statement in names_of_statements(words):
            by_statement.setdefault(statement, []).append((test, where))
    return by_statement


def problem_with(test, known):
    """What is wrong with citing that test, or None."""
    if test not in known:
        return f"there is no test '{test}'"
    if " and " in known[test]:
        return f"'{test}' is in {known[test]}: which one is meant?"
    return None


def sort_key(test):
    """Order of citations in lists: by kind, numbers by value."""
    return [int(part) if part.isdigit() else 0 for part in re.findall(r"\d+|\D+", test)], test
