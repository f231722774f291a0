#!/usr/bin/env python3
"""recovery.py - the service starts on a queue and files that have come apart, or on a damaged queue: nothing that can be
had is lost, and nothing that is not ours is touched.

One group per combination; all are brought into their state while the service is stopped, then it starts once.
tests/engine/test_recovery.c has the same cases with every detail.
"""

import glob
import os
import re
import sqlite3
import sys

from rig import MIB, Rig, poll, sha256

SIZE = 6 * MIB
SLOW = "rate=300000&on=1"  # the first request only
LATE = "delay=8000&on=1"


def database(rig):
    return os.path.join(rig.data_folder(), "queue.db")


def stop(rig):
    rig.wine("sc.exe", "stop", "OpenQMGR")
    return poll(lambda: not rig.processes("qmgrsvc.exe"), 20)


def log(rig):
    with open(os.path.join(rig.data_folder(), "openqmgr.log"), encoding="utf-8", errors="replace") as file:
        return file.read()


def blob(group):
    return bytes.fromhex(group.replace("-", ""))


class Case:
    """One file of one group."""

    def __init__(self, rig, server, name, query=SLOW, is_blocked=False):
        self.rig, self.server, self.name = rig, server, name
        self.source = server.make(name + ".bin", SIZE)
        self.target = rig.target(name + ".bin")
        self.group = rig.ctl("get", "--no-wait", server.url(name + ".bin", query), rig.path(self.target)).out.strip("{}\n")
        if is_blocked:
            os.mkdir(self.target)

    def row(self, connection, columns):
        return connection.execute("SELECT " + columns + " FROM files JOIN jobs ON jobs.id = job_id JOIN groups ON groups.id ="
                                  " group_id WHERE groups.guid = ?", (blob(self.group),)).fetchone()

    def temp(self, connection):
        path = self.row(connection, "temp_path")[0]
        return path and os.path.join(self.rig.downloads, re.split(r"[\\/]", path)[-1])

    def set_state(self, connection, state):
        connection.execute("UPDATE groups SET state = ?, pending_event = 'none', error_code = 0, error_win32 = 0, error_http = 0,"
                           " error_file_index = NULL, error_text = NULL WHERE guid = ?", (state, blob(self.group)))

    def is_same(self):
        return os.path.isfile(self.target) and sha256(self.target) == sha256(self.source)

    def state(self):
        return self.rig.info(self.group).get("state", "")

    def arrives(self, what):
        state = poll(lambda: self.state() if self.state().startswith("complete") else None) or self.state()
        self.rig.check(what, state.startswith("complete") and self.is_same(), state)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def fetched_names():
    return ("renamed", "not-renamed", "replaced", "changed")


def apart(rig, server):
    """Every combination at once."""
    # A folder in the file's place keeps these from their final names, so the database holds them as fetched.
    fetched = {name: Case(rig, server, name, LATE, True) for name in fetched_names()}
    for case in fetched.values():
        poll(lambda c=case: c.state().count("failed"))
    running = {name: Case(rig, server, name) for name in ("no-file", "shorter", "longer", "cancelled")}
    for case in running.values():
        poll(lambda c=case: rig.done(c.group) > MIB)
    rig.check("the service is stopped in the middle", stop(rig), "")
    stranger = rig.target("BITfedcba9876543210.tmp")
    write(stranger, "somebody else's")

    connection = sqlite3.connect(database(rig))
    temps = {name: case.temp(connection) for name, case in {**fetched, **running}.items()}
    ids = [case.row(connection, "files.state, temp_id") for case in fetched.values()]
    rig.check("fetched files have an identity in the database", all(i[0] == "fetched" and i[1] for i in ids), ids[0])
    offset = running["longer"].row(connection, "done_bytes")[0]
    os.remove(temps["no-file"])
    os.truncate(temps["shorter"], 1000)
    with open(temps["longer"], "ab") as file:
        file.write(b"x" * 100000)
    running["cancelled"].set_state(connection, "cancelling")
    for name, case in fetched.items():
        os.rmdir(case.target)
        case.set_state(connection, "committing")
        if name != "not-renamed":
            os.rename(temps[name], case.target)
    other = server.make("other.bin", SIZE)
    # Beside the old one and then in its place: a removed file's number is soon used again, on file systems of Linux.
    with open(rig.target("new"), "wb") as file:
        file.write(read(other))
    os.replace(rig.target("new"), fetched["replaced"].target)
    write(fetched["changed"].target, "the user's work")
    connection.commit()
    connection.close()

    rig.ctl("list")
    running["no-file"].arrives("row without file: fetched again")
    running["shorter"].arrives("file shorter than the offset: fetched again")
    running["longer"].arrives("file longer than the offset: cut back, goes on")
    asked = [r["range"] for r in server.requests("longer.bin")]
    rig.check("... from the saved offset", "bytes=%d-" % offset in asked, asked)
    fetched["renamed"].arrives("renamed but not recorded: recognised")
    rig.check("... without asking for it again", len(server.requests("renamed.bin")) == 1, "1 request")
    fetched["not-renamed"].arrives("recorded but not renamed: renamed")
    rig.check("... without asking for it again", len(server.requests("not-renamed.bin")) == 1, "1 request")
    state = poll(lambda: fetched["changed"].state().startswith("complete"))
    rig.check("renamed, then changed by the user: recognised and left alone",
              state and read(fetched["changed"].target) == b"the user's work", fetched["changed"].state())
    state = poll(lambda: fetched["replaced"].state().count("failed"))
    rig.check("renamed, then replaced by the user: their file stays, the group says why",
              state and read(fetched["replaced"].target) == read(other), fetched["replaced"].state())
    gone = poll(lambda: not os.path.exists(temps["cancelled"]), 20)
    rig.check("cancelled but not removed: removed", gone and not os.path.exists(running["cancelled"].target), "")
    rig.check("a file that only looks like ours stays", read(stranger) == b"somebody else's", os.path.basename(stranger))
    words = ("temporary file is gone", "temporary file was cut", "longer than what is known", "had its final name already",
             "left alone", "temporary file removed")
    text = log(rig)
    rig.check("the log says what was done", all(w in text for w in words), [w for w in words if w not in text] or "all of it")
    os.remove(stranger)
    for case in list(fetched.values()) + list(running.values()):
        rig.ctl("cancel", case.group)


def damaged(rig, server):
    """Garbage in the database between two starts, with a backup copy beside it."""
    case = Case(rig, server, "survivor")
    poll(lambda: rig.done(case.group) > MIB)
    rig.ctl("suspend", case.group)
    stop(rig)
    with open(database(rig), "rb") as file:
        content = bytearray(file.read())
    with open(os.path.join(rig.data_folder(), "queue.backup.db"), "wb") as file:
        file.write(content)
    content[4096:] = os.urandom(len(content) - 4096)
    content[0:100] = os.urandom(100)
    with open(database(rig), "wb") as file:
        file.write(content)
    facts = rig.info(case.group)
    kept = glob.glob(os.path.join(rig.data_folder(), "queue.damaged-*.db"))
    rig.check("a damaged queue: the service runs and the group is back", facts["exit"] == 0, facts.get("state"))
    rig.check("the damaged file is set aside, byte for byte", len(kept) == 1 and read(kept[0]) == bytes(content),
              [os.path.basename(k) for k in kept])
    told = re.search(r"the queue was damaged \(.*?taken from the backup copy.*", log(rig))
    rig.check("the log says so", told is not None, told and told.group(0)[:160])
    rig.ctl("resume", case.group)
    case.arrives("its download goes on and arrives")
    rig.ctl("cancel", case.group)


def newer(rig):
    """A queue of a newer version stops the start and is not touched."""
    stop(rig)
    with open(database(rig), "rb") as file:
        ours = file.read()
    connection = sqlite3.connect(database(rig))
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = sorted(os.listdir(rig.data_folder())), read(database(rig))
    result = rig.ctl("list")
    after = sorted(os.listdir(rig.data_folder())), read(database(rig))
    rig.check("a newer queue is refused", result.status != 0, result)
    rig.check("... and left untouched", before == after, "%d bytes" % len(after[1]))
    rig.check("... and the log says why", "newer version of OpenQMGR" in log(rig), "")
    poll(lambda: not rig.processes("qmgrsvc.exe"), 20)
    with open(database(rig), "wb") as file:
        file.write(ours)
    rig.check("with its own queue it starts again", rig.ctl("list").status == 0, "")


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        rig.set_value("CheckpointMs", 300)
        rig.set_value("RetryFirstMs", 500)
        rig.set_value("BackgroundGroups", 16)
        server = rig.serve()
        apart(rig, server)
        damaged(rig, server)
        newer(rig)
        rig.check("no temporary file is left", not rig.leftovers(), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
