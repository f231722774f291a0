"""rig.py - what the end-to-end tests share: a Wine prefix with the service installed, a web server, and qmgrctl.

A test is a script that makes a Rig and calls check() for everything it wants to see; each prints one line. Nothing sleeps
for luck: poll() waits for a condition up to a limit. Leaving the `with` block ends every process that was started.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

SOURCE = os.environ.get("OQ_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MIB = 1 << 20
LIMIT_S = 60


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(4 * MIB), b""):
            digest.update(piece)
    return digest.hexdigest()


def poll(condition, limit_s=LIMIT_S):
    """The first true result of condition(), or its last one after limit_s."""
    end = time.monotonic() + limit_s
    while True:
        result = condition()
        if result or time.monotonic() >= end:
            return result
        time.sleep(0.05)


class Server:
    """tests/support/httpd.py, with a folder of its own."""

    def __init__(self, folder, name, certificate=None, options=()):
        self.root = os.path.join(folder, name)
        self.log_name = os.path.join(folder, name + ".log")
        self.scheme = "https" if certificate else "http"
        port_file = os.path.join(folder, name + ".port")
        for old in (self.log_name, port_file):
            if os.path.exists(old):
                os.remove(old)
        os.makedirs(self.root, exist_ok=True)
        command = [sys.executable, os.path.join(SOURCE, "tests/support/httpd.py"), "--dir", self.root, "--until-eof",
                   "--port-file", port_file, "--log", self.log_name]
        if certificate:
            command += ["--cert", certificate + ".pem", "--key", certificate + ".key"]
        self.process = subprocess.Popen(command + list(options), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        if not poll(lambda: os.path.exists(port_file)):
            raise RuntimeError("the web server did not start")
        with open(port_file, encoding="ascii") as file:
            self.port = int(file.read())

    def url(self, name, query=""):
        # curl's own verification, which is used under Wine, does not look for addresses in certificates.
        host = "localhost" if self.scheme == "https" else "127.0.0.1"
        return "%s://%s:%d/%s%s" % (self.scheme, host, self.port, urllib.parse.quote(name), "?" + query if query else "")

    def make(self, name, size, sparse=False):
        """A file to be served: random, or sparse with a few random bytes at both ends and in the middle."""
        path = os.path.join(self.root, name)
        with open(path, "wb") as file:
            if sparse:
                for at in (0, size // 2, size - 4096):
                    file.seek(at)
                    file.write(os.urandom(4096))
            else:
                left = size
                while left > 0:
                    count = min(left, 8 * MIB)
                    file.write(os.urandom(count))
                    left -= count
        return path

    def requests(self, name=None):
        """Requests that are over, of one file or of all."""
        if not os.path.exists(self.log_name):
            return []
        with open(self.log_name, encoding="utf-8") as file:
            entries = [json.loads(line) for line in file if line.endswith("\n")]
        want = None if name is None else "/" + urllib.parse.quote(name)
        return [e for e in entries if want is None or (e.get("path") or "").partition("?")[0] == want]

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def __str__(self):
        words = " ".join((self.err or self.out).split())
        return "exit %s, %s" % (self.status, words[:300] or "no output")


class Rig:
    def __init__(self):
        self.tmp = os.environ.get("OQ_TEST_TMP") or os.path.join(SOURCE, "build", "e2e")
        self.bin = os.environ.get("OQ_BIN_DIR") or os.path.join(SOURCE, "out", "win64")
        self.bin_32 = os.path.join(SOURCE, "build", "mingw32", "bin")
        os.environ.setdefault("OQ_WINEPREFIX", os.path.join(SOURCE, "build", "wine-e2e"))
        self.prefix = os.environ["OQ_WINEPREFIX"]
        self.downloads = os.path.join(self.tmp, "downloads")
        self.failures = self.checks = 0
        self.servers = []
        self.started = []
        self.began = time.monotonic()

    def __enter__(self):
        self.wine_stop()
        shutil.rmtree(self.tmp, ignore_errors=True)
        os.makedirs(self.downloads)
        self.wine("--prepare")
        # A queue left by an earlier run would be worked on.
        shutil.rmtree(self.data_folder(), ignore_errors=True)
        self.keep_prefix()
        self.wine("reg", "delete", "HKLM\\SOFTWARE\\OpenQMGR", "/f")
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for server in self.servers:
            server.stop()
        self.wine_stop()
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.downloads, ignore_errors=True)
        shutil.rmtree(os.path.join(self.tmp, "www"), ignore_errors=True)

    # --- checks ---

    def check(self, name, is_good, seen=""):
        self.checks += 1
        self.failures += not is_good
        print("%s %s: %s" % ("ok  " if is_good else "FAIL", name, seen), flush=True)
        return is_good

    def end(self):
        """The exit status of the test."""
        print("%d checks, %d failed, %.0f s" % (self.checks, self.failures, time.monotonic() - self.began))
        if self.failures:
            self.show_service_log()
        return 1 if self.failures else 0

    def service_log(self):
        """All that the service has logged."""
        text = ""
        for folder, _, names in os.walk(self.data_folder()):
            for name in sorted(names):
                if name.endswith(".log"):
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                        text += file.read()
        return text

    def show_service_log(self):
        for folder, _, names in os.walk(self.data_folder()):
            for name in names:
                if name.endswith(".log"):
                    print("--- the end of the service's %s:" % name)
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                        print("".join(file.readlines()[-40:]))

    # --- Wine ---

    def data_folder(self):
        return os.path.join(self.prefix, "drive_c", "ProgramData", "OpenQMGR")

    def path(self, unix):
        return "Z:" + os.path.abspath(unix).replace("/", "\\")

    def command(self, *words):
        return [os.path.join(SOURCE, "scripts", "wine"), *words]

    def wine(self, *words, timeout=LIMIT_S, cwd=None):
        """Runs a program to its end. Its output goes to files: Wine's own background processes inherit it and stay, so the
        end of a pipe would not come."""
        names = [os.path.join(self.tmp, name) for name in ("last.out", "last.err")]
        began = time.monotonic()
        with open(names[0], "wb") as out, open(names[1], "wb") as err:
            process = subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                       cwd=cwd or self.tmp)
            self.started.append(process)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                status = "none within %d s" % timeout
        texts = []
        for name in names:
            with open(name, "rb") as file:
                texts.append(file.read().decode("utf-8", "replace").replace("\r\n", "\n"))
        return Result(status, *texts, time.monotonic() - began)

    def wine_stop(self):
        subprocess.run([os.path.join(SOURCE, "scripts", "wine-stop")], check=False, stdout=subprocess.DEVNULL)

    def keep_prefix(self):
        """A process that stays, as a logged-on user would: without it Wine ends services with their last client."""
        if self.wine("--keep", timeout=180).status != 0:
            raise RuntimeError("Wine does not start")

    def processes(self, program):
        """Process numbers of a program in this prefix."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open("/proc/%s/cmdline" % entry, "rb") as file:
                    words = file.read()
                with open("/proc/%s/environ" % entry, "rb") as file:
                    environment = file.read().split(b"\0")
            except OSError:
                continue
            first = words.split(b"\0")[0].lower()
            if first.endswith(program.encode()) and b"WINEPREFIX=" + self.prefix.encode() in environment:
                found.append(int(entry))
        return found

    def kill_service(self):
        """Kills the service's process; the number of processes killed."""
        killed = self.processes("qmgrsvc.exe")
        for number in killed:
            os.kill(number, signal.SIGKILL)
        poll(lambda: not self.processes("qmgrsvc.exe"), 10)
        return len(killed)

    # --- the service ---

    def install(self, start="delayed-auto"):
        service = self.path(os.path.join(self.bin, "qmgrsvc.exe"))
        if self.state() not in (None, "STOPPED"):  # installed by an earlier run, and started with the prefix
            self.wine("sc.exe", "stop", "OpenQMGR")
            poll(lambda: self.state() == "STOPPED", 20)
        self.wine("sc.exe", "delete", "OpenQMGR")
        made = self.wine("sc.exe", "create", "OpenQMGR", "binPath=", '"%s"' % service, "type=", "own", "start=", start,
                         "obj=", "LocalSystem", "DisplayName=", "Open Queue Manager (background downloads)")
        known = self.wine("regsvr32", "/s", self.path(os.path.join(self.bin, "qmgrps.dll")))
        return made.status == 0 and known.status == 0

    def install_32(self):
        """Registers the proxy DLL for 32-bit clients, which are in bin_32. Says what is missing when that fails."""
        proxy = os.path.join(self.bin_32, "qmgrps.dll")
        if not os.path.exists(proxy):
            print("     the tree mingw32 is not built: scripts/lib/build_tree.sh mingw32")
            return False
        result = self.wine("C:\\windows\\syswow64\\regsvr32.exe", "/s", self.path(proxy))
        if result.status != 0:
            print("     32-bit regsvr32: %s. Where this Wine runs no 32-bit programs, scripts/wine32 mends that" % result)
        return result.status == 0

    def uninstall(self):
        self.wine("sc.exe", "stop", "OpenQMGR")
        self.wine("regsvr32", "/s", "/u", self.path(os.path.join(self.bin, "qmgrps.dll")))
        self.wine("sc.exe", "delete", "OpenQMGR")

    def set_value(self, name, value):
        kind = "REG_DWORD" if isinstance(value, int) else "REG_SZ"
        self.wine("reg", "add", "HKLM\\SOFTWARE\\OpenQMGR", "/v", name, "/t", kind, "/d", str(value), "/f")

    def set_values(self, values):
        """The same for many at once: every start of a program takes its time."""
        name = os.path.join(self.tmp, "settings.reg")
        lines = ["Windows Registry Editor Version 5.00", "", "[HKEY_LOCAL_MACHINE\\SOFTWARE\\OpenQMGR]"]
        for key, value in values.items():
            text = "dword:%08x" % value if isinstance(value, int) else '"%s"' % value.replace("\\", "\\\\")
            lines.append('"%s"=%s' % (key, text))
        with open(name, "w", encoding="utf-16") as file:
            file.write("\r\n".join(lines) + "\r\n\r\n")
        return self.wine("reg", "import", self.path(name)).status == 0

    def state(self):
        """The service manager's word for the service, e.g. RUNNING."""
        match = re.search(r"STATE\s*:\s*\d+\s+(\w+)", self.wine("sc.exe", "query", "OpenQMGR").out)
        return match.group(1) if match else None

    # --- qmgrctl ---

    def ctl(self, *words, timeout=LIMIT_S, cwd=None):
        return self.wine(os.path.join(self.bin, "qmgrctl.exe"), *words, timeout=timeout, cwd=cwd)

    def start_ctl(self, *words, out=None):
        """Starts qmgrctl in a process group of its own; its output goes to a file."""
        return self.start(os.path.join(self.bin, "qmgrctl.exe"), *words, out=out)

    def start(self, program, *words, out=None):
        name = out or os.path.join(self.tmp, "started-%d.out" % len(self.started))
        with open(name, "wb") as file:
            process = subprocess.Popen(self.command(program, *words), stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=file, start_new_session=True, cwd=self.tmp)
        process.out_name = name
        self.started.append(process)
        return process

    def output(self, process):
        with open(process.out_name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def group_of(self, process):
        """The group that a started `get` or `get --no-wait` has announced."""
        def look():
            match = re.search(r"\{([0-9a-f-]{36})\}", self.output(process))
            return match.group(1) if match else None
        return poll(look)

    def info(self, group):
        """What `qmgrctl info` says, as a dictionary; done and size as numbers."""
        result = self.ctl("info", group)
        facts = {"exit": result.status}
        for line in result.out.splitlines():
            name, text = line[:15].strip(), line[15:].strip()
            if name:
                facts[name] = text
        for name in ("done", "size"):
            match = re.search(r"(\d+) bytes", facts.get(name, ""))
            facts[name] = int(match.group(1)) if match else None
        return facts

    def done(self, group):
        return self.info(group)["done"] or 0

    def serve(self, name="www", certificate=None, options=()):
        server = Server(self.tmp, name, certificate, options)
        self.servers.append(server)
        return server

    def target(self, name):
        return os.path.join(self.downloads, name)

    def leftovers(self):
        """Temporary files that lie about in the folder of the downloads."""
        return [name for name in os.listdir(self.downloads) if re.fullmatch(r"BIT[0-9A-Fa-f]+\.tmp", name)]
