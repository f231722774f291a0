#!/usr/bin/env python3
"""Prints the machine's own Debian package sources again, as entries of one type and without architectures.

usage: debian_sources.py [--codename NAME] [--type deb-src | --type deb] FILE_OR_FOLDER...

Reads apt's configuration (one-line *.list files and deb822 *.sources files) and prints, in deb822 form, the entries
that are Debian's own, each with that type (deb-src unless said otherwise). So source packages, and packages of another
architecture, come from wherever this machine takes its packages, no mirror has to be named here, and apt's own files
stay as they are.

An entry counts as Debian's own when it is enabled, is of type deb or deb-src, has the component main, has a suite
named after the release (bookworm, bookworm-updates, bookworm-security, stable, ...), and is signed by the Debian
archive keyring or says nothing about keys. Everything else on the machine is a third party's and is left out.
"""

import argparse
import os
import re
import sys

KEYRING = "debian-archive-keyring"
# Options of an entry that say how to reach or trust it, and so have to be kept.
KEPT_FIELDS = ("Signed-By", "Trusted", "Check-Valid-Until", "Valid-Until-Max", "By-Hash", "InRelease-Path")


def suites_of(codename):
    """The names under which a release and its updates appear in a source entry."""
    bases = [codename, "stable", "oldstable"]
    endings = ["", "-updates", "-security", "/updates"]
    return {base + ending for base in bases for ending in endings}


def parse_one_line(text):
    """Yields the entries of a *.list file as dictionaries with deb822 field names."""
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        match = re.match(r"(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$", line)
        if not match:
            continue
        kind, options, uri, suite, components = match.groups()
        entry = {"Types": kind, "URIs": uri, "Suites": suite, "Components": components}
        for option in (options or "").split():
            name, _, value = option.partition("=")
            name = "-".join(part.capitalize() for part in name.split("-"))
            entry[{"Inrelease-Path": "InRelease-Path"}.get(name, name)] = value.replace(",", " ")
        yield entry


def parse_deb822(text):
    """Yields the stanzas of a *.sources file as dictionaries; continuation lines keep their line breaks."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    known = {name.lower(): name for name in KEPT_FIELDS + ("Types", "URIs", "Suites", "Components", "Enabled")}
    for stanza in re.split(r"\n(?:[ \t]*\n)+", "\n".join(lines)):
        entry, last = {}, None
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t") and last:
                entry[last] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                last = known.get(name.strip().lower(), name.strip())
                entry[last] = value.strip()
        if entry:
            yield entry


def debians_own(entry, suites):
    """The suites of an entry that are Debian's own; empty for a third party's entry."""
    if entry.get("Enabled", "yes").lower() in ("no", "false", "0"):
        return []
    if not set(entry.get("Types", "").split()) & {"deb", "deb-src"}:
        return []
    if "main" not in entry.get("Components", "").split():
        return []
    signed_by = entry.get("Signed-By", "")
    if signed_by and KEYRING not in signed_by:
        return []
    return [suite for suite in entry.get("Suites", "").split() if suite in suites]


def files_of(paths):
    for path in paths:
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                if name.endswith((".list", ".sources")):
                    yield os.path.join(path, name)
        elif os.path.isfile(path):
            yield path


def collect(paths, suites, kind="deb-src"):
    stanzas = []
    for path in files_of(paths):
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        for entry in (parse_deb822 if path.endswith(".sources") else parse_one_line)(text):
            own = debians_own(entry, suites)
            if not own:
                continue
            fields = [("Types", kind), ("URIs", entry["URIs"]), ("Suites", " ".join(own)), ("Components", "main")]
            fields += [(name, entry[name]) for name in KEPT_FIELDS if entry.get(name)]
            stanza = "".join(f"{name}: {value}\n" for name, value in fields)
            if stanza not in stanzas:
                stanzas.append(stanza)
    return stanzas


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--codename", default="bookworm")
    parser.add_argument("--type", default="deb-src", choices=("deb-src", "deb"))
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args(arguments)
    stanzas = collect(options.paths, suites_of(options.codename), options.type)
    if not stanzas:
        sys.stderr.write("debian_sources.py: apt has no entry of Debian's own with the component main\n")
        return 1
    print("\n".join(stanzas), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
