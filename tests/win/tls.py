#!/usr/bin/env python3
"""tls.py - whom the network port trusts, asked of a real TLS server: with the options of the service, nothing else of it.

usage: tls.py PROBE
"""

import os
import subprocess
import sys

SOURCE = os.environ["OQ_SOURCE_DIR"]
TMP = os.environ["OQ_TEST_TMP"]
WINE = os.path.join(SOURCE, "scripts", "wine")
failures = 0


def check(what, holds, detail):
    global failures
    print("%s %s%s" % ("ok  " if holds else "FAIL", what, "" if holds else ": %s" % (detail,)))
    failures += not holds


class Server:
    """The HTTPS server of tests/support with one of the test certificates."""

    def __init__(self, certificate):
        port_file = os.path.join(TMP, "port." + certificate)
        if os.path.exists(port_file):
            os.remove(port_file)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(SOURCE, "tests/support/httpd.py"), "--dir", TMP, "--port-file", port_file,
             "--cert", "%s/ca/%s.pem" % (TMP, certificate), "--key", "%s/ca/%s.key" % (TMP, certificate)],
            stdout=subprocess.PIPE)
        self.process.stdout.readline()  # it listens
        with open(port_file, encoding="ascii") as file:
            self.port = int(file.read())

    def url(self):
        return "https://localhost:%d/hello.txt" % self.port

    def stop(self):
        self.process.terminate()
        self.process.wait()


def probe(program, server, *words):
    result = subprocess.run([WINE, program, server.url()] + list(words), stdout=subprocess.PIPE, check=False,
                            universal_newlines=True, timeout=60)
    return result.returncode, result.stdout.strip()


def main():
    program = sys.argv[1]
    subprocess.run(["bash", os.path.join(SOURCE, "tests/support/testca.sh"), TMP + "/ca"], check=True)
    with open(TMP + "/hello.txt", "w", encoding="ascii") as file:
        file.write("hello\n")
    ours = "Z:" + TMP.replace("/", "\\") + "\\ca\\ca.pem"
    servers = {name: Server(name) for name in ("server", "wrongname", "expired", "unknown")}
    try:
        trusted = probe(program, servers["server"], "native", ours)
        check("a certificate of the CaFile's authority is accepted", trusted[0] == 0, trusted)
        for name in ("wrongname", "expired", "unknown"):
            answer = probe(program, servers[name], "native", ours)
            check("%s: refused with a CaFile" % name, answer[0] == 1, answer)
        for name in ("server", "unknown"):
            answer = probe(program, servers[name], "native")
            check("%s: refused without a CaFile" % name, answer[0] == 1, answer)
            answer = probe(program, servers[name], "roots")
            check("%s: refused with the system's roots" % name, answer[0] == 1, answer)
            answer = probe(program, servers[name], "none")
            check("%s: refused when there are no roots at all" % name, answer[0] == 1, answer)
    finally:
        for server in servers.values():
            server.stop()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
