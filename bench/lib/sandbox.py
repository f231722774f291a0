"""sandbox.py - runs a bench in namespaces of its own, so that nothing of it is left however it ends.

run_apart() makes a PID, a mount and a network namespace and runs a function in them. When that function ends, or the bench is
interrupted, or killed, the kernel ends every process of the PID namespace (Wine's too) and takes the network namespaces
with it; the folder of the run is removed afterwards, or, after a kill, by the next run. Needs root. Uses util-linux
(nsenter) only; the rest is system calls.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
NICE = -15  # before whatever else this machine has to do
NETNS_DIR = "/run/netns"  # where ip(8) names network namespaces

libc = ctypes.CDLL(None, use_errno=True)


class NotPermitted(Exception):
    """This machine or this user may not make namespaces; the text says which and why."""


def call(what, *arguments):
    """A function of the C library; an error is an OSError."""
    if getattr(libc, what)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def mount(kind, where, options=b""):
    call("mount", kind, where.encode(), kind, 0, options)


def enter_network(name):
    """Moves the calling process into a network namespace made by ip(8)."""
    with open(os.path.join(NETNS_DIR, name), "rb") as space:
        call("setns", space.fileno(), CLONE_NEWNET)


def demand_permission():
    if os.geteuid() != 0:
        raise NotPermitted("network namespaces need root, and this is user %d" % os.geteuid())
    if not shutil.which("ip") or not shutil.which("tc"):
        raise NotPermitted("ip and tc are missing (Debian package iproute2)")
    if not os.path.exists("/dev/net/tun"):
        raise NotPermitted("there is no /dev/net/tun, which the relay needs")


def wait_for_turn(say):
    """Two benches at once would measure each other. The name is freed by the kernel, whatever happens to its owner."""
    turn = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    is_told = False
    while True:
        try:
            turn.bind("\0openqmgr-bench")
            return turn
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        if not is_told:
            say("another bench is running on this machine: waiting for it to end")
            is_told = True
        time.sleep(0.5)


def make_folder(top):
    """A folder for one run, and the end of those that killed runs have left."""
    os.makedirs(top, exist_ok=True)
    for name in os.listdir(top):
        old = os.path.join(top, name)
        if not name.startswith("run-"):
            continue
        try:
            with open(os.path.join(old, "in-use"), "rb+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue  # in use, or none of ours
    folder = tempfile.mkdtemp(prefix="run-", dir=top)
    lock = open(os.path.join(folder, "in-use"), "wb")  # held until this process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def inside(function, folder):
    """The function's process: its status is the run's."""
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(130))
        os.nice(NICE)
        status = function(folder) or 0
    except KeyboardInterrupt:
        status = 130
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def reap(function, folder):
    """Process 1 of the namespace: starts the function's process and gathers the dead, until that one has ended."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    mount(b"proc", "/proc")
    os.makedirs(NETNS_DIR, exist_ok=True)
    mount(b"tmpfs", NETNS_DIR)
    # Wine's server keeps its sockets here, whatever the prefix.
    sockets = "/tmp/.wine-%d" % os.getuid()
    os.makedirs(sockets, mode=0o700, exist_ok=True)
    mount(b"tmpfs", sockets, b"mode=0700")

    worker = os.fork()
    if worker == 0:
        inside(function, folder)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(worker, number))
    while True:
        process, status = os.wait()
        if process == worker:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def run_apart(function, top, say, is_alone=True):
    """Runs function(folder) apart, with a folder of its own below top; returns its status. Waits until no other that wants to be
    alone is running, unless it does not want to be. Raises NotPermitted."""
    demand_permission()
    turn = wait_for_turn(say) if is_alone else socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    folder, lock = make_folder(top)
    try:
        sys.stdout.flush()
        keeper = os.fork()
        if keeper == 0:
            try:
                turn.close()
                call("unshare", CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
                first = os.fork()
            except OSError as error:
                print(error, file=sys.stderr, flush=True)
                os._exit(125)
            if first == 0:
                try:
                    reap(function, folder)
                except BaseException:  # pylint: disable=broad-except
                    traceback.print_exc()
                os._exit(125)
            call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, lambda number, _: os.kill(first, number))
            os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
        # A terminal's Ctrl-C reaches all of them; this one only waits.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: os.kill(keeper, signal.SIGTERM))
        status = os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]) & 0xFF
        if status == 125:
            raise NotPermitted("the kernel refuses namespaces here")
        return status
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)
        turn.close()
