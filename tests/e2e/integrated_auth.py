#!/usr/bin/env python3
"""integrated_auth.py - Windows authentication (NTLM) through the installed service: to servers and proxies of LogOnHosts, with the credentials of
the user and no others.

Wine's NTLM has a program named ntlm_auth give the answers, which is Samba's; here it is tests/support/ntlm_auth.py, with an account of
the test's. All between it and the server is real: the service asks Windows' interface (SSPI), and the server takes only an answer
that was made with the password. Whose token the thread has plays no part in that under Wine: tests/win/test_identity.c checks that.
"""

import os
import stat
import sys

from rig import MIB, SOURCE, Rig, poll, sha256

PASSWORD = "Geheim & länger"
REFUSED = {401: "80190191", 407: "80190197"}


class Account:
    """Who has logged on to Windows, as ntlm_auth tells Wine. Made before the prefix starts, which hands PATH on to the service."""

    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.join(folder, "account")
        os.environ["OQ_NTLM_ACCOUNT"] = self.name
        os.environ["PATH"] = folder + ":" + os.environ["PATH"]

    def make(self):
        os.makedirs(self.folder)
        program = os.path.join(self.folder, "ntlm_auth")
        with open(program, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nexec "%s" "%s" "$@"\n' % (sys.executable, os.path.join(SOURCE, "tests/support/ntlm_auth.py")))
        os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)
        self.set_password(PASSWORD)

    def set_password(self, password):
        with open(self.name, "w", encoding="utf-8") as file:
            file.write("HOME\nanna\n%s\n" % password)

    def uses(self):
        """How often Wine has asked for an answer."""
        if not os.path.exists(self.name + ".log"):
            return 0
        with open(self.name + ".log", encoding="utf-8") as file:
            return len(file.readlines())


class Case:
    """One download, and what it has left behind; `messages` are those of NTLM that its requests should have, 0 for none."""

    def __init__(self, rig, server, account, url, messages):
        self.server = server
        before, uses = len(server.requests()), account.uses()
        self.name = rig.target("%d.bin" % rig.checks)
        self.result = rig.ctl("get", "--quiet", url, rig.path(self.name))
        self.uses = account.uses() - uses
        poll(lambda: len(server.requests()) >= before + len(messages), 5)
        self.requests = server.requests()[before:]
        self.is_as_asked = [r["ntlm"] for r in self.requests] == messages and self.uses == (3 in messages)

    def is_there(self):
        return (self.is_as_asked and self.result.status == 0 and os.path.exists(self.name)
                and sha256(self.name) == sha256(os.path.join(self.server.root, "a.bin")))

    def is_refused(self, http):
        return (self.is_as_asked and self.result.status == 7 and REFUSED[http] in self.result.err
                and not os.path.exists(self.name))

    def users(self):
        return {r["user"] for r in self.requests if r["status"] == 206}

    def words(self):
        return "%s; %s; ntlm_auth asked %d times" % (
            self.result, ["%s %s %s" % (r["status"], r["ntlm"], r["user"]) for r in self.requests], self.uses)


def is_in_turn(requests, slack_s=0.1):
    """Did each begin when the one before was over?"""
    spans = sorted((r["time"] - r["seconds"], r["time"]) for r in requests)
    return all(later[0] > earlier[1] - slack_s for earlier, later in zip(spans, spans[1:]))


def restart(rig, values):
    rig.wine("sc.exe", "stop", "OpenQMGR")
    return poll(lambda: rig.state() == "STOPPED", 20) and rig.set_values(values)


def in_turn(rig, server):
    """Four groups, one connection: see docs/decisions/0011."""
    before = len(server.requests())
    names = [rig.target("turn-%d.bin" % i) for i in range(4)]
    started = [rig.start_ctl("get", "--quiet", server.url("a.bin", "auth=401&rate=1000000&x=%d" % i), rig.path(name))
               for i, name in enumerate(names)]
    exits = [process.wait(60) for process in started]
    poll(lambda: len([r for r in server.requests()[before:] if r["status"] == 206]) == len(names), 5)
    bodies = [r for r in server.requests()[before:] if r["status"] == 206]
    rig.check("one at a time where ConnectionsPerHost is 1", exits == [0] * 4 and len(bodies) == 4 and is_in_turn(bodies),
              "exits %s, ended at %s" % (exits, [round(b["time"] - bodies[0]["time"], 2) for b in bodies]))


def main():
    rig = Rig()
    account = Account(os.path.join(rig.tmp, "account"))
    with rig:
        account.make()
        server = rig.serve(options=["--password", PASSWORD])
        server.make("a.bin", MIB)
        proxy = {"Proxy": "127.0.0.1:%d" % server.port, "ConnectionsPerHost": 1}
        near = server.url("a.bin", "auth=401")
        far = "http://far.invalid/a.bin?auth=407"
        other = near.replace("127.0.0.1", "localhost")
        rig.check("service installed", rig.install() and rig.set_values(proxy), rig.bin)

        for url, http in ((near, 401), (far, 407)):
            case = Case(rig, server, account, url, [0])
            rig.check("%d, nothing on the list: nothing is answered" % http, case.is_refused(http), case.words())

        rig.check("service told of the host", restart(rig, {"LogOnHosts": "127.0.0.1"}), "127.0.0.1")
        for url, http in ((near, 401), (far, 407)):
            case = Case(rig, server, account, url, [0, 1, 3])
            rig.check("%d, on the list: the file is there" % http, case.is_there() and case.users() == {"HOME\\anna"},
                      case.words())
        case = Case(rig, server, account, other, [0])
        rig.check("another name of that server: nothing is answered", case.is_refused(401), case.words())
        case = Case(rig, server, account, server.url("a.bin", "redirect=" + other), [0, 0])
        rig.check("redirect off the list: nothing is answered", case.is_refused(401), case.words())
        in_turn(rig, server)

        account.set_password("not that one")
        for url, http in ((near, 401), (far, 407)):
            case = Case(rig, server, account, url, [0, 1, 3])
            rig.check("%d, wrong password: refused" % http, case.is_refused(http), case.words())
        group = rig.group_of(rig.start_ctl("get", "--no-wait", near, rig.path(rig.target("wrong.bin"))))
        state = poll(lambda: rig.info(group).get("state", "").startswith("failed") and rig.info(group))
        rig.check("wrong password: the group is in ERROR", state and REFUSED[401] in str(state), state)
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
