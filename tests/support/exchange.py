"""exchange.py - one request of faultd.py and the means to answer it; what faults.py is written with."""

import hashlib
import re
import select
import socket
import struct
import time

SIZE = 200000
HALF = 100000
PART = 60000
OLD_DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
NEW_DATE = "Mon, 07 Nov 1994 08:49:37 GMT"


def content(name, size=SIZE, version=1):
    """Bytes that differ from file to file, from version to version, and from place to place."""
    seed = hashlib.sha256(("%s/%d" % (name, version)).encode()).digest()
    return b"".join(hashlib.sha256(seed + struct.pack(">I", i)).digest() for i in range(size // 32 + 1))[:size]


class Gone(Exception):
    """The exchange is over and its connection too."""


class Exchange:
    """One request, and the means to answer it."""

    def __init__(self, server, sock, name, number, method, path, fields, is_tls, is_proxied=False):
        self.server, self.sock, self.name, self.number = server, sock, name, number
        self.method, self.path, self.fields, self.is_tls, self.is_proxied = method, path, fields, is_tls, is_proxied
        match = re.fullmatch(r"bytes=(\d+)-", fields.get("range", ""))
        self.offset = int(match.group(1)) if match else None  # None: asked without a range
        self.if_range = fields.get("if-range")
        self.data = server.contents[name]
        self.etag = '"%s-1"' % name
        self.date = OLD_DATE

    # --- pieces ---

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def head(self, status, *fields):
        self.send("HTTP/1.1 %s\r\n" % status + "".join(f + "\r\n" for f in fields) + "\r\n")

    def validators(self):
        return [f for f in (self.etag and "ETag: " + self.etag, self.date and "Last-Modified: " + self.date) if f]

    def close(self):
        """An orderly end: what was sent arrives."""
        raise Gone

    def reset(self):
        """An end with RST. What was sent is waited for, or the reset would overtake it."""
        time.sleep(0.05)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def wait(self):
        """Sends nothing more until the client has gone."""
        end = time.monotonic() + self.server.hang_s
        while time.monotonic() < end:
            if select.select([self.sock], [], [], 0.2)[0] and not self.sock.recv(4096):
                break
        raise Gone

    # --- whole answers ---

    def ok(self, *more, ranges=True, stop=None, send_etag=True):
        """What a proper server says. stop: close after so many bytes of the body."""
        data, first = self.data, 0
        is_valid = self.if_range in (None, self.etag) or (self.if_range == self.date and self.date is not None)
        fields = (self.validators() if send_etag else []) + list(more)
        if ranges and self.offset is not None and is_valid:
            first = self.offset
            if first >= len(data) > 0:
                return self.head("416 Range Not Satisfiable", "Content-Range: bytes */%d" % len(data), "Content-Length: 0")
            self.head("206 Partial Content", "Content-Range: bytes %d-%d/%d" % (first, len(data) - 1, len(data)),
                      "Content-Length: %d" % (len(data) - first), *fields)
        else:
            self.head("200 OK", "Content-Length: %d" % len(data), *fields)
        if stop is not None:
            self.send(data[first : first + stop])
            self.close()
        self.send(data[first:])

    def cut(self, **how):
        """The first time half of the file and a closed connection; then as it should be."""
        self.ok(stop=HALF if self.number == 1 else None, **how)

    def partial(self, first, data, total, *more):
        """206 with whatever it says."""
        self.head("206 Partial Content", "Content-Range: bytes %d-%d/%s" % (first, first + len(data) - 1, total),
                  "Content-Length: %d" % len(data), *more)
        self.send(data)

    def say(self, status, *fields):
        self.head(status, "Content-Length: 3", *fields)
        self.send("no\n")

    def redirect(self, where, status="302 Found", *more):
        self.head(status, "Location: " + where, "Content-Length: 0", *more)

    def url(self, via, rest=""):
        return self.server.base[via] + self.name + rest
