#!/usr/bin/env python3
"""httpd.py - the HTTP and HTTPS server of the demo and of the tests. Python 3 standard library only.

usage: httpd.py --dir DIR [--port-file FILE] [--log FILE] [--cert FILE --key FILE] [--port N] [--address A]
                [--password TEXT] [--until-eof] [--list]

Serves the files of DIR on 127.0.0.1 (or --address; "::" is all), on a free port unless --port names one; prints "listening on http://127.0.0.1:PORT/"
and writes the number to --port-file (complete when the file exists). HTTP/1.1 with keep-alive, GET and HEAD, one byte range,
If-Range, strong ETags, Last-Modified. Big and sparse files go out by sendfile.

One JSON line per request goes to --log when the request is over: time, connection, method, path (with its query), range,
if_range, ntlm, user, status, sent (bytes of the body), seconds, and end: "done", "cut" (by us), "gone" (by the client) or "stopped".
A TLS handshake that fails is a line with method null and end "handshake"; a connection that ends without a request one with
method null and end "silent".

A query changes how a file is served, so that a test needs no set-up beyond its URL: BEHAVIOURS below is the whole list and
--list prints it. Several can be combined: /big.bin?rate=500000&no-ranges. With on=A-B they hold only for the A-th to
B-th request of that URL, counted from 1 (on=1: the first one only; on=2-: all but the first); the others are answered normally.

Stops on SIGTERM and SIGINT, when its parent process has gone, and with --until-eof when its standard input ends.
"""

import argparse
import base64
import collections
import email.utils
import hashlib
import http.client
import http.server
import json
import os
import re
import select
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse

import ntlm

PIECE = 1 << 20
SLICE_S = 0.02  # a body with a rate is sent in pieces of about this long


class Ended(Exception):
    """The exchange ends early; the argument is the word for the log."""


class Exchange:
    """One request, and the answer as it is planned. Behaviours change the plan; Handler.send carries it out."""

    def __init__(self, handler):
        self.handler = handler
        self.method = handler.command
        path, _, self.query = re.sub("^http://[^/]*", "", handler.path).partition("?")  # as a proxy is asked (RFC 9112, 3.2.2)
        self.path = urllib.parse.unquote(path)
        self.range = handler.headers.get("Range")
        self.if_range = handler.headers.get("If-Range")
        # what the answer is made of
        self.file = None  # full name of the file to be sent
        self.text = b""  # or the body itself
        self.size = 0  # of the whole file
        self.etag = None
        self.last_modified = None
        self.use_ranges = True
        self.status = 200
        self.fields = []
        self.first = 0  # part of the file that is the body
        self.length = 0
        # how it is sent
        self.head = None  # bytes to send instead of status line and fields
        self.is_head_sent = True
        self.has_length = True
        self.is_chunked = False
        self.delay_s = 0.0
        self.rate = 0  # bytes per second, 0 = as fast as it goes
        self.cut_after = None  # close after so many bytes of the body
        self.stall_after = None  # then send nothing more, but keep the connection
        self.keep_alive = True
        self.ntlm = 0  # which message of NTLM came with it
        self.number = 0  # of this request among those of its URL
        self.corrupt_at = None  # this byte of the file goes out with its bits turned round

    def set_field(self, name, value):
        self.fields = [f for f in self.fields if f[0].lower() != name.lower()]
        if value is not None:
            self.fields.append((name, value))

    def say(self, status, text=None, fields=()):
        """Makes it an answer with a short text as its body."""
        words = text or "%d %s\n" % (status, http.client.responses.get(status, "Unknown"))
        self.status = status
        self.file = None
        self.text = words.encode()
        self.first, self.length = 0, len(self.text)
        self.fields = [("Content-Type", "text/plain; charset=utf-8")] + list(fields)


# --- behaviours ------------------------------------------------------------------------------------------------------
#
# FACTS ones run before the answer is worked out and change what is known of the file or the request; PLAN ones run after and
# change the answer. To add one: write a function (exchange, value) and a row of the table.

FACTS, PLAN = "facts", "plan"


def no_ranges(x, _):
    x.use_ranges = False


def etag(x, value):
    tags = {"none": None, "weak": "W/" + (x.etag or '""')}
    x.etag = tags.get(value, '"%s"' % value)


def last_modified(x, value):
    x.last_modified = None if value == "none" else value


def status(x, value):
    x.say(value)


def retry_after(x, value):
    x.set_field("Retry-After", value)


def redirect(x, value):
    x.say(302, fields=[("Location", value)])


def authenticate(x, value):
    """NTLM: the connection is logged on when the third message has come and, with --password, is right."""
    ask, give = {"401": ("Authorization", "WWW-Authenticate"), "407": ("Proxy-Authorization", "Proxy-Authenticate")}[value]
    scheme, _, text = x.handler.headers.get(ask, "").partition(" ")
    message = base64.b64decode(text) if scheme == "NTLM" else b""
    x.ntlm = ntlm.kind(message)
    words = "NTLM"
    if x.ntlm == 1:
        x.handler.challenge = os.urandom(8)
        words += " " + base64.b64encode(ntlm.challenge(x.handler.challenge)).decode()
    password = x.handler.server.password
    if x.ntlm == 3 and (password is None or x.handler.challenge and ntlm.is_right(message, x.handler.challenge, password)):
        x.handler.user = ntlm.who(message)
    if x.handler.user is None:
        x.say(int(value), fields=[(give, words)])


def field(x, value):
    name, _, text = value.partition(":")
    x.set_field(name.strip(), text.strip() or None)


def file_digest(x, value, algorithm):
    digest = hashlib.new(algorithm)
    if x.file:
        with open(x.file, "rb") as source:
            for piece in iter(lambda: source.read(PIECE), b""):
                digest.update(piece)
    if value == "bad":
        digest.update(b"something else")
    return base64.b64encode(digest.digest()).decode()


def repr_digest(x, value):
    x.set_field("Repr-Digest", "md5=:AAAAAAAAAAAAAAAAAAAAAA==:, sha-256=:%s:" % file_digest(x, value, "sha256"))


def old_digest(x, value):
    x.set_field("Digest", "SHA-512=" + file_digest(x, value, "sha512"))


def expires(x, value):
    if x.number > value:
        x.say(403)


def corrupt(x, value):
    x.corrupt_at = value


def no_length(x, _):
    x.has_length = False


def chunked(x, _):
    x.is_chunked = True


def delay(x, value):
    x.delay_s = value / 1000.0


def rate(x, value):
    x.rate = value


def cut(x, value):
    x.cut_after = value


def stall(x, value):
    x.stall_after = value


def close(x, _):
    x.keep_alive = False


def hang_up(x, _):
    x.is_head_sent = False
    x.cut_after = 0


def deaf(x, _):
    """From now on nobody answers: the queue of connections that wait to be taken has one place, and that is taken."""
    server = x.handler.server
    server.shutdown()
    server.socket.listen(0)
    server.waiting = socket.socket(server.address_family)
    server.waiting.setblocking(False)
    server.waiting.connect_ex(server.server_address)


def raw(x, value):
    x.head = value.encode("latin-1", "replace")
    x.keep_alive = False


Behaviour = collections.namedtuple("Behaviour", "stage parse apply words")

BEHAVIOURS = {
    "no-ranges": Behaviour(FACTS, str, no_ranges, "ranges are not supported: always the whole file"),
    "etag": Behaviour(FACTS, str, etag, "none, weak, or the tag itself"),
    "last-modified": Behaviour(FACTS, str, last_modified, "none, or the text of the field"),
    "status": Behaviour(PLAN, int, status, "answer with that status and a short text"),
    "retry-after": Behaviour(PLAN, str, retry_after, "add Retry-After"),
    "redirect": Behaviour(PLAN, str, redirect, "302 to that address"),
    "auth": Behaviour(PLAN, str, authenticate, "401 or 407: wants NTLM first, as a server or as a proxy"),
    "field": Behaviour(PLAN, str, field, "Name:value sets a field of the answer, Name: removes it"),
    "repr-digest": Behaviour(PLAN, str, repr_digest, "add Repr-Digest (RFC 9530) with SHA-256: good or bad"),
    "digest": Behaviour(PLAN, str, old_digest, "add Digest (RFC 3230) with SHA-512: good or bad"),
    "expires": Behaviour(PLAN, int, expires, "403 to all but so many first requests of that URL, as a signature that has expired"),
    "corrupt": Behaviour(PLAN, int, corrupt, "send the byte at that offset of the file with all bits turned round"),
    "no-length": Behaviour(PLAN, str, no_length, "no Content-Length; the end of the connection ends the body"),
    "chunked": Behaviour(PLAN, str, chunked, "Transfer-Encoding: chunked instead of Content-Length"),
    "delay": Behaviour(PLAN, int, delay, "milliseconds before the answer begins"),
    "rate": Behaviour(PLAN, int, rate, "bytes per second"),
    "cut": Behaviour(PLAN, int, cut, "close the connection after so many bytes of the body"),
    "stall": Behaviour(PLAN, int, stall, "send nothing more after so many bytes, and keep the connection open"),
    "close": Behaviour(PLAN, str, close, "Connection: close"),
    "hang-up": Behaviour(PLAN, str, hang_up, "close the connection without an answer"),
    "deaf": Behaviour(PLAN, str, deaf, "takes no connection any more: who wants one gets no answer"),
    "raw": Behaviour(PLAN, str, raw, "these bytes instead of status line and fields; the body follows"),
}


def chosen_behaviours(query, number):
    """(behaviour, value) pairs of a query that hold for this request of its URL; ValueError names what is wrong."""
    chosen = []
    holds = True
    for word in query.split("&") if query else []:
        name, _, text = word.partition("=")
        text = urllib.parse.unquote(text)
        if name == "on":
            low, dash, high = text.partition("-")
            holds = int(low) <= number and (not dash and number <= int(low) or bool(dash) and number <= int(high or number))
        elif name in BEHAVIOURS:
            chosen.append((BEHAVIOURS[name], BEHAVIOURS[name].parse(text)))
        elif not name.startswith("x"):  # x... is the tests' own: it makes URLs different
            raise ValueError("unknown behaviour %r" % name)
    return chosen if holds else []


# --- the normal answer -----------------------------------------------------------------------------------------------


def find_file(root, path):
    """The file below root that a decoded URL path names, or None."""
    parts = [p for p in path.split("/") if p]
    if not parts or any(p in (".", "..") or "\0" in p for p in parts):
        return None
    name = os.path.join(root, *parts)
    return name if os.path.isfile(name) else None


def parse_range(text, size):
    """(first, last), None for "send all", or "416"."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text or "")
    if not match or match.group(0) == "bytes=-":
        return None  # also several ranges: sending everything is always allowed (RFC 9110, 14.2)
    first, last = match.groups()
    if first == "":
        count = min(int(last), size)
        return (size - count, size - 1) if count else "416"
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return "416"
    return int(first), min(int(last or size), size - 1)


def is_range_valid(x):
    """If-Range (RFC 9110, 13.1.5): a strong tag or an exact date of the file as it is now."""
    if x.if_range is None:
        return True
    if x.if_range.startswith('"'):
        return x.etag == x.if_range
    return x.last_modified is not None and x.if_range == x.last_modified


def learn_facts(x, root):
    x.file = find_file(root, x.path)
    if x.file:
        facts = os.stat(x.file)
        x.size = facts.st_size
        x.etag = '"%x-%x"' % (facts.st_size, facts.st_mtime_ns)
        x.last_modified = email.utils.formatdate(facts.st_mtime, usegmt=True)


def plan_answer(x):
    if not x.file:
        x.say(404)
        return
    x.fields = [("Content-Type", "application/octet-stream")]
    if x.etag:
        x.fields.append(("ETag", x.etag))
    if x.last_modified:
        x.fields.append(("Last-Modified", x.last_modified))
    if x.use_ranges:
        x.fields.append(("Accept-Ranges", "bytes"))
    part = parse_range(x.range, x.size) if x.use_ranges and x.method == "GET" and is_range_valid(x) else None
    if part == "416":
        x.say(416, fields=[("Content-Range", "bytes */%d" % x.size)])
    elif part:
        x.status = 206
        x.first, x.length = part[0], part[1] - part[0] + 1
        x.fields.append(("Content-Range", "bytes %d-%d/%d" % (part[0], part[1], x.size)))
    else:
        x.first, x.length = 0, x.size


# --- sending ---------------------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    user = challenge = None  # of the authentication of this connection

    def setup(self):
        with self.server.lock:
            self.server.connections += 1
            self.number = self.server.connections
        self.has_asked = False
        if self.server.tls:
            self.request.settimeout(self.timeout)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            try:
                self.request.do_handshake()
            except OSError as error:
                self.server.log(connection=self.number, method=None, end="handshake", error=str(error))
                raise Ended("handshake") from error
        super().setup()

    def handle_one_request(self):
        self.raw_requestline = b""
        super().handle_one_request()
        self.has_asked |= self.raw_requestline != b""

    def finish(self):
        if not self.has_asked:
            self.server.log(connection=self.number, method=None, path=None, end="silent")
        super().finish()

    def do_GET(self):
        started = time.monotonic()
        x = Exchange(self)
        self.sent = 0
        end = "done"
        try:
            with self.server.lock:
                self.server.counts[self.path] += 1
                number = x.number = self.server.counts[self.path]
            try:
                chosen = chosen_behaviours(x.query, number)
                learn_facts(x, self.server.root)
                for behaviour, value in chosen:
                    if behaviour.stage == FACTS:
                        behaviour.apply(x, value)
                plan_answer(x)
                for behaviour, value in chosen:
                    if behaviour.stage == PLAN:
                        behaviour.apply(x, value)
            except ValueError as error:
                x.say(400, "bad query: %s\n" % error)
            self.send(x)
        except Ended as early:
            end = str(early)
            self.close_connection = True
        except OSError:
            end = "gone"
            self.close_connection = True
        self.server.log(connection=self.number, method=x.method, path=self.path, range=x.range, if_range=x.if_range, ntlm=x.ntlm,
                        user=self.user, status=x.status if x.is_head_sent else None, sent=self.sent, end=end,
                        seconds=round(time.monotonic() - started, 3))

    do_HEAD = do_GET

    def send(self, x):
        if x.delay_s and self.server.stopping.wait(x.delay_s):
            raise Ended("stopped")
        if x.is_head_sent:
            self.wfile.write(self.make_head(x))
        if x.method == "GET" and x.length:
            if x.file:
                with open(x.file, "rb") as source:
                    self.send_body(x, source)
            else:
                self.send_body(x, None)
        if x.cut_after is not None and self.sent >= x.cut_after:
            self.cut(x)
        if x.method == "GET" and x.is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def make_head(self, x):
        is_open = x.keep_alive and (x.has_length or x.is_chunked)
        if not is_open:
            self.close_connection = True
        if x.head is not None:
            return x.head
        lines = ["HTTP/1.1 %d %s" % (x.status, http.client.responses.get(x.status, "Unknown")),
                 "Date: " + email.utils.formatdate(usegmt=True)]
        lines += ["%s: %s" % f for f in x.fields]
        names = [f[0].lower() for f in x.fields]
        if x.is_chunked:
            lines.append("Transfer-Encoding: chunked")
        elif x.has_length and "content-length" not in names:
            lines.append("Content-Length: %d" % x.length)
        if not is_open:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def send_body(self, x, source):
        is_plain = source is not None and not self.server.tls and not x.is_chunked and x.corrupt_at is None
        piece = PIECE
        if x.rate:
            piece = max(1, min(PIECE, int(x.rate * SLICE_S)))
            # what sits in a big socket buffer would have been "sent" long before the client reads it
            # (but packets of the loopback have 64 KB: with less room each waits for a late acknowledgement, and 1.4 MB/s
            # are the most)
            buffer_bytes = 32768 if x.rate <= 8000000 else x.rate // 8
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        started = time.monotonic()
        while self.sent < x.length:
            if self.server.stopping.is_set():
                raise Ended("stopped")
            count = min(piece, x.length - self.sent)
            if x.stall_after is not None:
                if self.sent >= x.stall_after:
                    self.wait_for_client()
                count = min(count, x.stall_after - self.sent)
            if x.cut_after is not None:
                if self.sent >= x.cut_after:
                    self.cut(x)
                count = min(count, x.cut_after - self.sent)
            self.send_piece(x, source, is_plain, count)
            if x.rate:
                ahead_s = started + self.sent / x.rate - time.monotonic()
                if ahead_s > 0 and self.server.stopping.wait(ahead_s):
                    raise Ended("stopped")

    def send_piece(self, x, source, is_plain, count):
        at = x.first + self.sent
        if is_plain:
            self.sent += self.sendfile(source, at, count)
            return
        if source is None:
            data = x.text[at : at + count]
        else:
            source.seek(at)
            data = source.read(count)
        if not data:  # the file has become shorter
            raise Ended("cut")
        if x.corrupt_at is not None and at <= x.corrupt_at < at + len(data):
            turned = bytearray(data)
            turned[x.corrupt_at - at] ^= 0xFF
            data = bytes(turned)
        self.request.sendall(b"%x\r\n%s\r\n" % (len(data), data) if x.is_chunked else data)
        self.sent += len(data)

    def sendfile(self, source, at, count):
        while True:
            try:
                sent = os.sendfile(self.request.fileno(), source.fileno(), at, count)
            except BlockingIOError:
                if not select.select([], [self.request], [], self.timeout)[1]:
                    raise Ended("gone") from None
                continue
            if sent == 0:
                raise Ended("cut")
            return sent

    def cut(self, x):
        if self.sent < x.length or not x.is_head_sent:
            try:
                self.request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        raise Ended("cut")

    def wait_for_client(self):
        """Sends nothing until the client hangs up or the server stops."""
        while not self.server.stopping.is_set():
            if select.select([self.request], [], [], 0.2)[0]:
                try:
                    if not self.request.recv(4096):
                        raise Ended("gone")
                except ssl.SSLError as error:
                    raise Ended("gone") from error
        raise Ended("stopped")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, options):
        self.root = os.path.abspath(options.dir)
        self.tls = None
        if options.cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self.tls.load_cert_chain(options.cert, options.key)
        self.password = options.password
        self.log_file = open(options.log, "a", encoding="utf-8") if options.log else None
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.connections = 0
        self.stopping = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in options.address else socket.AF_INET
        super().__init__((options.address, options.port), Handler)

    def log(self, **facts):
        if self.log_file:
            line = json.dumps(dict(time=round(time.time(), 3), **facts), ensure_ascii=False)
            with self.lock:
                self.log_file.write(line + "\n")
                self.log_file.flush()

    def handle_error(self, request, client_address):
        pass  # a client that went away, or a handshake that failed: logged where it was seen


def watch_stdin(stopping):
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    stopping.set()


def main():
    parser = argparse.ArgumentParser(description="the HTTP(S) server of demo and tests; see the head of the file")
    parser.add_argument("--dir")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port-file")
    parser.add_argument("--log")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--password", help="the password that authentication requires")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    parser.add_argument("--list", action="store_true", help="print the behaviours a query may ask for")
    options = parser.parse_args()
    if options.list:
        for name, behaviour in BEHAVIOURS.items():
            print("%-14s %s" % (name, behaviour.words))
        return 0
    if not options.dir:
        parser.error("--dir is needed")
    parent = os.getppid()
    server = Server(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stopping.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    if options.until_eof:
        threading.Thread(target=watch_stdin, args=(server.stopping,), daemon=True).start()
    port = server.server_address[1]
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as file:
            file.write("%d\n" % port)
        os.replace(options.port_file + ".new", options.port_file)
    print("listening on %s://127.0.0.1:%d/" % ("https" if server.tls else "http", port), flush=True)
    while not server.stopping.wait(0.3):
        if os.getppid() != parent:
            server.stopping.set()
    server.shutdown()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
