#!/usr/bin/env python3
"""notify.py - OnStatus from one process to another: clients that hang, call back, live in an STA, die, or come late.

usage: notify.py [--32]

With --32 the clients are 32-bit programs, which reach the service through the 32-bit proxy DLL. Each client is a process of its own (notify_client.c), so that it can be killed. What one of them does must not disturb
another, nor the service.
"""

import os
import re
import signal
import sys

from rig import Rig, poll

IS_32 = "--32" in sys.argv[1:]
HANGING = 3
UNDERSTOOD = "its client was notified"


class Client:
    """A running notify_client."""

    def __init__(self, rig, *words):
        self.rig = rig
        self.answers = rig.service_log().count(UNDERSTOOD)
        program = os.path.join(rig.bin_32 if IS_32 else rig.bin, "tests", "notify_client.exe")
        self.process = rig.start(program, *words)

    def text(self):
        return self.rig.output(self.process)

    def group(self):
        def look():
            match = re.search(r"group (\{[0-9A-Fa-f-]{36}\})", self.text())
            return match.group(1) if match else None
        return poll(look)

    def told(self):
        """The words of the first line that says that OnStatus came, as a dictionary; waits."""
        def look():
            match = re.search(r"^told (.*)$", self.text(), re.M)
            return dict(word.split("=") for word in match.group(1).split()) if match else None
        return poll(look)

    def kill(self):
        """Kills its process, which is in the process group of the script that started it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def is_served(self):
        """Waits until one more client than before it began has answered S_OK; ends it."""
        served = poll(lambda: self.rig.service_log().count(UNDERSTOOD) > self.answers)
        self.kill()
        return served and "told " in self.text()

    def __str__(self):
        return "; ".join(self.text().split("\n")).strip("; ") or "nothing said"


def kinds(rig, server):
    """What clients may be, one after the other."""
    for name, words in (("in the multi-threaded apartment", ()), ("in a single-threaded apartment", ("--sta",))):
        client = Client(rig, *words, server.url("small.bin"), rig.path(rig.target("kind.bin")))
        told = client.told() or {}
        rig.check("client %s is notified" % name,
                  client.is_served() and told.get("status") == "0x40" and told.get("file") == "-1"
                  and told.get("thread") == ("main" if words else "other"), client)
    for words in (("--back",), ("--back", "--sta")):
        client = Client(rig, *words, server.url("small.bin"), rig.path(rig.target("back.bin")))
        rig.check("client that calls back into the service%s" % (", in an STA" if "--sta" in words else ""),
                  client.is_served() and re.search(r"back status=0x140 size=1000 files=1 flags=4 result=0x00000000",
                                                  client.text()), client)
    client = Client(rig, server.url("nothing.bin"), rig.path(rig.target("nothing.bin")))
    told = client.told() or {}
    rig.check("error is reported with file and codes", client.is_served() and told.get("status") == "0x200"
              and told.get("file") == "0" and told.get("win32") == "2" and told.get("http") == "404", client)


def hanging(rig, server):
    """Three hang; then everything else must work as ever. They are left hanging."""
    clients = []
    for i in range(HANGING):
        clients.append(Client(rig, "--hang", server.url("small.bin"), rig.path(rig.target("hang%d.bin" % i))))
    for i, client in enumerate(clients):
        rig.check("client %d hangs in OnStatus" % (i + 1), client.told() is not None, client)
    for words in ((), ("--back",), ("--sta",)):
        healthy = Client(rig, *words, server.url("small.bin"), rig.path(rig.target("healthy.bin")))
        rig.check("beside them a client %sis told" % (" ".join(words) + " " if words else ""),
                  healthy.is_served(), healthy)
    result = rig.ctl("get", server.url("small.bin"), rig.path(rig.target("ctl.bin")))
    rig.check("qmgrctl works beside them", result.status == 0, result)
    return clients


def dead_and_late(rig, server, clients):
    """One of the hanging ones dies; its event goes to the next client that registers."""
    group = clients[0].group()
    dying = Client(rig, server.url("slow.bin", "rate=300000"), rig.path(rig.target("dying.bin")))
    dying_group = dying.group()
    dying.kill()
    rig.check("client that dies while its download runs", dying_group and "told" not in dying.text(), dying)
    finished = poll(lambda: rig.info(dying_group.strip("{}")).get("state") == "complete")
    rig.check("its download is completed", finished, dying_group)
    said = poll(lambda: "its client is gone" in rig.service_log(), 30)
    rig.check("that it is gone is noticed, and logged", said, "see the service's log")
    late = Client(rig, "--group", dying_group)
    rig.check("the next one to register is notified", late.is_served() and "told status=0x40" in late.text(), late)
    again = Client(rig, "--group", dying_group)
    rig.check("what was understood is not told again", again.group() and not poll(lambda: "told" in again.text(), 2), again)
    again.kill()
    replaced = Client(rig, "--group", group)
    rig.check("a registration replaces one that hangs, and is notified", replaced.is_served(), replaced)


def restarts(rig, clients):
    """The service can stop whatever clients do, and the event is kept."""
    began = rig.state()
    rig.wine("sc.exe", "stop", "OpenQMGR")
    stopped = poll(lambda: rig.state() == "STOPPED")
    rig.check("the service stops while clients hang", began == "RUNNING" and stopped, rig.state())
    late = Client(rig, "--group", clients[1].group())
    rig.check("after the restart the event that was not understood is reported to the next one", late.is_served(), late)
    calls = sum(client.text().count("told ") for client in clients)
    rig.check("the hanging ones were called once each", calls == HANGING, calls)


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        if IS_32 and not rig.check("proxy DLL for 32-bit clients registered", rig.install_32(), rig.bin_32):
            return rig.end()
        rig.set_value("LogLevel", 3)
        server = rig.serve()
        server.make("small.bin", 1000)
        server.make("slow.bin", 900000)
        kinds(rig, server)
        clients = hanging(rig, server)
        dead_and_late(rig, server, clients)
        restarts(rig, clients)
        said = "".join(rig.output(process) for process in rig.started if hasattr(process, "out_name"))
        rig.check("OnProgress and OnProgressEx were never called", "must not come" not in said, "all clients")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
