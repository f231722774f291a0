"""endpoints.py - what sends, receives and asks in the lab: the web server, foreign downloads, the delay probe.

Each is a process in a network namespace (Agent). All times are time.monotonic(), which is one clock for all of them.

The rate of every download, ours and foreign, is seen in one place and in the same way: the server asks the kernel every 10 ms how
many bytes of each connection the receiver has acknowledged, selectively acknowledged ones included (TCP_INFO). So nothing depends
on what a client says of itself.
"""

import bisect
import multiprocessing
import os
import select
import signal
import socket
import struct
import threading
import time

import sandbox

PORT = 80
SAMPLE_S = 0.01
PROBE_S = 0.02
TCP_INFO_SND_MSS, TCP_INFO_SACKED, TCP_INFO_BYTES_ACKED = 16, 28, 120  # offsets in struct tcp_info
TCP_CLOSE = 7
SO_TIMESTAMPNS = 35
FORK = multiprocessing.get_context("fork")


class Curve:
    """Bytes over time, of one download: several connections may have carried it."""

    def __init__(self):
        self.times, self.bytes = [], []

    def add(self, at, count):
        self.times.append(at)
        self.bytes.append(count)

    def at(self, moment):
        """Bytes until then."""
        i = bisect.bisect_right(self.times, moment)
        if i == 0:
            return 0
        if i == len(self.times):
            return self.bytes[-1]
        t0, t1 = self.times[i - 1], self.times[i]
        return self.bytes[i - 1] + (self.bytes[i] - self.bytes[i - 1]) * (moment - t0) / (t1 - t0)

    def rate(self, begin, end):
        """Bytes per second."""
        return (self.at(end) - self.at(begin)) / (end - begin)

    def longest_pause(self, begin, end):
        """The longest time in [begin, end] without a byte, in seconds."""
        longest, last, count = 0.0, begin, self.at(begin)
        for i in range(bisect.bisect_left(self.times, begin), bisect.bisect_right(self.times, end)):
            if self.bytes[i] > count:
                longest = max(longest, self.times[i] - last)
                last, count = self.times[i], self.bytes[i]
        return max(longest, end - last)


class Agent:
    """A process in a namespace that runs function(pipe, ...)."""

    def __init__(self, space, function, *arguments):
        self.pipe, other = FORK.Pipe()
        self.process = FORK.Process(target=self.work, args=(space, function, other, self.pipe, *arguments), daemon=True)
        self.process.start()
        other.close()

    @staticmethod
    def work(space, function, pipe, other_end, *arguments):
        other_end.close()
        os.setsid()  # what interrupts the bench's process group leaves it to the bench to end this one
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sandbox.enter_network(space)
        function(pipe, *arguments)

    def ask(self, *words, limit_s=20):
        self.pipe.send(words)
        if not self.pipe.poll(limit_s):
            raise RuntimeError("no answer to %r" % (words,))
        return self.pipe.recv()

    def stop(self):
        self.process.terminate()
        self.process.join(5)


# --- the server -----------------------------------------------------------------------------------------------------------


class Connections:
    """What the server knows of its connections; shared by its threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = {}  # socket -> name of the download
        self.counted = {}  # socket -> bytes acknowledged so far
        self.curves = {}  # name -> Curve
        self.totals = {}  # name -> bytes

    def begin(self, connection, name):
        with self.lock:
            self.open[connection] = name
            self.counted.setdefault(connection, self.acked(connection) or 0)
            self.curves.setdefault(name, Curve())
            self.totals.setdefault(name, 0)

    @staticmethod
    def acked(connection):
        """None when it is closed: the kernel forgets the numbers then."""
        try:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES_ACKED + 8)
        except OSError:
            return None
        if info[0] == TCP_CLOSE:
            return None
        mss, sacked = (struct.unpack_from("I", info, at)[0] for at in (TCP_INFO_SND_MSS, TCP_INFO_SACKED))
        return struct.unpack_from("Q", info, TCP_INFO_BYTES_ACKED)[0] + sacked * mss

    def look(self, connection):
        name, count = self.open[connection], self.acked(connection)
        if count is not None:
            self.totals[name] += count - self.counted[connection]
            self.counted[connection] = count

    def sample(self):
        with self.lock:
            now, names = time.monotonic(), set(self.open.values())
            for connection in self.open:
                self.look(connection)
            for name in names:
                self.curves[name].add(now, self.totals[name])

    def end(self, connection):
        with self.lock:
            if connection in self.open:
                self.look(connection)
                name = self.open.pop(connection)
                self.counted.pop(connection, None)
                self.curves[name].add(time.monotonic(), self.totals[name])

    def take(self):
        """All curves; those of downloads that are over are forgotten."""
        with self.lock:
            taken = self.curves
            self.curves = {name: Curve() for name in set(self.open.values())}
            self.totals = {name: self.totals[name] for name in self.curves}
            return taken


class Server:
    def __init__(self, pipe, address):
        self.pipe = pipe
        self.connections = Connections()
        self.size = 1 << 30
        self.body = memoryview(bytes(os.urandom(1 << 16)) * 4)
        self.listener = socket.create_server((address, PORT), backlog=64)
        self.congestion = ""

    def run(self):
        threading.Thread(target=self.accept, daemon=True).start()
        threading.Thread(target=self.watch, daemon=True).start()
        while True:
            try:
                words = self.pipe.recv()
            except EOFError:
                return
            self.pipe.send(getattr(self, "do_" + words[0])(*words[1:]))

    def do_congestion(self, name):
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        self.congestion = name
        return True

    def do_size(self, size):
        """The length of every file from now on."""
        self.size = size
        return True

    def do_curves(self):
        return {name: (curve.times, curve.bytes) for name, curve in self.connections.take().items()}

    def do_cut(self, name):
        """Ends a download by a reset; the number of connections."""
        nobody = struct.pack("HH12x", socket.AF_UNSPEC, 0)
        with self.connections.lock:
            found = [connection for connection, what in self.connections.open.items() if what == name]
        for connection in found:
            # Disconnecting resets at once, while another thread is sending; closing would wait for that thread.
            sandbox.libc.connect(connection.fileno(), nobody, len(nobody))
        return len(found)

    def do_rate(self, name, over_s):
        """Of a running download, lately."""
        with self.connections.lock:
            curve = self.connections.curves.get(name)
            now = time.monotonic()
            return curve.rate(now - over_s, now) if curve and curve.times else 0.0

    def watch(self):
        while True:
            time.sleep(SAMPLE_S)
            self.connections.sample()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            used = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
            if used != self.congestion:
                raise RuntimeError("congestion control is %s, not %s" % (used, self.congestion))
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while self.answer(connection):
                pass
        except OSError:
            pass  # the client has gone, which is how most downloads end here
        self.connections.end(connection)
        connection.close()

    def answer(self, connection):
        """One request; false at the connection's end."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return False
            head += piece
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        fields = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines[1:])}
        first, size = 0, self.size
        wanted = fields.get("range", "")
        if wanted.startswith("bytes=") and wanted.count("-") == 1 and wanted[6] != "-":
            begin, _, end = wanted[6:].partition("-")
            first, last = int(begin), min(int(end) if end else size - 1, size - 1)
            status = "206 Partial Content\r\nContent-Range: bytes %d-%d/%d" % (first, last, size)
        else:
            last, status = size - 1, "200 OK"
        connection.sendall(("HTTP/1.1 %s\r\nContent-Length: %d\r\nAccept-Ranges: bytes\r\nETag: \"%d\"\r\n"
                            "Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\nContent-Type: application/octet-stream\r\n\r\n"
                            % (status, last - first + 1, size)).encode())
        if method != "HEAD":
            self.connections.begin(connection, path.strip("/"))
            left = last - first + 1
            while left > 0:
                left -= connection.send(self.body[:min(left, len(self.body))])
        return True


def serve(pipe, address):
    Server(pipe, address).run()


# --- a competing download ---------------------------------------------------------------------------------------------------


def download(pipe, address, name):
    """Reads until told to stop; answers with the times of its beginning and its end. A native program, unlimited."""
    begin = time.monotonic()
    connection = socket.create_connection((address, PORT))
    connection.sendall(("GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (name, address)).encode())
    space = bytearray(1 << 18)
    connection.setblocking(False)
    while True:
        ready, _, _ = select.select([connection, pipe], [], [])
        if pipe in ready:
            pipe.recv()
            break
        try:
            count = connection.recv_into(space)
        except ConnectionResetError:
            return  # cut by the server
        if count == 0:
            raise RuntimeError("a competing download was at its end: the file is too small")
    end = time.monotonic()
    connection.close()
    pipe.send((begin, end))


class Foreign:
    """A competing download that runs from now on."""

    def __init__(self, space, address, name):
        self.agent = Agent(space, download, address, name)

    def stop(self):
        """Times of its beginning and end."""
        times = self.agent.ask("stop")
        self.agent.stop()
        return times


# --- the delay ------------------------------------------------------------------------------------------------------------


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def probe(pipe, address):
    """Pings every 20 ms; answers each question with the list of (time, RTT in s) since the last one. The time of reception is
    the kernel's, so that only a late sending, not a late waking, could spoil it; and the priority is real-time."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass
    asker = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    asker.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    asker.connect((address, 0))
    mark = os.getpid() & 0xFFFF
    sent, answers, number, next_at = {}, [], 0, time.monotonic()
    while True:
        ready, _, _ = select.select([asker, pipe], [], [], max(0.0, next_at - time.monotonic()))
        if asker in ready:
            data, extra, _, _ = asker.recvmsg(2048, 256)
            kind, _, _, theirs, their_number = struct.unpack_from("!BBHHH", data, (data[0] & 15) * 4)
            if kind == 0 and theirs == mark and their_number in sent:
                seconds, nanoseconds = struct.unpack("qq", extra[0][2])
                at, wall_ns = sent.pop(their_number)
                answers.append((at, (seconds * 1_000_000_000 + nanoseconds - wall_ns) / 1e9))
        if pipe in ready:
            try:
                pipe.recv()
            except EOFError:
                return
            lost = sum(1 for at, _ in sent.values() if at < time.monotonic() - 2)
            pipe.send((answers, lost))
            answers = []
            sent = {n: s for n, s in sent.items() if s[0] >= time.monotonic() - 2}
        if time.monotonic() >= next_at:
            number = (number + 1) & 0xFFFF
            packet = struct.pack("!BBHHH", 8, 0, 0, mark, number) + bytes(24)
            packet = packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]
            sent[number] = (time.monotonic(), time.time_ns())
            asker.send(packet)
            next_at = max(next_at + PROBE_S, time.monotonic())
