#!/usr/bin/env python3
"""refusals.py - bad input gives one clear sentence and the right exit status, and loses nothing.

Before the service is installed, after it, and with everything a user can get wrong.
"""

import os
import re
import socket
import sys

from rig import Rig, sha256

MOST_SECONDS = 30


def is_one_sentence(text):
    """One line "qmgrctl: ...", with words before the code in parentheses, if there is one; last, behind what goes on."""
    lines = text.strip().splitlines()
    return (sum(line.startswith("qmgrctl: ") for line in lines) == 1
            and re.match(r"qmgrctl: [^(]{10,}", lines[-1]) is not None)


def refuse(rig, what, words, *command, status, timeout=MOST_SECONDS):
    """The command ends with that status and one sentence that has all the words in it."""
    result = rig.ctl(*command, timeout=timeout)
    text = result.err.lower()
    good = result.status == status and is_one_sentence(result.err) and all(w.lower() in text for w in words)
    rig.check(what, good, "%s (%.1f s)" % (result, result.seconds))
    return result


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unwritable_folder(rig):
    """A folder where nobody, not even root, may create a file; its Windows name."""
    if os.getuid() == 0:
        return "Z:\\sys" if os.path.isdir("/sys/kernel") else None
    folder = rig.target("read only")
    os.mkdir(folder, 0o555)
    return rig.path(folder)


def usage(rig):
    for command in ((), ("fetch",), ("get",), ("get", "a", "b", "c"), ("list", "more"), ("list", "--quiet"), ("--bogus",),
                    ("info",), ("cancel", "--all", "1234"), ("get", "--stall-timeout", "soon", "http://127.0.0.1/"),
                    ("wait", "--no-wait", "1234"), ("get", "--no-wait", "--max-time", "5", "http://127.0.0.1/")):
        result = rig.ctl(*command)
        rig.check("usage: qmgrctl %s" % " ".join(command), result.status == 2 and is_one_sentence(result.err)
                  and "--help" in result.err and not result.out, result)
    result = rig.ctl("--help")
    rig.check("--help", result.status == 0 and "usage: qmgrctl" in result.out and not result.err, "%d lines"
              % result.out.count("\n"))
    result = rig.ctl("--version")
    rig.check("--version", result.status == 0 and re.fullmatch(r"qmgrctl \d+\.\d+\.\d+\n", result.out), result.out.strip())


def not_installed(rig):
    refuse(rig, "service not installed: list", ["not installed", "80040154"], "list", status=3)
    refuse(rig, "service not installed: get", ["not installed", "80040154"], "get", "http://127.0.0.1/a",
           rig.path(rig.target("a")), status=3)
    for command in (("limit", "800"), ("limit",), ("pause-all", "on")):
        refuse(rig, "service not installed: %s" % " ".join(command), ["not installed", "80040154"], *command, status=3)
    rig.check("service not installed: no file", os.listdir(rig.downloads) == [], os.listdir(rig.downloads))


def does_not_start(rig):
    rig.set_value("CaFile", "C:\\no such file.pem")
    refuse(rig, "service that does not start", ["service does not start", "openqmgr.log says", "no such file.pem"], "list",
           status=3, timeout=15)
    rig.wine("reg", "delete", "HKLM\\SOFTWARE\\OpenQMGR", "/f")


def service_arguments(rig):
    program = os.path.join(rig.bin, "qmgrsvc.exe")
    for command in (("bogus",), ("run", "more"), ("install", "--nonsense")):
        result = rig.wine(program, *command)
        rig.check("usage: qmgrsvc %s" % " ".join(command), result.status == 2, result)


def bad_addresses(rig, server):
    to = rig.path(rig.target("x.bin"))
    refuse(rig, "scheme ftp", ["ftp://", "http"], "get", "ftp://127.0.0.1/x.bin", to, status=2)
    refuse(rig, "scheme file", ["http"], "get", "file:///etc/passwd", to, status=2)
    refuse(rig, "no scheme", ["http"], "get", "127.0.0.1/x.bin", to, status=2)
    refuse(rig, "no host", ["host"], "get", "http:///x.bin", to, status=2)
    refuse(rig, "blank in the address: encoded, and not there", ["x.bin%20y", "404"], "get", server.url("x.bin") + " y", to, status=6)
    refuse(rig, "address too long", ["2,200"], "get", server.url("x") + "y" * 2200, to, status=2)
    refuse(rig, "host that does not resolve", ["gave up", "nosuchhost.invalid"], "get", "--stall-timeout", "3",
           "http://nosuchhost.invalid/x.bin", to, status=10)
    refuse(rig, "connection refused", ["gave up", "connect"], "get", "--stall-timeout", "3",
           "http://127.0.0.1:%d/x.bin" % closed_port(), to, status=10)
    refuse(rig, "404", ["404"], "get", server.url("nothing.bin"), to, status=6)
    refuse(rig, "redirect to another scheme", ["redirect"], "get", server.url("good.bin", "redirect=ftp://127.0.0.1/x"), to, status=5)
    refuse(rig, "403", ["403"], "get", server.url("good.bin", "status=403"), to, status=7)


def bad_files(rig, server):
    url = server.url("good.bin")
    refuse(rig, "folder that does not exist", ["folder", "does not exist"], "get", url,
           rig.path(rig.target("no such folder/x.bin")), status=8)
    folder = unwritable_folder(rig)
    if folder:
        # Shows IBackgroundCopyJob1::AddFiles.E_ACCESSDENIED
        refuse(rig, "folder that is not writable", ["may not create", folder], "get", url, folder + "\\x.bin", status=7)
    else:
        print("skip folder that is not writable: none here")
    os.mkdir(os.path.join(rig.downloads, "good.bin"))
    for more in ([], ["--overwrite"]):
        refuse(rig, "a folder of the file's name" + "".join(more), ["there is a folder of that name"], "get", url,
               "--folder", rig.path(rig.downloads), *more, status=13)
    os.rmdir(os.path.join(rig.downloads, "good.bin"))
    refuse(rig, "name too long", ["259"], "get", url, rig.path(rig.target("n" * 300)), status=2)
    refuse(rig, "wildcard in the name", ["cannot download to"], "get", url, rig.path(rig.target("x*.bin")), status=2)
    refuse(rig, "device name", ["cannot download to"], "get", url, "C:\\windows\\temp\\COM1.txt", status=2)
    refuse(rig, "stream of a file", ["cannot download to"], "get", url, rig.path(rig.target("x.bin:stream")), status=2)


def loses_nothing(rig, server):
    """A failed download leaves the file that was there, and does not disturb one that runs."""
    target = rig.target("precious.bin")
    with open(target, "wb") as file:
        file.write(b"precious")
    running = rig.start_ctl("get", server.url("slow.bin", "rate=400000"), rig.path(rig.target("slow.bin")))
    group = rig.group_of(running)
    refuse(rig, "404 onto an existing file", ["404"], "get", "--overwrite", server.url("nothing.bin"), rig.path(target),
           status=6)
    refuse(rig, "missing folder while another download runs", ["does not exist"], "get", server.url("good.bin"),
           rig.path(rig.target("no such folder/x.bin")), status=8)
    with open(target, "rb") as file:
        rig.check("the existing file is as it was", file.read() == b"precious", "8 bytes")
    status = running.wait(60)
    same = os.path.exists(rig.target("slow.bin")) and sha256(rig.target("slow.bin")) == sha256(
        os.path.join(server.root, "slow.bin"))
    rig.check("the other download arrived", status == 0 and same, "group %s, exit %s" % (group, status))


def unknown_groups(rig):
    refuse(rig, "unknown group, beginning", ["no such download"], "info", "1234", status=12)
    refuse(rig, "unknown group, name", ["no such download"], "suspend", "xyz", status=12)
    refuse(rig, "unknown group, whole", ["no such download"], "cancel", "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
           status=12)
    refuse(rig, "limit of an unknown group", ["no such download"], "limit", "--group", "1234", status=12)
    refuse(rig, "waiting for an unknown group", ["no such download"], "wait", "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
           status=12)


def without_extensions(rig, server):
    """A service that has only the QMGR interfaces is shown as well as it can be."""
    running = rig.start_ctl("get", "--no-wait", server.url("slow.bin", "rate=200000"), rig.path(rig.target("legacy.bin")))
    running.wait(60)
    group = rig.group_of(running)
    rig.ctl("suspend", group)
    full, plain = rig.ctl("list").out, rig.ctl("--legacy", "list").out
    rig.check("list shows the same without the extensions", "suspended" in full and "suspended" in plain
              and group[:8] in plain and "legacy.bin" in plain, plain.strip().splitlines()[-1:])
    full, plain = rig.ctl("info", group).out, rig.ctl("info", "--legacy", group).out
    rig.check("info shows names and state without the extensions", all(
        re.search(r"^%s +\S" % word, plain, re.M) for word in ("group", "job", "state", "size", "done", "files", "URL", "file")),
              " ".join(plain.split()))
    rig.check("info says why it waits with them", "until it is resumed" in full, " ".join(full.split()))
    result = rig.ctl("cancel", "--legacy", group)
    rig.check("cancel without the extensions", result.status == 0, result)


def main():
    with Rig() as rig:
        usage(rig)
        rig.uninstall()
        not_installed(rig)
        service_arguments(rig)
        rig.check("service installed", rig.install(), rig.bin)
        does_not_start(rig)
        server = rig.serve()
        server.make("good.bin", 1000)
        server.make("slow.bin", 4000000)
        bad_addresses(rig, server)
        bad_files(rig, server)
        unknown_groups(rig)
        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        loses_nothing(rig, server)
        without_extensions(rig, server)
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        rig.uninstall()
        refuse(rig, "service uninstalled again", ["not installed"], "list", status=3)
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
