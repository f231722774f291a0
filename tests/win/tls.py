#!/usr/bin/env python3
"""tls.py - whom the network port trusts, asked of a real TLS server: with the options of the service, nothing else of it.

usage: tls.py PROBE
"""

import os
import socket
import subprocess
import sys
import threading
import time

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

    def __init__(self, certificate, folder="ca"):
        port_file = os.path.join(TMP, "port." + certificate)
        if os.path.exists(port_file):
            os.remove(port_file)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(SOURCE, "tests/support/httpd.py"), "--dir", TMP, "--port-file", port_file,
             "--cert", "%s/%s/%s.pem" % (TMP, folder, certificate), "--key", "%s/%s/%s.key" % (TMP, folder, certificate)],
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


class DeafIssuer:
    """The host of a list of revoked certificates, behind a firewall: it takes connections and answers none. For the test's sake it
    ends them after some seconds; a firewall does not."""

    SECONDS = 5

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.questions = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection = self.listener.accept()[0]
            self.questions.append(connection)
            threading.Timer(self.SECONDS, connection.close).start()

    def make_certificate(self):
        """An authority of its own and a server's certificate that names this host for the list."""
        folder = TMP + "/revocation"
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/ext", "w", encoding="ascii") as file:
            file.write("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n"
                       "crlDistributionPoints=URI:http://127.0.0.1:%d/%d.crl\n" % (self.listener.getsockname()[1], os.getpid()))

        def openssl(*words):
            subprocess.run(["openssl"] + list(words), check=True, cwd=folder, stderr=subprocess.DEVNULL)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=OpenQMGR deaf issuer %d" % os.getpid(),
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.pem")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20",
                "-extfile", "ext", "-out", "server.pem")
        return "Z:" + folder.replace("/", "\\") + "\\ca.pem"


def ask_for_revocation(program):
    issuer = DeafIssuer()
    authority = issuer.make_certificate()
    server = Server("server", "revocation")
    try:
        answer = probe(program, server, "native", authority)
        check("a certificate with a list of revoked ones is accepted", answer[0] == 0, answer)
        check("and its issuer is not asked", not issuer.questions, issuer.questions)
        began = time.monotonic()
        answer = probe(program, server, "revocation", authority)
        took = time.monotonic() - began
        check("with RevocationCheck he is", issuer.questions, answer)
        check("and the handshake waits for him, which would be the engine's thread", took >= issuer.SECONDS, "%.1f s" % took)
        print("it took %.1f s, %d questions, %s" % (took, len(issuer.questions), answer))
    finally:
        server.stop()


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
    ask_for_revocation(program)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
