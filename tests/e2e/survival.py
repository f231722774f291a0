#!/usr/bin/env python3
"""survival.py - downloads that outlive what happens to them: the client's exit, Ctrl-C, a kill, a stop, a power cut.

The server's log is the witness for going on instead of beginning again: a request whose range starts where the last offset
was saved.
"""

import os
import re
import signal
import subprocess
import sys
import time

from rig import MIB, Rig, poll, sha256

STOP_LIMIT_S = 5


def same(rig, server, name, target=None):
    target = target or rig.target(name)
    return os.path.exists(target) and sha256(target) == sha256(os.path.join(server.root, name))


def resumed_at(server, name):
    """First bytes of the partial answers that did not begin at 0."""
    starts = []
    for request in server.requests(name):
        match = re.match(r"bytes=(\d+)-", request["range"] or "")
        if match and request["status"] == 206 and int(match.group(1)) > 0:
            starts.append(int(match.group(1)))
    return starts


def two_clients(rig, server):
    names = ("first.bin", "second.bin")
    for name in names:
        server.make(name, 3 * MIB)
    clients = [rig.start_ctl("get", server.url(n, "rate=1000000"), rig.path(rig.target(n))) for n in names]
    groups = [rig.group_of(c) for c in clients]
    listed = rig.ctl("list").out
    both = all(g and g[:8] in listed for g in groups)
    rig.check("two clients, two groups at the same time", both and groups[0] != groups[1], " ".join(str(g)[:8] for g in groups))
    status = [c.wait(60) for c in clients]
    rig.check("both files arrive", status == [0, 0] and all(same(rig, server, n) for n in names), "exit %s" % status)


def client_leaves(rig, server):
    server.make("left.bin", 3 * MIB)
    result = rig.ctl("get", "--no-wait", server.url("left.bin", "rate=1000000"), rig.path(rig.target("left.bin")))
    match = re.fullmatch(r"\{([0-9a-f-]{36})\}\n", result.out)
    rig.check("--no-wait prints the group and exits", result.status == 0 and match, "%s (%.1f s)" % (result.out.strip(),
                                                                                                    result.seconds))
    there = poll(lambda: os.path.exists(rig.target("left.bin")), 30)
    # Shows IBackgroundCopyQMgr.matter-whether-client
    rig.check("the file arrives without its client", there and same(rig, server, "left.bin"), "sha256 match")
    group = match.group(1)
    poll(lambda: rig.info(group)["state"].startswith("complete"), 10)
    facts = rig.info(group[:8])
    # Shows IBackgroundCopyGroup.finished-group-stays
    rig.check("the finished group stays", facts["exit"] == 0 and facts["done"] == 3 * MIB, facts.get("state"))
    result = rig.ctl("wait", "--remove", group)
    gone = rig.ctl("info", group)
    rig.check("wait --remove takes it out", result.status == 0 and gone.status == 12 and same(rig, server, "left.bin"), result)


def interrupted(rig, server):
    server.make("ctrlc.bin", 6 * MIB)
    client = rig.start_ctl("get", server.url("ctrlc.bin", "rate=1500000"), rig.path(rig.target("ctrlc.bin")))
    group = rig.group_of(client)
    poll(lambda: rig.done(group) > 0)
    os.killpg(client.pid, signal.SIGINT)
    try:
        status = client.wait(10)
    except subprocess.TimeoutExpired:
        status = "still running"
    words = rig.output(client).splitlines()[-1]
    told = re.search(r"'qmgrctl (wait --remove [0-9a-f]{8})'", words)
    rig.check("Ctrl-C ends the client and says how to go on", status == 11 and told, "exit %s, %s" % (status, words))
    state = rig.info(group)
    rig.check("the download is still in the queue", state["exit"] == 0, state.get("state"))
    result = rig.ctl(*(told.group(1).split() if told else ("wait", "--remove", group)))
    rig.check("the command it named waits for it", result.status == 0 and same(rig, server, "ctrlc.bin"), result)


def killed(rig, server):
    size = 24 * MIB
    server.make("killed.bin", size)
    client = rig.start_ctl("get", server.url("killed.bin", "rate=4000000"), rig.path(rig.target("killed.bin")))
    group = rig.group_of(client)
    poll(lambda: rig.done(group) > size * 6 // 10)
    killed_processes = rig.kill_service()
    rig.check("the service is killed in the middle", killed_processes == 1, "%d process" % killed_processes)
    status = client.wait(90)
    starts = resumed_at(server, "killed.bin")
    rig.check("the client reconnects and the file is right", status == 0 and same(rig, server, "killed.bin"),
              "exit %s" % status)
    rig.check("it went on from the saved offset", starts and starts[0] > 0, "range requests from %s of %d" % (starts, size))
    rig.check("the client said so", "reconnecting" in rig.output(client) or "stopped" in rig.output(client), "in its progress")


def stopped(rig, server):
    """sc stop while eight downloads run: quick, with offsets saved; and the clients bring the service back."""
    size, count = 12 * MIB, 8
    names = ["load-%d.bin" % i for i in range(count)]
    groups = []
    for name in names:
        server.make(name, size)
        started = rig.ctl("get", "--no-wait", server.url(name, "rate=2000000"), rig.path(rig.target(name)))
        if started.status != 0:
            rig.check("a download is added", False, started)
        groups.append(started.out.strip("{}\n"))
    poll(lambda: rig.done(groups[0]) > 4 * MIB)
    began = time.monotonic()
    rig.wine("sc.exe", "stop", "OpenQMGR")
    state = poll(lambda: rig.state() == "STOPPED", 20)
    gone = poll(lambda: not rig.processes("qmgrsvc.exe"), 20)
    seconds = time.monotonic() - began
    rig.check("the service stops under load within %d s" % STOP_LIMIT_S, state and gone and seconds <= STOP_LIMIT_S,
              "%.1f s from 'sc stop' to the end of the process" % seconds)
    waits = [rig.ctl("wait", "--quiet", "--remove", g, timeout=120).status for g in groups]
    rig.check("asking for them starts it again, and all arrive", waits == [0] * count and all(same(rig, server, n) for n in names),
              "exit %s" % waits)
    starts = [start for name in names for start in resumed_at(server, name)]  # the first may have been done before
    rig.check("they went on from the saved offsets", starts, "range requests from %s" % starts)


def power_cut(rig, server):
    size = 24 * MIB
    server.make("cut.bin", size)
    started = rig.ctl("get", "--no-wait", server.url("cut.bin", "rate=4000000"), rig.path(rig.target("cut.bin")))
    group = started.out.strip("{}\n")
    poll(lambda: rig.done(group) > size * 6 // 10)
    rig.wine_stop()
    rig.keep_prefix()
    result = rig.ctl("wait", "--remove", group, timeout=120)
    starts = resumed_at(server, "cut.bin")
    # Shows IBackgroundCopyQMgr.queue-kept-disk
    rig.check("after a power cut it goes on", result.status == 0 and same(rig, server, "cut.bin") and starts, "range requests "
              "from %s of %d" % (starts, size))


def paused(rig, server):
    size = 8 * MIB
    server.make("paused.bin", size)
    started = rig.ctl("get", "--no-wait", server.url("paused.bin", "rate=1500000"), rig.path(rig.target("paused.bin")))
    group = started.out.strip("{}\n")
    poll(lambda: rig.done(group) > MIB)
    result = rig.ctl("suspend", group[:8])
    before = rig.done(group)
    ended = poll(lambda: server.requests("paused.bin"), 10)
    after = rig.done(group)
    rig.check("suspend stops the bytes", result.status == 0 and before == after and ended and 0 < after < size,
              "%d bytes, the server saw the connection end" % after)
    facts = rig.info(group)
    # Shows OPENQMGR_STATE_SUSPENDED
    rig.check("info says so", "suspended" in facts["state"], facts["state"])
    temporary = facts.get("temporary file", "").rpartition("\\")[2]
    rig.check("info shows the file: how far, its temporary name, its version", "of 8.0 MiB" in facts.get("file 0", "")
              and temporary in rig.leftovers() and facts.get("ETag"), "%s; %s; %s" % (facts.get("file 0"), temporary,
                                                                                        facts.get("ETag")))
    result = rig.ctl("resume", "--foreground", group[:8])
    facts = rig.info(group)
    # Shows IBackgroundCopyGroup::SwitchToForeground.S_OK
    rig.check("resume --foreground", result.status == 0 and "foreground" in facts["state"], facts["state"])
    result = rig.ctl("wait", "--remove", group[:8])
    rig.check("it goes on and arrives", result.status == 0 and same(rig, server, "paused.bin") and resumed_at(server, "paused.bin"),
              "range requests from %s" % resumed_at(server, "paused.bin"))


def cancelled(rig, server):
    server.make("cancelled.bin", 8 * MIB)
    client = rig.start_ctl("get", server.url("cancelled.bin", "rate=500000"), rig.path(rig.target("cancelled.bin")))
    group = rig.group_of(client)
    poll(lambda: rig.done(group) > 0)
    result = rig.ctl("cancel", group)
    status = client.wait(20)
    rig.check("cancel ends it, and its client says why", result.status == 0 and status == 12
              and "cancelled" in rig.output(client), rig.output(client).splitlines()[-1])
    rig.check("nothing of it is left", not os.path.exists(rig.target("cancelled.bin")) and poll(lambda: not rig.leftovers(), 10),
              rig.leftovers() or "no file, no temporary file")


def waits_and_heals(rig, server):
    """A transient error is shown and waited out."""
    server.make("flaky.bin", 100000)
    client = rig.start_ctl("get", server.url("flaky.bin", "status=503&on=1"), rig.path(rig.target("flaky.bin")))
    status = client.wait(60)
    text = rig.output(client)
    rig.check("a server that is unavailable is tried again", status == 0 and same(rig, server, "flaky.bin")
              and "503" in text, next((w.strip() for w in text.splitlines() if "503" in w), text))


def several_match(rig, server):
    server.make("small.bin", 10)
    groups = [rig.ctl("get", "--no-wait", server.url("small.bin", "delay=60000"), rig.path(rig.target("small-%d.bin" % i)))
              .out.strip("{}\n") for i in range(2)]
    listed = rig.ctl("list").out
    rig.check("list shows them all", all(g[:8] in listed for g in groups), "%d lines" % listed.count("\n"))
    for group in groups:
        result = rig.ctl("cancel", group[:8])
        rig.check("a beginning of the identifier is enough", result.status == 0, group[:8])


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        rig.set_value("CheckpointMs", 500)
        rig.set_value("RetryFirstMs", 2000)
        server = rig.serve()
        for part in (two_clients, client_leaves, interrupted, killed, stopped, power_cut, paused, cancelled, waits_and_heals,
                     several_match):
            part(rig, server)
        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
