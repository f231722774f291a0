"""windows.py - a Windows machine in the lab: a Wine prefix of its own, whose server runs in the machine's namespace.

Sockets under Wine belong to wineserver, so that has to be started inside the namespace; it is, by the first program.
"""

import os
import re
import shutil
import signal
import subprocess
import time

import sandbox

LIMIT_S = 120


class Machine:
    """Wine on one machine of the lab, and the OpenQMGR service installed in it."""

    def __init__(self, space, source, programs, folder):
        self.space, self.source, self.programs = space, source, programs
        self.folder = os.path.join(folder, space)
        self.downloads = os.path.join(self.folder, "downloads")
        os.makedirs(self.downloads)
        self.environment = dict(os.environ, OQ_WINEPREFIX=os.path.join(self.folder, "prefix"))

    def command(self, *words):
        return ["nsenter", "--net=" + os.path.join(sandbox.NETNS_DIR, self.space),
                os.path.join(self.source, "scripts", "wine"), *words]

    @staticmethod
    def path(unix):
        return "Z:" + os.path.abspath(unix).replace("/", "\\")

    def start(self, *words):
        """Output goes to a file, not to a pipe: Wine's background processes inherit it, and it would never end."""
        with open(os.path.join(self.folder, "last.out"), "wb") as out:
            return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    env=self.environment, cwd=self.folder, start_new_session=True)

    def run(self, *words, is_strict=True):
        """Runs a program to its end; what it said. Strict: an error if it failed."""
        process = self.start(*words)
        try:
            status = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = "none within %d s" % LIMIT_S
        with open(os.path.join(self.folder, "last.out"), "rb") as file:
            text = file.read().decode("utf-8", "replace").replace("\r\n", "\n")
        if is_strict and status != 0:
            raise RuntimeError("%s on %s: status %s, %s%s" % (" ".join(words), self.space, status, text.strip()[:500],
                                                              self.log_end()))
        return text

    def set_number(self, name, number):
        """A value of the service's configuration (docs/config.md)."""
        self.run("reg", "add", "HKLM\\SOFTWARE\\OpenQMGR", "/v", name, "/t", "REG_DWORD", "/d", str(number), "/f")

    def log_everything(self):
        self.set_number("LogLevel", 3)

    def log_path(self):
        return os.path.join(self.environment["OQ_WINEPREFIX"], "drive_c/ProgramData/OpenQMGR/openqmgr.log")

    def log(self):
        """What the service has logged; it is running."""
        if not os.path.exists(self.log_path()):
            return ""
        with open(self.log_path(), encoding="utf-8", errors="replace") as file:
            return file.read()

    def take_log(self, target):
        """Copies the service's log, as far as there is one, to a file of ours; the service is running."""
        if os.path.exists(self.log_path()):
            shutil.copyfile(self.log_path(), target)

    def log_end(self):
        text = ""
        for folder, _, names in os.walk(os.path.join(self.environment["OQ_WINEPREFIX"], "drive_c/ProgramData/OpenQMGR")):
            for name in names:
                if name.endswith(".log"):
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                        text += "\n--- the end of the service's %s:\n%s" % (name, "".join(file.readlines()[-20:]))
        return text

    def boot(self):
        self.run("--keep")

    def install(self):
        service = self.path(os.path.join(self.programs, "qmgrsvc.exe"))
        self.run("sc.exe", "create", "OpenQMGR", "binPath=", '"%s"' % service, "type=", "own", "start=", "delayed-auto",
                 "obj=", "LocalSystem", "DisplayName=", "Open Queue Manager (background downloads)")
        self.run("regsvr32", "/s", self.path(os.path.join(self.programs, "qmgrps.dll")))

    def ctl(self, *words, is_strict=True):
        return self.run(os.path.join(self.programs, "qmgrctl.exe"), *words, is_strict=is_strict)

    def restart_service(self):
        """A service that has learned nothing yet; it starts with the next call."""
        self.run("sc.exe", "stop", "OpenQMGR", is_strict=False)
        end = time.monotonic() + 20
        while "STOPPED" not in self.run("sc.exe", "query", "OpenQMGR"):
            if time.monotonic() > end:
                raise RuntimeError("the service on %s does not stop%s" % (self.space, self.log_end()))
            time.sleep(0.1)

    def get(self, url, name, *options):
        """Starts a download by the service; its group."""
        text = self.ctl("get", "--no-wait", "--overwrite", *options, url, self.path(os.path.join(self.downloads, name)))
        match = re.search(r"\{([0-9a-fA-F-]{36})\}", text)
        if not match:
            raise RuntimeError("qmgrctl names no group: %s" % text)
        return match.group(1)

    def cancel(self, group):
        self.ctl("cancel", group)

    def start_curl(self, curl, url, name):
        """Starts curl.exe, which runs until its connection is cut; then call end_curl()."""
        return self.start(curl, "-s", "-S", "-o", self.path(os.path.join(self.downloads, name)), url)

    def end_curl(self, process):
        """After its connection has been cut. It is not killed if that can be helped: the sockets of killed programs may stay open in
        wineserver. Removes what it has written."""
        try:
            process.wait(LIMIT_S / 4)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.clear()

    def clear(self):
        for name in os.listdir(self.downloads):
            os.remove(os.path.join(self.downloads, name))
