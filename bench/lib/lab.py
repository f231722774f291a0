"""lab.py - a small internet: a server, a line with a bottleneck, and a house behind it with several machines.

    server --line-- [relay] --line-- edge --port(tbf)-- home(bridge) --+-- client
                                                                       +-- other
                                                                       +-- second

Each is a network namespace. The relay (../relay.c) holds packets on the line for the distance; the token bucket of the edge's
port towards the bridge is the only bottleneck, and its queue the only one that fills. It stands behind the relay, not on the
server's own device, because there Linux would keep the sender from filling the queue (TCP small queues), as no router on
the way can. Segmentation and receive offloads are off: with them, "packets" of 64 KB would pass the bucket at once.
"""

import array
import fcntl
import os
import re
import socket
import struct
import subprocess

import sandbox

SERVER = "10.66.1.1"
MACHINES = {"client": "10.66.2.11", "other": "10.66.2.12", "second": "10.66.2.13"}
SPACES = ["server", "edge", "home", *MACHINES]
SIOCETHTOOL = 0x8946
OFFLOADS_OFF = {"tcp segmentation": 0x1F, "udp fragmentation": 0x22, "generic segmentation": 0x24, "generic receive": 0x2C}
FRAME_BYTES = 1514


def run(*words, space=None):
    """Runs a program, in a namespace if one is named; its output. A failure is an error with what it said."""
    command = ["nsenter", "--net=" + os.path.join(sandbox.NETNS_DIR, space), *words] if space else words
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(words), done.stderr.strip() or "status %d" % done.returncode))
    return done.stdout


def build_relay(source, folder):
    """Compiles the relay unless that has been done; the program."""
    text = os.path.join(source, "bench", "relay.c")
    program = os.path.join(folder, "relay")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(text):
        os.makedirs(folder, exist_ok=True)
        made = "%s.%d" % (program, os.getpid())
        run(os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", made, text)
        os.rename(made, program)
    return program


def offloads_off(device):
    """To be called in the device's namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS_OFF.values():
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(any_socket, SIOCETHTOOL, request)
            except OSError:
                pass  # the device does not have it: what is really on is looked at below


def offloads_on(device):
    """Those that are on although they were switched off. To be called in the device's namespace."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name, command in OFFLOADS_OFF.items():
            value = array.array("B", struct.pack("II", command - 1, 0))
            try:
                fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", device.encode(), value.buffer_info()[0]))
            except OSError:
                continue
            if struct.unpack("II", value.tobytes())[1]:
                found.append(name)
    return found


def in_space(space, function, *arguments):
    """Calls a function in a namespace, in a process of its own; its result as text, for small things."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            sandbox.enter_network(space)
            os.write(writer, repr(function(*arguments)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read().decode()
    if os.waitpid(process, 0)[1] != 0:
        raise RuntimeError("%s failed in namespace %s" % (function.__name__, space))
    return text


class Lab:
    """Made inside sandbox.run_apart(), whose end is its end too."""

    def __init__(self, relay_program):
        self.delay_us = 0
        self.make_spaces()
        self.relay = subprocess.Popen([relay_program, os.path.join(sandbox.NETNS_DIR, "server"), "line",
                                       os.path.join(sandbox.NETNS_DIR, "edge"), "line"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.relay.stdout.readline() != "ok\n":
            raise RuntimeError("the relay did not start")
        self.make_line()
        self.make_home()
        for space, device in self.devices:
            still_on = in_space(space, offloads_on, device)
            if still_on != "[]":
                raise RuntimeError("offloads of %s in %s cannot be switched off: %s" % (device, space, still_on))

    def make_spaces(self):
        for space in SPACES:
            run("ip", "netns", "add", space)
            run("ip", "link", "set", "lo", "up", space=space)
            run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", space=space)
            # A flow must not begin with what an earlier one has learned.
            run("sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1", space=space)
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", space="edge")
        self.devices = []

    def add_device(self, space, device):
        in_space(space, offloads_off, device)
        self.devices.append((space, device))

    def make_line(self):
        for space, own, peer in (("server", SERVER, "10.66.1.2"), ("edge", "10.66.1.2", SERVER)):
            run("ip", "address", "add", own, "peer", peer, "dev", "line", space=space)
            # Long enough that the device itself never drops: the sender may put a whole window into it at once.
            run("ip", "link", "set", "line", "txqueuelen", "20000", "up", space=space)
            self.add_device(space, "line")
        run("ip", "route", "add", "10.66.2.0/24", "via", "10.66.1.2", space="server")

    def make_home(self):
        run("ip", "link", "add", "house", "type", "bridge", space="home")
        run("ip", "link", "set", "house", "up", space="home")
        self.plug_in("edge", "port", "10.66.2.1")
        for machine, address in MACHINES.items():
            self.plug_in(machine, "eth0", address)
            run("ip", "route", "add", "default", "via", "10.66.2.1", space=machine)

    def plug_in(self, space, device, address):
        run("ip", "link", "add", device, "netns", space, "type", "veth", "peer", "name", "to-" + space, "netns", "home")
        run("ip", "link", "set", "to-" + space, "master", "house", "up", space="home")
        run("ip", "address", "add", address + "/24", "dev", device, space=space)
        run("ip", "link", "set", device, "up", space=space)
        self.add_device("home", "to-" + space)
        self.add_device(space, device)

    def ask_relay(self, words):
        self.relay.stdin.write(words + "\n")
        self.relay.stdin.flush()
        answer = self.relay.stdout.readline().strip()
        if not answer or answer == "what?":
            raise RuntimeError("the relay does not understand %r" % words)
        return answer

    def shape(self, rate_mbit, base_ms, queue_ms):
        """The line from now on: rate of the bottleneck, RTT over the empty line, room in the bottleneck's queue."""
        self.ask_relay("delay %d" % round(base_ms * 1000 / 2))
        # A millisecond's worth may pass at once, two packets at least: less than any delay that is looked for.
        burst = max(2 * FRAME_BYTES, round(rate_mbit * 1e6 / 8 / 1000))
        run("tc", "qdisc", "replace", "dev", "port", "root", "tbf", "rate", "%gmbit" % rate_mbit,
            "burst", str(burst), "latency", "%gms" % queue_ms, space="edge")

    def take_relay_stats(self):
        """Since the last time: packets that passed, packets that the relay lost (should be 0), the share of those that were late by more
        than a millisecond, and the greatest lateness in ms."""
        down, up, lost, late, latest_us = (int(word) for word in self.ask_relay("stats").split())
        return {"packets": down + up, "lost": lost, "late_share": round(late / max(1, down + up), 5), "late_ms": latest_us / 1000}

    @staticmethod
    def refused(machine):
        """Packets that a machine's kernel has thrown away because a socket's buffer was full: each costs its flow a retransmission, so
        there should be none."""
        lines = [line.split() for line in run("cat", "/proc/net/netstat", space=machine).splitlines() if line.startswith("TcpExt:")]
        counters = dict(zip(lines[0], lines[1]))
        return sum(int(counters.get(name, 0)) for name in ("TCPRcvQDrop", "TCPBacklogDrop", "TCPZeroWindowDrop", "RcvPruned"))

    def dropped(self):
        """Packets that the bottleneck has dropped since it was made."""
        match = re.search(r"dropped (\d+)", run("tc", "-s", "qdisc", "show", "dev", "port", space="edge"))
        return int(match.group(1)) if match else 0
