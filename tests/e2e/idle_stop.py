#!/usr/bin/env python3
"""idle_stop.py - a service without work and clients stops itself (StopWhenIdleMs), and the next client gets it back.

The race between the two is played on purpose: with a limit of next to nothing the service stops behind every client, and each
client comes while it does.
"""

import os
import sys

from rig import MIB, Rig, poll
from survival import same


def is_gone(rig):
    return rig.state() == "STOPPED" and not rig.processes("qmgrsvc.exe")


def stops_and_comes_back(rig):
    first = rig.ctl("list")
    here = len(rig.processes("qmgrsvc.exe"))
    gone = poll(lambda: is_gone(rig), 60)
    rig.check("without work and clients it stops itself", first.status == 0 and here == 1 and gone, rig.state())
    text = rig.service_log()
    rig.check("and says why", "it stops until it is asked for" in text, "in its log")
    again = rig.ctl("list")
    rig.check("the next client gets it back", again.status == 0 and len(rig.processes("qmgrsvc.exe")) == 1, again)


def work_keeps_it(rig, server):
    size = 6 * MIB
    server.make("work.bin", size)
    group = rig.ctl("get", "--no-wait", server.url("work.bin", "rate=1000000"), rig.path(rig.target("work.bin"))).out.strip("{}\n")
    number = rig.processes("qmgrsvc.exe")
    there = poll(lambda: os.path.exists(rig.target("work.bin")), 60)
    rig.check("work keeps it: the file arrives without a client", there and same(rig, server, "work.bin")
              and len(server.requests("work.bin")) == 1, "%d request" % len(server.requests("work.bin")))
    rig.check("in one process", len(number) == 1 and rig.service_log().count("it stops until") <= 2, number)
    gone = poll(lambda: is_gone(rig), 60)
    rig.check("a complete group is no work: it stops", gone, rig.state())
    result = rig.ctl("wait", "--remove", "--quiet", group)
    rig.check("and the group is there when it is back", result.status == 0, result)


def client_keeps_it(rig, server):
    server.make("kept.bin", 1000)
    group = rig.ctl("get", "--no-wait", server.url("kept.bin", "delay=60000&on=1"), rig.path(rig.target("kept.bin"))).out.strip("{}\n")
    rig.ctl("suspend", group)
    client = rig.start_ctl("wait", "--quiet", "--remove", group)
    poll(lambda: len(rig.processes("qmgrctl.exe")) == 1, 20)
    number = rig.processes("qmgrsvc.exe")
    # Longer than the limit by far: nothing to wait for but time, which the other client's own limit tells.
    other = rig.ctl("wait", "--quiet", "--stall-timeout", "6", group)
    rig.check("a client keeps it, though its group is suspended", other.status == 10 and rig.processes("qmgrsvc.exe") == number
              and client.poll() is None, "the same process after 6 s of a limit of 1.5 s")
    rig.ctl("resume", group)
    rig.check("the client gets its file", client.wait(60) == 0 and same(rig, server, "kept.bin"), "exit %s" % client.poll())
    rig.check("when it has left, the service stops", poll(lambda: is_gone(rig), 60), rig.state())


def race(rig, rounds):
    """It stops behind each client, while the next one comes."""
    rig.set_value("StopWhenIdleMs", 100)
    poll(lambda: is_gone(rig), 60)
    before = rig.service_log().count("it stops until it is asked for")
    # Two at a time, so that one comes in some phase of the stop that follows the other's.
    clients = []
    for _ in range(rounds):
        pair = [rig.start_ctl("list") for _ in range(2)]
        clients += [(client.wait(120), rig.output(client).strip()) for client in pair]
    bad = [client for client in clients if client[0] != 0]
    poll(lambda: is_gone(rig), 60)  # behind the last one
    stops = rig.service_log().count("it stops until it is asked for") - before
    rig.check("clients that come while it stops get it", not bad and stops > 0, "%d clients, %d stops, failed: %s"
              % (len(clients), stops, bad))


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        rig.set_value("StopWhenIdleMs", 1500)
        server = rig.serve()
        stops_and_comes_back(rig)
        work_keeps_it(rig, server)
        client_keeps_it(rig, server)
        race(rig, int(sys.argv[1]))
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
