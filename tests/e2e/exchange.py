#!/usr/bin/env python3
"""exchange.py - qmgrctl export and import: the queue leaves one data folder and comes up in an empty one.

The folder is wiped between the two, as on another computer or after a new installation. The queue is read here by another JSON
library than qmgrctl's.
"""

import json
import os
import re
import shutil
import subprocess
import sys

from rig import MIB, Rig, poll, sha256
from sources import PIECE, write_document
from survival import same

NAME = "gr\u00f6\u00dfe \U0001f600.bin"


def add(rig, url, name, *options):
    result = rig.ctl("get", "--no-wait", *options, url, rig.path(rig.target(name)))
    return result.out.strip()


def fill(rig, server):
    """One group of each kind; names of those that are to arrive."""
    groups = {}
    for name in ("done.bin", "hash.bin", "run.bin", NAME):
        server.make(name, MIB)
    groups["complete"] = add(rig, server.url("done.bin"), "done.bin")
    groups["error"] = add(rig, server.url("none.bin", "status=404"), "none.bin")
    original = os.path.join(server.root, "hash.bin")
    groups["suspended"] = rig.ctl("get", "--no-wait", "--sha256", sha256(original), server.url("hash.bin", "delay=60000&on=1"),
                                  "--mirror", server.url("hash.bin", "xmirror"), rig.path(rig.target("hash.bin"))).out.strip()
    rig.ctl("suspend", groups["suspended"])
    groups["running"] = add(rig, server.url("run.bin", "status=503&on=1"), "run.bin", "--foreground")
    document = write_document(rig, "pieces.meta4", [(NAME, os.path.join(server.root, NAME),
                                                     [server.url(NAME, "status=503&on=1")])])
    groups["pieces"] = rig.ctl("get", "--no-wait", "--metalink", document, rig.path(rig.target(NAME))).out.strip()
    for kind, word in (("complete", "complete"), ("error", "failed")):
        poll(lambda k=kind, w=word: rig.info(groups[k]).get("state", "").startswith(w))
    return groups


def wipe(rig):
    """Another computer, as far as the service can tell."""
    rig.wine("sc.exe", "stop", "OpenQMGR")
    poll(lambda: rig.state() == "STOPPED" and not rig.processes("qmgrsvc.exe"), 20)
    shutil.rmtree(rig.data_folder())
    for name in os.listdir(rig.downloads):
        os.remove(os.path.join(rig.downloads, name))


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write_lines(rig, name, lines):
    path = os.path.join(rig.tmp, name)
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    return path


def exported(rig, server):
    groups = fill(rig, server)
    path = os.path.join(rig.tmp, "queue.jsonl")
    result = rig.ctl("export", rig.path(path))
    lines = lines_of(path) if os.path.exists(path) else [{}]
    rig.check("export writes all groups to the file", result.status == 0 and lines[0].get("format") == "openqmgr-queue"
              and lines[0]["version"] == 1 and {line["group"] for line in lines[1:]} == set(groups.values()), result)
    found = {line["group"]: line for line in lines[1:]}
    states = {kind: found[group]["state"] for kind, group in groups.items()}
    rig.check("with their states", states == {"complete": "complete", "error": "error", "suspended": "suspended",
                                              "running": "active", "pieces": "active"}, states)
    file = found[groups["suspended"]]["files"][0]
    rig.check("with hash and mirrors", file["sha256"] == sha256(os.path.join(server.root, "hash.bin"))
              and file["mirrors"] == [server.url("hash.bin", "xmirror")], file)
    file = found[groups["pieces"]]["files"][0]
    rig.check("and owner", all(re.match(r"S-1-5-", line["owner"]) for line in lines[1:]), lines[1]["owner"])
    rig.check("with names in UTF-8 and what a Metalink said", file["local"] == rig.path(rig.target(NAME))
              and file["expected_size"] == MIB and file["pieces"]["length"] == PIECE and found[groups["running"]]["foreground"] is True, file["local"])
    named = rig.ctl("export", "-", groups["running"][1:9])
    rows = [json.loads(line) for line in named.out.splitlines()]
    rig.check("export to standard output, of one that is named", named.status == 0 and len(rows) == 2
              and rows[1]["group"] == groups["running"], named.err or "%d lines" % len(rows))
    unknown = rig.ctl("export", rig.path(path), "{00000000-0000-0000-0000-00000000abcd}")
    rig.check("one that is not there: refused, the file is as it was", unknown.status == 12 and lines_of(path) == lines
              and not os.path.exists(path + ".unfinished"), unknown)
    return groups, path


def imported(rig, server, groups, path):
    wipe(rig)
    rig.check("the other computer has an empty queue", rig.ctl("list").out.strip() == "no downloads in the queue", "list")
    result = rig.ctl("import", rig.path(path))
    rig.check("import makes them, but the complete one", result.status == 0 and "4 imported" in result.out
              and "1 complete and skipped" in result.out, result)
    listed = rig.ctl("export", "-")
    rows = [json.loads(line) for line in listed.out.splitlines()][1:]
    rig.check("under the same identifiers", {r["group"] for r in rows} == set(groups.values()) - {groups["complete"]},
              "%d groups" % len(rows))
    before = {r["group"]: r for r in lines_of(path)[1:]}
    kept = ("job", "foreground", "display_name", "description", "notify_flags", "owner")
    alike = all(r.get(k) == before[r["group"]].get(k) for r in rows for k in kept)
    kept = ("remote", "local", "mirrors", "sha256", "expected_size", "pieces")
    alike = alike and all(f.get(k) == g.get(k) for r in rows for f, g in zip(r["files"], before[r["group"]]["files"])
                          for k in kept)
    rig.check("and as they were", alike, ", ".join(kept))
    info = rig.info(groups["error"])
    rig.check("one that an error had stopped comes suspended", info["state"].startswith("suspended"), info["state"])
    waits = [rig.ctl("wait", "--quiet", "--remove", groups[k]).status for k in ("running", "pieces")]
    rig.check("running ones arrive", waits == [0, 0] and same(rig, server, "run.bin") and same(rig, server, NAME), "exit %s" % waits)
    rig.check("the suspended one waits for its resume", not os.path.exists(rig.target("hash.bin")), rig.info(groups["suspended"])["state"])
    again = rig.ctl("import", rig.path(path))
    rig.check("to import again leaves those alone that are there", again.status == 0 and "2 already in the queue" in again.out
              and "2 imported" in again.out, again)
    rig.ctl("resume", groups["suspended"])
    status = rig.ctl("wait", "--quiet", "--remove", groups["suspended"]).status
    rig.check("and then arrives with its hash", status == 0 and same(rig, server, "hash.bin"), "exit %s" % status)
    for group in (groups["running"], groups["pieces"], groups["error"]):
        rig.ctl("cancel", group)


def row(rig, server, number, **more):
    name = "row-%d.bin" % number
    return dict({"group": "{00000000-0000-0000-0000-%012x}" % number, "state": "suspended",
                 "files": [{"remote": server.url("run.bin"), "local": rig.path(rig.target(name))}]}, **more)


def broken(rig, server):
    head = {"format": "openqmgr-queue", "version": 1}
    lost = row(rig, server, 3)
    lost["files"].append({"remote": server.url("run.bin"), "local": "C:\\no such folder\\a.bin"})
    path = write_lines(rig, "broken.jsonl", [head, row(rig, server, 1), '{"group": "{0', "", lost, row(rig, server, 4, state="odd"),
                                             row(rig, server, 5, display_name="n" * 257), row(rig, server, 6)])
    result = rig.ctl("import", rig.path(path))
    words = result.err.splitlines()
    rig.check("broken lines are reported by their numbers", result.status == 1 and len(words) == 4 and "line 3: it is not JSON" in words[0]
              and "line 5:" in words[1] and "no such folder" in words[1] and "line 6: state" in words[2] and "line 7:" in words[3],
              result.err.strip())
    listed = [json.loads(line)["group"][-2] for line in rig.ctl("export", "-").out.splitlines()[1:]]
    rig.check("the good ones are there, nothing half", sorted(listed) == ["1", "6"], listed)
    for name, text, why in (("later", '{"format":"openqmgr-queue","version":2}', "later version"), ("other", "{}", "not the header"),
                            ("empty", "", "is empty")):
        result = rig.ctl("import", rig.path(write_lines(rig, name + ".jsonl", [text])))
        rig.check("a head that is not ours (%s) is refused" % name, result.status == 1 and why in result.err, result)
    wide = os.path.join(rig.tmp, "wide.jsonl")
    with open(wide, "w", encoding="utf-16") as file:
        file.write(json.dumps(head) + "\n")
    result = rig.ctl("import", rig.path(wide))
    rig.check("UTF-16 is refused with a way out", result.status == 1 and "UTF-16" in result.err, result)
    missing = rig.ctl("import", rig.path(os.path.join(rig.tmp, "nowhere.jsonl")))
    rig.check("so is a file that is not there", missing.status == 1 and "cannot be opened" in missing.err, missing)


def from_standard_input(rig, server):
    head = {"format": "openqmgr-queue", "version": 1}
    path = write_lines(rig, "piped.jsonl", [head, row(rig, server, 7, display_name="qmgrctl import: not finished")])
    for expected in ("1 imported", "1 imported", "1 already in the queue"):
        out = os.path.join(rig.tmp, "piped.out")
        with open(path, "rb") as source, open(out, "wb") as target:
            process = subprocess.Popen(rig.command(os.path.join(rig.bin, "qmgrctl.exe"), "import", "-"), stdin=source,
                                       stdout=target, stderr=target, cwd=rig.tmp)
            status = process.wait(60)
        with open(out, encoding="utf-8") as file:
            text = file.read()
        rig.check("standard input; what an import left unfinished is created again", status == 0 and expected in text,
                  text.strip().splitlines()[-1:])
        write_lines(rig, "piped.jsonl", [head, row(rig, server, 7, display_name="whole", max_rate=123456)])
    rows = [json.loads(line) for line in rig.ctl("export", "-", "{00000000-0000-0000-0000-000000000007}").out.splitlines()]
    rig.check("and has its name then, and its limit", rows[1]["display_name"] == "whole" and rows[1]["max_rate"] == 123456, rows[1])


def killed(rig, server):
    """The service dies while it is given the queue."""
    wipe(rig)
    count = 60
    path = write_lines(rig, "many.jsonl", [{"format": "openqmgr-queue", "version": 1}]
                       + [row(rig, server, number) for number in range(100, 100 + count)])
    client = rig.start_ctl("import", rig.path(path))
    poll(lambda: "0000006e}" in rig.output(client))
    gone = rig.kill_service()
    status = client.wait(120)
    rig.check("the service is killed during an import", gone == 1 and status == 0 and "%d imported" % count in rig.output(client),
              "%s, exit %s" % (rig.output(client).strip().splitlines()[-1], status))
    result = rig.ctl("export", "-", timeout=300)
    rows = [json.loads(line) for line in result.out.splitlines()][1:]
    rig.check("all are there once, whole", result.status == 0 and len(rows) == count and len({r["group"] for r in rows}) == count
              and all(len(r["files"]) == 1 and r["display_name"] == "" for r in rows), "%d groups, exit %s" % (len(rows), result.status))


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        # What is refused once waits until it is on the other computer.
        rig.set_value("RetryFirstMs", 600000)
        server = rig.serve()
        groups, path = exported(rig, server)
        imported(rig, server, groups, path)
        broken(rig, server)
        from_standard_input(rig, server)
        killed(rig, server)
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
