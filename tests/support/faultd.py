#!/usr/bin/env python3
"""faultd.py - a web server that does everything wrong, on purpose and by script. Python 3 standard library only.

usage: faultd.py --dir DIR [--hang SECONDS] [--until-eof]

Makes DIR with the files that the downloads have to be in the end (DIR/www/NAME), certificates (DIR/ca, see testca.sh), and
DIR/table.tsv: one line per fault, complete when the file exists, with these columns:

    name  url  size  outcome  win32  http  words

size is what the client says the file must have, 0 for nothing. outcome is "complete" (the downloaded file is DIR/www/NAME byte for byte) or "error" (the group ends in ERROR with the codes win32,
in hexadecimal, and http). words have to stand in one line of the log about that download. The natively run engine
(tests/engine/test_net_faults.c) and the installed service under Wine (tests/e2e/faults.py) both go through this table.

DIR/proxy names the proxy that has to be set; nosuchhost.invalid must be reached without it.

The faults themselves are in faults.py. --hang is the time for which a client is kept waiting in vain (default 30).

Stops when its parent process has gone, and with --until-eof when its standard input ends.
"""

import argparse
import collections
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings

from exchange import Exchange, Gone, content
from faults import FAULTS


class Server:
    def __init__(self, folder, hang_s):
        self.hang_s = hang_s
        self.faults = {f.name: f for f in FAULTS}
        self.contents = {f.name: content(f.name) for f in FAULTS}
        self.contents["drip"] = self.contents["drip"][:100]
        self.contents["empty"] = b""
        self.counts = collections.Counter()
        self.handshakes = collections.Counter()
        self.lock = threading.Lock()
        self.ca = os.path.join(folder, "ca")
        self.base = {}
        self.is_busy = threading.Event()
        self.kept = []  # sockets that only have to stay
        self.tunnels = set()  # the addresses from which the proxy's own connections come

    def listen(self, family=socket.AF_INET, host="127.0.0.1", backlog=128):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, 0))
        if backlog is not None:
            sock.listen(backlog)
        self.kept.append(sock)
        return sock, sock.getsockname()[1]

    def station(self, name, context=None, scheme=None, host="127.0.0.1", family=socket.AF_INET, address="127.0.0.1"):
        """A port, what speaks there, and the address that leads to it."""
        sock, port = self.listen(family, address)
        threading.Thread(target=self.accept, args=(sock, name, context), daemon=True).start()
        self.base[name] = "%s://%s:%d/" % (scheme or ("https" if context else "http"), host, port)

    def tls(self, certificate, newest=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest:
            warnings.simplefilter("ignore", DeprecationWarning)  # that old is the point
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = newest
        context.load_cert_chain(*[os.path.join(self.ca, certificate + end) for end in (".pem", ".key")])
        return context

    def start(self):
        # curl's own verification, which is used under Wine, does not look for addresses in certificates.
        secure = {"host": "localhost", "scheme": "https"}
        self.station("http")
        self.station("https", self.tls("server"), **secure)
        for name in ("expired", "wrongname", "unknown"):
            self.station(name, self.tls(name), **secure)
        self.station("tls-cut", self.tls("server"), **secure)
        self.station("tls-plain", **secure)
        self.station("tls-old", self.tls("server", ssl.TLSVersion.TLSv1_1), **secure)
        self.station("tls-mute", **secure)
        self.station("localhost", host="localhost")
        # Hosts of their own: how long one may be silent is kept per host; and no connection of theirs has been used before.
        for name in ("scans-the-end", "scans-first", "fresh-1", "fresh-2", "fresh-3"):
            self.station(name)
        # Hosts that only the proxy knows. It is named in DIR/proxy.
        self.station("the-proxy")
        self.proxy = self.base.pop("the-proxy").replace("://", "://user:word@").rstrip("/")
        self.base["proxy"] = "http://proxied.invalid/"
        self.base["proxy-https"] = "https://proxied.invalid/"
        for name in ("proxy-407", "proxy-403", "proxy-503"):
            self.base[name] = "https://%s.invalid/" % name
        self.base["auth"] = self.base["http"].replace("://", "://user:word@")
        self.base["no-name"] = self.base["http"].replace("://", "://:word@")
        try:
            self.station("ipv6", host="[::1]", family=socket.AF_INET6, address="::1")
        except OSError:
            self.base["ipv6"] = self.base["http"]
        # bound, so that nobody else gets the number, and not listening
        self.base["closed"] = "http://127.0.0.1:%d/" % self.listen(backlog=None)[1]
        self.base["nowhere"] = "http://nosuchhost.invalid/"
        sock, port = self.listen(backlog=None)
        self.base["late"] = "http://127.0.0.1:%d/" % port
        threading.Thread(target=self.open_late, args=(sock,), daemon=True).start()
        # A queue that is full: further handshakes are not answered.
        _, port = self.listen(backlog=0)
        self.base["full"] = "http://127.0.0.1:%d/" % port
        for _ in range(4):
            probe = socket.socket()
            probe.setblocking(False)
            probe.connect_ex(("127.0.0.1", port))
            self.kept.append(probe)

    def open_late(self, sock):
        """Refuses until the other downloads are under way."""
        self.is_busy.wait()
        time.sleep(3)
        sock.listen(16)
        self.accept(sock, "late", None)

    def accept(self, sock, station, context):
        while True:
            connection, _ = sock.accept()
            threading.Thread(target=self.serve, args=(connection, station, context), daemon=True).start()

    def serve(self, sock, station, context):
        try:
            sock.settimeout(self.hang_s)
            self.is_busy.set()
            with self.lock:
                self.handshakes[station] += 1
                number = self.handshakes[station]
            if station == "tls-mute":
                while sock.recv(4096):
                    pass
            if station == "tls-plain":
                sock.recv(4096)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            if station == "tls-cut" and number == 1:
                sock.recv(100)
                return
            if context:
                sock = context.wrap_socket(sock, server_side=True)
            is_proxied = station == "the-proxy" or sock.getpeername() in self.tunnels
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    piece = sock.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                if station == "the-proxy" and not self.relay(sock, head.decode("latin-1")):
                    continue
                self.answer(sock, head.decode("latin-1"), context is not None, is_proxied)
        except (Gone, OSError):
            pass
        finally:
            sock.close()

    def relay(self, sock, head):
        """The proxy: a request for its servers is left to be answered here; a tunnel is dug, or not. True: answer it."""
        if "proxy-authorization: basic dxnlcjp3b3jk" not in head.lower():
            sock.sendall(b'HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
            return False
        method, target, _ = head.split("\r\n")[0].split(" ", 2)
        if method != "CONNECT":
            return True
        match = re.match(r"proxy-(\d+)\.invalid", target)
        with self.lock:
            self.handshakes[target] += 1
            number = self.handshakes[target]
        if match and (number == 1 or match.group(1) != "503"):
            sock.sendall(b"HTTP/1.1 %s No\r\nContent-Length: 0\r\n\r\n" % match.group(1).encode())
            raise Gone
        far = socket.create_connection(("127.0.0.1", int(self.base["https"].rsplit(":", 1)[1].rstrip("/"))))
        self.tunnels.add(far.getsockname())
        sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        ends = {sock: far, far: sock}
        while True:
            for end in select.select(list(ends), [], [], self.hang_s)[0]:
                piece = end.recv(65536)
                if not piece:
                    raise Gone
                ends[end].sendall(piece)

    def answer(self, sock, head, is_tls, is_proxied):
        lines = head.split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        fields = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        name = path.partition("?")[0].rpartition("/")[2]
        if name not in self.faults:
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        with self.lock:
            self.counts[name] += 1
            number = self.counts[name]
        self.faults[name].play(Exchange(self, sock, name, number, method, path, fields, is_tls, is_proxied))


def write(path, data):
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description="the server of the fault tests; see the head of the file")
    parser.add_argument("--dir", required=True)
    parser.add_argument("--hang", type=float, default=30)
    parser.add_argument("--until-eof", action="store_true")
    options = parser.parse_args()
    parent = os.getppid()
    os.makedirs(os.path.join(options.dir, "www"), exist_ok=True)
    server = Server(options.dir, options.hang)
    subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "testca.sh"), server.ca], check=True)
    for name, data in server.contents.items():
        write(os.path.join(options.dir, "www", name), data)
    server.start()
    write(os.path.join(options.dir, "proxy"), server.proxy.encode())
    lines = ["%s\t%s%s\t%d\t%s\t%x\t%d\t%s\n" % (f.name, server.base[f.station], f.name, f.size, f.outcome, f.win32, f.http,
                                                  f.words) for f in FAULTS]
    write(os.path.join(options.dir, "table.tsv"), "".join(lines).encode())
    print("%d faults" % len(FAULTS), flush=True)
    while os.getppid() == parent:
        if not options.until_eof:
            time.sleep(0.3)
        elif select.select([0], [], [], 0.3)[0] and not os.read(0, 4096):
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
