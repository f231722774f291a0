"""people.py - what people on the link notice of a download: a call, a game and a page, and the picture of it.

A call is 50 packets of 200 bytes a second in each direction, a game 30 (UDP, answered by the server); a page is six new
connections of 100 KB each, every three seconds. All three run on `other`, while `client` downloads nothing, with one ordinary
TCP connection, or with the service as it is installed.
"""

import html
import os
import select
import socket
import statistics
import struct
import time

import endpoints
import idle_run
import lab

PORT = 5004
CALL, GAME = (50, 200), (30, 120)  # packets a second, bytes of each
PAGE_CONNECTIONS, PAGE_BYTES, PAGE_S = 6, 100000, 3.0
SETTLE_S = 4.0
LOST_S = 2.0
HOW = {"nothing": "nothing", "ordinary": "an ordinary download", "service": "OpenQMGR"}
FIGURES = {"call": "call: delay, 95th percentile", "game": "game: delay, 99th percentile", "page": "page: time to load"}


def be_punctual():
    """As the pings are: a busy machine must not look like a busy link."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass


def echo(pipe, address):
    """Answers every packet by itself."""
    be_punctual()
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind((address, PORT))
    while True:
        ready, _, _ = select.select([own, pipe], [], [])
        if pipe in ready:
            return
        own.sendto(*own.recvfrom(2048))


def talk(pipe, address, per_second, size):
    """Sends at that rate; answers each question with the RTTs in ms since the last one, and the share of packets lost."""
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.setsockopt(socket.SOL_SOCKET, endpoints.SO_TIMESTAMPNS, 1)
    own.connect((address, PORT))
    be_punctual()
    sent, rtts, number, next_at = {}, [], 0, time.monotonic()
    while True:
        ready, _, _ = select.select([own, pipe], [], [], max(0.0, next_at - time.monotonic()))
        now = time.monotonic()
        if own in ready:
            data, extra, _, _ = own.recvmsg(2048, 256)
            seconds, nanoseconds = struct.unpack("qq", extra[0][2])  # when the kernel had it
            at, wall_ns = sent.pop(struct.unpack_from("I", data)[0], (None, 0))
            if at is not None:
                rtts.append((seconds * 1_000_000_000 + nanoseconds - wall_ns) / 1e6)
        if pipe in ready:
            pipe.recv()
            lost = sum(1 for at, _ in sent.values() if at < now - LOST_S)
            pipe.send((rtts, lost / max(1, lost + len(rtts))))
            rtts, sent = [], {key: at for key, at in sent.items() if at[0] >= now - LOST_S}
        if now >= next_at:
            number += 1
            sent[number] = (time.monotonic(), time.time_ns())
            own.send(struct.pack("I", number) + bytes(size - 4))
            next_at += 1 / per_second


def load_page(address, name):
    """Ms until all of it is there."""
    begin, left = time.monotonic(), {}
    for _ in range(PAGE_CONNECTIONS):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.connect((address, endpoints.PORT))
        connection.sendall(("GET /%s HTTP/1.1\r\nHost: %s\r\nRange: bytes=0-%d\r\n\r\n" % (name, address, PAGE_BYTES - 1)).encode())
        left[connection] = PAGE_BYTES
    while left:
        for connection in select.select(list(left), [], [])[0]:
            left[connection] -= len(connection.recv(1 << 16))
            if left[connection] <= 0:
                connection.close()
                del left[connection]
    return 1000 * (time.monotonic() - begin)


def pages(pipe, address):
    be_punctual()
    times, next_at = [], time.monotonic()
    while True:
        if pipe.poll(max(0.0, next_at - time.monotonic())):
            pipe.recv()
            pipe.send(times)
            times = []
        if time.monotonic() >= next_at:
            next_at += PAGE_S
            times.append(load_page(address, "page"))


def look(seconds):
    """Call and game for so long, then pages."""
    agents = {"call": endpoints.Agent("other", talk, lab.SERVER, *CALL), "game": endpoints.Agent("other", talk, lab.SERVER, *GAME)}
    time.sleep(seconds)
    (calls, call_loss), (games, game_loss) = agents["call"].ask("take"), agents["game"].ask("take")
    for agent in agents.values():
        agent.stop()
    browser = endpoints.Agent("other", pages, lab.SERVER)
    time.sleep(seconds + PAGE_S / 2)
    times = browser.ask("take")
    browser.stop()
    return {"call": round(idle_run.quantile(calls, 0.95), 2), "call_loss": round(call_loss, 4),
            "game": round(idle_run.quantile(games, 0.99), 2), "game_loss": round(game_loss, 4),
            "page": round(statistics.median(times), 1), "pages": len(times)}


def measure(rig, cell, seconds, say):
    """One repetition: what is seen with each kind of download."""
    rig.lab.shape(cell["rate"], cell["base"], cell["queue"])
    answerer, found, busy = endpoints.Agent("server", echo, lab.SERVER), {}, idle_run.cpu_times()
    for how in HOW:
        flow = None
        if how == "ordinary":
            flow = endpoints.Foreign("client", lab.SERVER, "ordinary")
        if how == "service":
            rig.start_service("client", "service")
            end = time.monotonic() + idle_run.START_S
            while rig.server.ask("rate", "service", 1.0) < 0.5 * cell["rate"] * 1e6 / 8 and time.monotonic() < end:
                time.sleep(0.1)
        time.sleep(SETTLE_S)
        before, begin = rig.server.ask("curves").get(how, ([], [0]))[1][-1:], time.monotonic()
        found[how] = look(seconds)
        after = rig.server.ask("curves").get(how, ([], []))[1][-1:]
        if before and after:
            found[how]["mbit"] = round((after[0] - before[0]) * 8e-6 / (time.monotonic() - begin), 2)
        say("%s: %s" % (HOW[how], found[how]))
        if flow:
            flow.stop()
    rig.stop_all()
    answerer.stop()
    return {"people": found, "cpu": idle_run.Repetition.cpu_shares(busy)}


# --- the picture ------------------------------------------------------------------------------------------------------------

WIDTH, LEFT, BAR, GAP = 720, 190, 20, 34
COLOURS = {"light": {"ground": "#ffffff", "text": "#1f2328", "faint": "#656d76", "nothing": "#8c959f", "ordinary": "#cf222e", "service": "#0969da"},
           "dark": {"ground": "#0d1117", "text": "#e6edf3", "faint": "#8d96a0", "nothing": "#6e7681", "ordinary": "#f85149", "service": "#4493f8"}}


def medians(records):
    return {how: {key: statistics.median(record["people"][how][key] for record in records) for key in FIGURES} for how in HOW}


def draw(records, shade):
    """The medians of all repetitions, as bars; each figure has a scale of its own."""
    colours, values, cell = COLOURS[shade], medians(records), records[0]["cell"]
    parts, y = [], 58

    def text(x, at, words, colour, extra=""):
        parts.append('<text x="%d" y="%d" fill="%s" %s>%s</text>' % (x, at, colours[colour], extra, html.escape(words)))

    text(16, 26, "What others on the link notice while one computer downloads", "text", 'font-size="16" font-weight="600"')
    for key, title in FIGURES.items():
        text(16, y + 14, title, "text", 'font-weight="600"')
        y += 22
        most = max(values[how][key] for how in HOW)
        for how, words in HOW.items():
            length = max(2, (WIDTH - LEFT - 110) * values[how][key] / most)
            text(LEFT - 10, y + 15, words, "text", 'text-anchor="end"')
            parts.append('<rect x="%d" y="%d" width="%.1f" height="%d" rx="3" fill="%s"/>' % (LEFT, y, length, BAR, colours[how]))
            text(LEFT + length + 8, y + 15, "%.0f ms" % values[how][key], "text")
            y += BAR + 6
        y += GAP - 22
    text(16, y + 8, "bench/idle --people: %g Mbit/s, %g ms, %g ms of queue, %s; median of %d; the service under Wine, as installed" % (
        cell["rate"], cell["base"], cell["queue"], cell["congestion"], len(records)), "faint", 'font-size="11"')
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13">'
            '<rect width="100%%" height="100%%" fill="%s"/>\n%s\n</svg>\n' % (WIDTH, y + 22, WIDTH, y + 22, colours["ground"], "\n".join(parts)))
