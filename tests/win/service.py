#!/usr/bin/env python3
"""service.py - qmgrsvc as an administrator meets it: install, the control manager, the foreground, uninstall. Under Wine.

It has a Wine prefix of its own, since it is about what an installation leaves behind.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import time

SOURCE = os.environ["OQ_SOURCE_DIR"]
TMP = os.environ["OQ_TEST_TMP"]
BIN = os.environ["OQ_BIN_DIR"]
PREFIX = os.environ["OQ_WINEPREFIX"]
DRIVE = os.path.join(PREFIX, "drive_c")
DATA = os.path.join(DRIVE, "ProgramData", "OpenQMGR")
STOP_LIMIT_S = 5.0
failures = 0


def check(what, holds, detail=""):
    global failures
    print("%s %s%s" % ("ok  " if holds else "FAIL", what, "" if holds else ": %s" % (detail,)), flush=True)
    failures += not holds
    return holds


class Result:
    def __init__(self, words, timeout=90):
        began = time.monotonic()
        done = subprocess.run([os.path.join(SOURCE, "scripts", "wine")] + words, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
        self.seconds = time.monotonic() - began
        self.status = done.returncode
        self.out = done.stdout.decode("utf-8", "replace").replace("\r", "")
        self.err = done.stderr.decode("utf-8", "replace").replace("\r", "")

    def __str__(self):
        return "status %d, stdout %r, stderr %r" % (self.status, self.out, self.err)


def qmgrsvc(*words, **options):
    return Result([os.path.join(BIN, "qmgrsvc.exe")] + list(words), **options)


def qmgrctl(*words, **options):
    return Result([os.path.join(BIN, "qmgrctl.exe")] + list(words), **options)


def sc(*words):
    return Result(["sc.exe"] + list(words))


def state():
    """STOPPED, RUNNING, ... or None if the service is not installed."""
    for line in sc("query", "OpenQMGR").out.splitlines():
        if "STATE" in line:
            return line.split()[-1]
    return None


def wait_for(wanted, limit_s):
    """Seconds until the service is in that state, or None."""
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        if state() == wanted:
            return time.monotonic() - began
    return None


def registry(key):
    return Result(["reg.exe", "query", key]).out


def log_text():
    try:
        with open(os.path.join(DATA, "openqmgr.log"), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


CLASS = "HKLM\\SOFTWARE\\Classes\\CLSID\\{cff5ca3f-e82d-46a8-93a6-0494c5722628}"
EVENTS = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\OpenQMGR"


def arguments():
    result = qmgrsvc("--version")
    check("--version", result.status == 0 and result.out.startswith("qmgrsvc "), result)
    result = qmgrsvc("--help")
    check("--help goes to stdout", result.status == 0 and "usage:" in result.out and not result.err, result)
    for words in (["frobnicate"], ["run", "--date", "x"], ["run", "--data"], ["run", "--data", "x", "y"],
                  ["install", "--purge"], ["uninstall", "--legacy"], ["install", "--legacy", "x"], ["-x"]):
        result = qmgrsvc(*words)
        check("usage on stderr: %s" % " ".join(words),
              result.status == 2 and not result.out and "usage:" in result.err, result)
    result = qmgrsvc()
    check("without arguments and without the control manager: usage", result.status == 2 and "usage:" in result.err, result)


def install():
    result = qmgrsvc("install")
    check("install", result.status == 0 and "service OpenQMGR: created" in result.out, result)
    config = registry("HKLM\\SYSTEM\\CurrentControlSet\\Services\\OpenQMGR")  # Wine's sc.exe has no qc
    check("the entry has a quoted program, automatic start, LocalSystem",
          '\\qmgrsvc.exe"' in config and "0x2" in config and "LocalSystem" in config, config)
    check("the class is registered", "OpenQMGR" in registry(CLASS), registry(CLASS))
    check("the event source is registered", "EventMessageFile" in registry(EVENTS), registry(EVENTS))
    check("it is not started", state() == "STOPPED", state())
    result = qmgrsvc("install")
    check("install again", result.status == 0 and "brought up to date" in result.out, result)


def start_and_stop():
    sc("start", "OpenQMGR")
    check("sc start", wait_for("RUNNING", 20) is not None, state())
    check("the log says where the queue is", "C:\\ProgramData\\OpenQMGR" in log_text(), log_text())
    result = qmgrctl("list")
    check("a client is answered", result.status == 0, result)
    result = sc("start", "OpenQMGR")
    check("a second start is refused", result.status != 0 or "1056" in result.out, result)
    sc("stop", "OpenQMGR")
    seconds = wait_for("STOPPED", 10)
    check("sc stop, idle", seconds is not None and seconds < STOP_LIMIT_S, seconds)
    check("the log ends with the stop", log_text().rstrip().endswith("OpenQMGR has stopped."), log_text()[-300:])
    result = qmgrctl("list")
    check("a client starts it again", result.status == 0 and state() == "RUNNING", result)


def stop_under_load():
    """Twelve groups of a slow and large file each, in flight."""
    files = os.path.join(TMP, "www")
    os.makedirs(files, exist_ok=True)
    with open(os.path.join(files, "big.bin"), "wb") as file:
        file.truncate(1 << 30)
    port_file = os.path.join(TMP, "port")
    if os.path.exists(port_file):
        os.remove(port_file)
    server = subprocess.Popen(
        [sys.executable, os.path.join(SOURCE, "tests/support/httpd.py"), "--dir", files, "--port-file", port_file],
        stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        with open(port_file, encoding="ascii") as file:
            base = "http://127.0.0.1:%s/big.bin?rate=4000000" % file.read().strip()
        folder = os.path.join(DRIVE, "load")
        os.makedirs(folder)
        started = [qmgrctl("get", "--no-wait", "--overwrite", "--foreground", "%s&n=%d" % (base, i), "C:\\load\\%d.bin" % i)
                   for i in range(12)]
        check("12 downloads are queued", all(r.status == 0 for r in started), started[-1])
        deadline = time.monotonic() + 20
        while len(glob.glob(folder + "/BIT*.tmp")) < 12 and time.monotonic() < deadline:
            time.sleep(0.05)
        check("they are in flight", len(glob.glob(folder + "/BIT*.tmp")) == 12, os.listdir(folder))
        began = time.monotonic()
        sc("stop", "OpenQMGR")
        wait_for("STOPPED", 15)
        seconds = time.monotonic() - began
        check("sc stop with 12 downloads in flight takes less than 5 s", seconds < STOP_LIMIT_S, "%.1f s" % seconds)
        check("their offsets were saved", "offsets saved" in log_text()[-2000:], log_text()[-600:])
        for result in started:
            for word in (result.out + result.err).replace(",", " ").split():
                if word.startswith("{"):
                    qmgrctl("cancel", word)
        check("cancelling leaves no temporary file", not glob.glob(folder + "/*"), os.listdir(folder))
    finally:
        server.terminate()
        server.wait()


def start_that_fails():
    sc("stop", "OpenQMGR")
    wait_for("STOPPED", 10)
    Result(["reg.exe", "add", "HKLM\\SOFTWARE\\OpenQMGR", "/v", "CaFile", "/t", "REG_SZ", "/d", "C:\\no such.pem", "/f"])
    sc("start", "OpenQMGR")
    check("a CaFile that is not there keeps it from starting", wait_for("STOPPED", 20) is not None, state())
    check("the log says why", "could not start" in log_text() and "no such.pem" in log_text(), log_text()[-400:])
    check("and the control manager has its code", "2  (0x2)" in sc("query", "OpenQMGR").out, sc("query", "OpenQMGR").out)
    Result(["reg.exe", "delete", "HKLM\\SOFTWARE\\OpenQMGR", "/v", "CaFile", "/f"])


def pid_of(word):
    """Linux pid of the Windows program with that word in its command line."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                line = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and "qmgrsvc.exe" in line and "wine" not in line.split()[0] and "bash" not in line:
            return int(path.split("/")[2])
    return None


def foreground():
    mark = "C:\\queue-%d" % os.getpid()
    with subprocess.Popen([os.path.join(SOURCE, "scripts", "wine"), os.path.join(BIN, "qmgrsvc.exe"), "run", "--data", mark],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        first = b""
        while b"is running" not in first:
            line = process.stderr.readline()
            if not line:
                break
            first += line
        check("run serves in the foreground and says so", b"is running" in first, first)
        result = qmgrctl("list")
        check("a client is answered by it", result.status == 0 and state() == "STOPPED", result)
        result = qmgrsvc("run", "--data", mark)
        check("a second one with the same folder says so and exits",
              result.status == 1 and "another OpenQMGR service is running" in result.err, result)
        pid = pid_of(mark)
        began = time.monotonic()
        if check("its process is found", pid is not None):
            os.kill(pid, signal.SIGINT)  # what a terminal sends for Ctrl-C
        else:
            process.kill()
        process.communicate(timeout=30)
        check("Ctrl-C stops it", process.returncode == 0 and time.monotonic() - began < STOP_LIMIT_S, process.returncode)
    result = qmgrsvc("run", "--data", "C:\\no such folder\\queue")
    check("run with a folder that cannot be made: one sentence",
          result.status == 1 and len(result.err.strip().splitlines()) == 1, result)


def uninstall():
    sc("start", "OpenQMGR")  # uninstall may find it starting or running
    result = qmgrsvc("uninstall")
    check("uninstall stops the running service and removes it",
          result.status == 0 and "stopped" in result.out and "removed" in result.out, result)
    check("the control manager does not know it any more", state() is None, state())
    check("the class is gone", "OpenQMGR" not in registry(CLASS), registry(CLASS))
    check("the event source is gone", "EventMessageFile" not in registry(EVENTS), registry(EVENTS))
    check("the queue stays", os.path.exists(os.path.join(DATA, "queue.db")), os.listdir(DATA))
    result = qmgrctl("list")
    check("a client hears that the service is not installed", result.status == 3 and "install" in result.err, result)
    result = qmgrsvc("uninstall")
    check("uninstall again", result.status == 0 and "was not installed" in result.out, result)
    with open(os.path.join(DATA, "note.txt"), "w", encoding="ascii") as file:
        file.write("a person's")
    result = qmgrsvc("uninstall", "--purge")
    check("--purge empties the data folder and keeps what is not ours",
          result.status == 0 and os.listdir(DATA) == ["note.txt"], result)
    os.remove(os.path.join(DATA, "note.txt"))
    result = qmgrsvc("uninstall", "--purge")
    check("--purge removes it when nothing else is in it", result.status == 0 and not os.path.exists(DATA), result)


def main():
    shutil.rmtree(PREFIX, ignore_errors=True)
    subprocess.run([os.path.join(SOURCE, "scripts", "wine"), "--keep"], check=True)
    try:
        arguments()
        install()
        start_and_stop()
        stop_under_load()
        start_that_fails()
        foreground()
        uninstall()
    finally:
        subprocess.run([os.path.join(SOURCE, "scripts", "wine-stop")], check=False)
        shutil.rmtree(PREFIX, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
