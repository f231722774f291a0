#!/usr/bin/env python3
"""client.py - qmgrctl as its users meet it: many files at once, sets of downloads, what is said where, JSON, exit statuses."""

import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ beside the sources
from rig import MIB, SOURCE, Rig, poll, sha256

MANY = 500


def same(rig, server, name, target=None):
    path = rig.target(target or name)
    return os.path.exists(path) and sha256(path) == sha256(os.path.join(server.root, name))


def write(rig, name, text):
    path = os.path.join(rig.tmp, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return rig.path(path)


def queue(rig):
    return [json.loads(line) for line in rig.ctl("list", "--json").out.splitlines()]


def many_urls(rig, server):
    for name in ("a.bin", "b.bin", "c.bin"):
        server.make(name, 100000)
    to = rig.path(rig.downloads)
    result = rig.ctl("get", server.url("a.bin"), server.url("b.bin"), to)
    rig.check("two URLs are two files", result.status == 0 and same(rig, server, "a.bin") and same(rig, server, "b.bin"), result)
    names = [line.split(":")[1].rsplit("\\", 1)[1] for line in result.out.splitlines()]
    rig.check("results alone are on standard output", sorted(names) == ["a.bin", "b.bin"] and " -> " in result.err, result.out)
    os.remove(rig.target("a.bin"))
    urls = write(rig, "urls.txt", "# mine\r\n%s\r\n\r\n  %s\n" % (server.url("a.bin"), server.url("c.bin")))
    result = rig.ctl("get", "--quiet", "-i", urls, "-d", to)
    rig.check("a list of URLs", result.status == 0 and same(rig, server, "a.bin") and same(rig, server, "c.bin")
              and not result.out and not result.err, result)
    result = rig.ctl("get", server.url("a.bin", "x=1"), server.url("a.bin", "x=2"), to)
    rig.check("two URLs of one name are refused", result.status == 2 and "a.bin" in result.err, result)
    os.remove(rig.target("b.bin"))
    result = rig.ctl("get", server.url("none.bin"), server.url("b.bin"), to)
    rig.check("one that fails does not hold up the other", result.status == 6 and same(rig, server, "b.bin"), result)


def existing(rig, server):
    to = rig.path(rig.target("a.bin"))
    result = rig.ctl("get", server.url("c.bin"), to)
    rig.check("a file that exists is not replaced", result.status == 13 and same(rig, server, "a.bin"), result)
    result = rig.ctl("get", "--no-clobber", server.url("c.bin"), to)
    rig.check("--no-clobber skips it", result.status == 0 and same(rig, server, "a.bin") and "skipped" in result.err, result)
    result = rig.ctl("get", "--rename", server.url("c.bin"), to)
    rig.check("--rename keeps both", result.status == 0 and same(rig, server, "a.bin") and same(rig, server, "c.bin", "a (1).bin"),
              result)
    result = rig.ctl("get", "--overwrite", server.url("c.bin"), to)
    rig.check("--overwrite replaces it", result.status == 0 and same(rig, server, "c.bin", "a.bin"), result)


def hashes(rig, server):
    original = server.make("sum.bin", 4 * MIB)
    sums = write(rig, "SHA256SUMS", "%s *other.bin\n%s  dist/sum.bin\n" % ("0" * 64, sha256(original)))
    result = rig.ctl("get", "--sha256", sums, server.url("sum.bin"), rig.path(rig.target("x.bin")))
    rig.check("a hash from SHA256SUMS", result.status == 0 and same(rig, server, "sum.bin", "x.bin"), result)
    result = rig.ctl("get", "--sha256", sums, server.url("a.bin"), rig.path(rig.target("y.bin")))
    rig.check("a file that is not in it", result.status == 2 and "a.bin" in result.err, result)
    result = rig.ctl("get", "--sha256", "sha256:" + "a" * 64, server.url("sum.bin", "rate=4000000"), rig.path(rig.target("z.bin")))
    rig.check("a wrong hash has its own status", result.status == 9, result)
    rig.check("it says that it downloads again", "checksum mismatch; the wrong data is downloaded again" in result.err
              and "changed" not in result.err, result.err)
    rig.ctl("cancel", "--failed")
    result = rig.ctl("get", "--sha256", "b" * 64, "http://127.0.0.1:9/m1", "--mirror", server.url("sum.bin"),
                     rig.path(rig.target("m.bin")))
    rig.check("a failure does not name a mirror that sent nothing", result.status == 9 and "m.bin: " in result.err
              and "127.0.0.1:9/m1:" not in result.err, result.err.splitlines()[-1:])
    rig.ctl("cancel", "--failed")


def times(rig, server):
    server.make("slow.bin", 8 * MIB)
    url, to = server.url("slow.bin", "rate=300000"), rig.path(rig.target("slow.bin"))
    result = rig.ctl("get", "--max-time", "3", url, to)
    rig.check("--max-time ends a slow download's client", result.status == 10 and "after 3 s" in result.err
              and "continues in the background" in result.err and result.seconds < 20, result)
    rig.check("a pipe gets no flood, and standard output nothing", not result.out and len(result.err.splitlines()) <= 3, result.err)
    rows = queue(rig)
    rig.check("it is still in the queue", len(rows) == 1 and rows[0]["file"] == "slow.bin", rows)
    info = [json.loads(line) for line in rig.ctl("info", "--json", "slow.bin").out.splitlines()]
    rig.check("info --json has its files", len(info) == 1 and len(info[0]["file_list"]) == 1
              and info[0]["file_list"][0]["url"] == url and info[0]["file_list"][0]["sources"][0]["url"] == url, info)
    result = rig.ctl("cancel", "slow.bin")
    rig.check("a download is named by its file", result.status == 0 and not queue(rig), result)
    result = rig.ctl("get", "--limit", "100k", "--max-time", "2", server.url("slow.bin"), to)
    info = rig.ctl("info", "slow.bin")
    rig.check("--limit is the download's own", re.search(r"^limit +819 kbit/s$", info.out, re.M), info.out.splitlines()[:12])
    rig.ctl("cancel", "--all")
    rig.ctl("get", "--no-wait", "--name", "my download", server.url("slow.bin", "delay=60000"), to)
    result = rig.ctl("cancel", "My Download")
    rig.check("--name gives a download a name", result.status == 0 and not queue(rig), result)


def sets(rig, server):
    for i in range(3):
        rig.ctl("get", "--no-wait", server.url("slow.bin", "delay=60000"), rig.path(rig.target("set-%d.bin" % i)))
    rig.ctl("get", "--no-wait", server.url("none.bin"), rig.path(rig.target("gone.bin")))
    poll(lambda: any(row["state"] == "failed" for row in queue(rig)))
    result = rig.ctl("list")
    rig.check("list says why, and cuts no state off", re.search(r"^[0-9a-f]{8}  failed .*gone\.bin\n {10}\S.*404", result.out, re.M),
              result.out)
    result = rig.ctl("list", "--state", "failed", "--sort", "name")
    rig.check("list --state", "gone.bin" in result.out and "set-0.bin" not in result.out, result.out)
    owner = queue(rig)[0]["owner"]
    rig.check("list --user", rig.ctl("list", "--user", owner).out.count("set-") == 3
              and "no downloads" in rig.ctl("list", "--user", "S-1-5-18").out and rig.ctl("list", "--user", "no/body").status == 2, owner)
    result = rig.ctl("suspend", "--match", "set-*")
    rig.check("suspend --match", result.out == "3 downloads suspended\n"
              and sum(row["state"] == "suspended" for row in queue(rig)) == 3, result)
    result = rig.ctl("why", "set-1.bin", "gone.bin")
    rig.check("why says what would help", "qmgrctl resume" in result.out and "404" in result.out and "set-url" in result.out,
              result.out)
    result = rig.ctl("cancel", "set-0.bin", "nothing.bin", "set-1.bin")
    rig.check("of several, one that is not there is reported and the others are cancelled", result.status == 12
              and "nothing.bin" in result.err and len(queue(rig)) == 2, result)
    result = rig.ctl("cancel", "--all")
    rig.check("cancel --all", result.out == "2 downloads removed from the queue\n" and not queue(rig), result)


def settings(rig, server):
    rig.ctl("pause-all", "on")
    result = rig.ctl("get", "--max-time", "3", server.url("a.bin"), rig.path(rig.target("paused.bin")))
    rig.check("pause-all holds at once", result.status == 10 and not os.path.exists(rig.target("paused.bin")), result)
    rig.ctl("limit", "2M")
    told = rig.ctl("limit").out
    head = rig.ctl("list").out
    rig.check("limit in units of other programs is printed back", told == "16778 kbit/s (2.0 MiB/s)\n", told)
    rig.check("list shows pause and limit", "All downloads are paused" in head and "limited to 16778 kbit/s" in head, head)
    rig.check("pause-all tells", rig.ctl("pause-all").out == "on\n" and
              json.loads(rig.ctl("pause-all", "--json").out)["all"] is True, "")
    rig.ctl("pause-all", "off")
    rig.ctl("limit", "none")
    rig.ctl("cancel", "--all")


def secrets(rig, server):
    url = server.url("slow.bin", "delay=60000").replace("//", "//user:geheim@")
    result = rig.ctl("get", "--max-time", "2", url, rig.path(rig.target("secret.bin")))
    rig.ctl("get", "--no-wait", url, rig.path(rig.target("secret.bin")))
    shown = result.out + result.err + rig.ctl("list").out + rig.ctl("info", "secret.bin").out + rig.ctl("why", "--all").out
    rig.check("no password is shown", "geheim" not in shown and "user:***@" in shown, shown)
    rig.ctl("cancel", "--all")


def fits(schema, value):
    kinds = {"object": dict, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(type(value) is kinds[kind] for kind in allowed):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    return not isinstance(value, dict) or (all(name in value for name in schema["required"]) and all(
        name in schema["properties"] and fits(schema["properties"][name], part) for name, part in value.items()))


def events(rig, server):
    with open(os.path.join(SOURCE, "docs", "qmgrctl.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)["$defs"]["event"]
    result = rig.ctl("get", "--json", server.url("slow.bin", "rate=2500000"), rig.path(rig.target("json.bin")))
    lines = [json.loads(line) for line in result.out.splitlines()]
    seen = [line["event"] for line in lines]
    rig.check("get --json tells events, one in each line", result.status == 0 and seen[0] == "started" and seen[-1] == "complete"
              and "progress" in seen and not result.err, seen)
    rig.check("each fits the schema", all(fits(schema, line) for line in lines), lines[-1])
    document = os.path.join(server.root, "doc.meta4")
    with open(document, "w", encoding="utf-8") as file:
        file.write('<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="meta.bin"><url>%s</url></file></metalink>'
                   % server.url("c.bin"))
    meta = rig.ctl("get", "--metalink", server.url("doc.meta4"), rig.path(rig.downloads))
    rig.check("--metalink takes a URL", meta.status == 0 and same(rig, server, "c.bin", "meta.bin"), meta)
    rig.check("the last one has the exit status", lines[-1].get("exit_status") == 0 and "exit_status" not in lines[0], lines[-1])
    result = rig.ctl("get", "--json", server.url("none.bin"), rig.path(rig.target("none.bin")))
    last = json.loads(result.out.splitlines()[-1])
    rig.check("so has that of a failure", result.status == 6 and last["event"] == "failed" and last["exit_status"] == 6
              and last["failure"]["code"] == "0x80190194", last)


def helps(rig):
    result = rig.ctl("get", "/?")
    rig.check("/? is help", result.status == 0 and result.out.startswith("usage: qmgrctl get"), result)
    script = rig.ctl("completion", "bash").out
    shell = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(qmgrctl li); COMP_CWORD=1; _qmgrctl; echo ${COMPREPLY[*]}\n"
                            "COMP_WORDS=(qmgrctl get --no-c); COMP_CWORD=2; _qmgrctl; echo ${COMPREPLY[*]}"],
                           stdout=subprocess.PIPE, check=False, text=True)
    rig.check("bash completes commands and options", shell.stdout == "list limit\n--no-clobber\n", shell.stdout)


def doctor(rig, server):
    result = rig.ctl("doctor", server.url("a.bin"))
    rig.check("doctor finds all well", result.status == 0 and result.out.endswith("All is well.\n") and "queue.db" in result.out,
              result.out)
    result = rig.ctl("doctor", server.url("none.bin"))
    rig.check("doctor says what is not", result.status == 6 and "FAIL  download" in result.out, result)


def many(rig, server):
    rig.ctl("pause-all", "on")
    urls = write(rig, "many.txt", "".join(server.url("many-%d.bin" % i) + "\n" for i in range(MANY)))
    result = rig.ctl("get", "--no-wait", "-i", urls, rig.path(rig.downloads), timeout=300)
    rig.check("%d downloads from a list" % MANY, result.status == 0 and len(result.out.splitlines()) == MANY, "%.1f s" % result.seconds)
    result = rig.ctl("list")
    rig.check("list shows them", result.out.count("many-") == MANY, "%.2f s" % result.seconds)
    result = rig.ctl("cancel", "--all", timeout=120)
    rig.check("cancel --all removes them", result.out == "%d downloads removed from the queue\n" % MANY and not queue(rig),
              "%.2f s" % result.seconds)
    rig.ctl("pause-all", "off")


def stopped(rig, server):
    client = rig.start_ctl("get", server.url("slow.bin", "rate=200000"), rig.path(rig.target("stopped.bin")))
    group = rig.group_of(client)
    poll(lambda: rig.done(group) > 0)
    rig.wine("sc.exe", "stop", "OpenQMGR")
    status = client.wait(60)
    rig.check("an administrator's stop holds although somebody waits", status == 3 and rig.state() == "STOPPED"
              and "was stopped" in rig.output(client), "exit %s, %s" % (status, rig.output(client).splitlines()[-1:]))
    rig.ctl("cancel", "--all")


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        server = rig.serve()
        for part in (many_urls, existing, hashes, times, sets, settings, secrets, events, doctor, many, stopped):
            part(rig, server)
        helps(rig)
        rig.check("no temporary file is left", poll(lambda: not rig.leftovers(), 10), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
