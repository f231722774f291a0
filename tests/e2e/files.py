#!/usr/bin/env python3
"""files.py - files of every size and name, over HTTP and HTTPS, through the installed service, each compared by SHA-256.

Also: whom the service trusts. A server whose certificate nobody known has signed must be refused, although Schannel under Wine
would accept it.
"""

import os
import subprocess
import sys

from rig import MIB, SOURCE, Rig, sha256


def fetch(rig, server, name, size, sparse=False, file=None, timeout=60):
    original = server.make(name, size, sparse)
    target = file or rig.target(name)
    result = rig.ctl("get", server.url(name), rig.path(target), timeout=timeout)
    label = "%s, %s, %d bytes" % (server.scheme, name, size)
    if result.status != 0 or not os.path.exists(target):
        rig.check(label, False, result)
        return
    theirs, ours = sha256(original), sha256(target)
    rig.check(label, theirs == ours, "%.1f s, sha256 %s %s" % (result.seconds, ours[:16], "match" if theirs == ours else "differs"))
    os.remove(original)
    os.remove(target)


def fetch_unnamed(rig, server):
    """Without FILE, the URL names the file, in the current folder."""
    name = "Gr\u00fc\u00dfe.bin"
    original = server.make(name, 12345)
    result = rig.ctl("get", "--quiet", server.url(name), cwd=rig.downloads)
    there = os.path.exists(rig.target(name)) and sha256(rig.target(name)) == sha256(original)
    rig.check("name taken from the URL", result.status == 0 and there, result if not there else ascii(name))
    rig.check("--quiet says nothing", result.out == "" and result.err == "", result)


def fetch_into_folder(rig, server):
    server.make("inside.bin", 777)
    folder = rig.target("a folder")
    os.mkdir(folder)
    result = rig.ctl("get", server.url("inside.bin"), rig.path(folder))
    rig.check("FILE is a folder", result.status == 0 and os.path.exists(os.path.join(folder, "inside.bin")), result)


def replace_old(rig, server):
    """A file of that name that exists is replaced, and only when the new one is complete."""
    original = server.make("new.bin", MIB)
    target = rig.target("old.bin")
    with open(target, "w", encoding="ascii") as file:
        file.write("old")
    refused = rig.ctl("get", server.url("new.bin"), rig.path(target))
    with open(target, encoding="ascii") as file:
        rig.check("an old file is not replaced without a word", refused.status == 13 and "--overwrite" in refused.err
                  and file.read() == "old", refused)
    result = rig.ctl("get", "--overwrite", server.url("new.bin"), rig.path(target))
    rig.check("--overwrite replaces it", result.status == 0 and sha256(target) == sha256(original), result)


def first_program(rig, server):
    program = os.path.join(rig.bin, "first.exe")
    if not os.path.exists(program):
        print("skip first.exe: not in %s" % rig.bin)
        return
    original = server.make("first.bin", 3 * MIB)
    result = rig.wine(program, server.url("first.bin"), rig.path(rig.target("first.bin")))
    good = result.status == 0 and sha256(rig.target("first.bin")) == sha256(original)
    rig.check("the first program of the README downloads a file", good, result)


def refuse(rig, server, what):
    server.make("secret.bin", 1000)
    target = rig.target("secret-%s.bin" % what.split()[0])
    result = rig.ctl("get", "--stall-timeout", "20", server.url("secret.bin"), rig.path(target), timeout=60)
    sent = [r for r in server.requests() if r["method"]]
    rig.check("refused: %s" % what, result.status == 4 and not os.path.exists(target) and not sent, result)


def main():
    with Rig() as rig:
        authority = os.path.join(rig.tmp, "ca")
        subprocess.run([os.path.join(SOURCE, "tests/support/testca.sh"), authority], check=True)
        rig.check("service installed with sc.exe and regsvr32", rig.install(), rig.bin)
        rig.set_value("CaFile", rig.path(os.path.join(authority, "ca.pem")))

        server = rig.serve()
        for size in (0, 1, 1000000, 100 * MIB):
            fetch(rig, server, "%d.bin" % size, size)
        fetch(rig, server, "a name with  spaces.bin", 54321)
        fetch(rig, server, "\u00e4\u00f6\u00fc \u0444\u0430\u0439\u043b \u65e5\u672c\u8a9e.bin", 54321)
        fetch_unnamed(rig, server)
        fetch_into_folder(rig, server)
        replace_old(rig, server)
        first_program(rig, server)
        fetch(rig, server, "3 GB.bin", 3 * 1000 * 1000 * 1000, sparse=True, timeout=300)

        secure = rig.serve("secure", os.path.join(authority, "server"))
        for size in (0, 1, 1000000, 100 * MIB):
            fetch(rig, secure, "%d.bin" % size, size)
        fetch(rig, secure, "secure \u00e4.bin", 4711)
        for name, what in (("unknown", "unknown authority (self-signed)"), ("wrongname", "wrongname in the certificate"),
                           ("expired", "expired certificate")):
            refuse(rig, rig.serve(name, os.path.join(authority, name)), what)

        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
