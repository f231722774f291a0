#!/usr/bin/env python3
"""sources.py - hashes, mirrors, Metalink documents and another URL, by qmgrctl through the installed service.

Each figure that was promised is counted from the server's log: which bytes were asked for, and how many came twice.
"""

import hashlib
import os
import socket
import sys

from rig import MIB, Rig, poll, sha256

SIZE = 12 * MIB + 12345
PIECE = MIB
TIMEOUT_S = 120


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ranges(server, word):
    return [r["range"] for r in server.requests() if r["method"] and word in r["path"]]


def sent(server, word):
    return sum(r["sent"] for r in server.requests() if r["method"] and word in r["path"])


def turn_bytes(name, at):
    """A byte of the file with all bits turned round: another version of the same size."""
    with open(name, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


class Part:
    """One file on the server under a name of its own, and where it is to come to."""

    def __init__(self, rig, server, name, size=SIZE):
        self.rig, self.server, self.name = rig, server, name
        self.original = server.make(name, size)
        self.size = size
        self.target = rig.target(name)
        self.hash = sha256(self.original)

    def url(self, query=""):
        return self.server.url(self.name, query)

    def get(self, *words, timeout=TIMEOUT_S):
        return self.rig.ctl("get", "--quiet", *words, timeout=timeout)

    def arrived(self, result):
        return result.status == 0 and os.path.exists(self.target) and sha256(self.target) == self.hash

    def to(self):
        return self.rig.path(self.target)


def hash_good(rig, server):
    part = Part(rig, server, "good.bin")
    result = part.get("--sha256", part.hash.upper(), part.url(), part.to())
    rig.check("a right SHA-256", part.arrived(result) and len(ranges(server, part.name)) == 1, result)


def hash_bad_once(rig, server):
    part = Part(rig, server, "once.bin")
    result = part.get("--sha256", part.hash, part.url("corrupt=5000000&on=1"), part.to())
    asked = ranges(server, part.name)
    rig.check("a wrong SHA-256 once: fetched again, and there", part.arrived(result) and len(asked) == 2,
              "%s, %d requests" % (result, len(asked)))


def hash_bad_for_ever(rig, server):
    part = Part(rig, server, "never.bin")
    result = part.get("--sha256", part.hash, part.url("corrupt=5000000"), part.to())
    asked = ranges(server, part.name)
    rig.check("a wrong SHA-256 for ever: its own error after the second time", result.status == 9 and len(asked) == 2
              and "80070143" in result.err and "expected" in result.err and not os.path.exists(part.target), result)
    rig.check("and nothing of it is left", poll(lambda: not rig.leftovers(), 20), rig.leftovers() or "no temporary file")


def digest_of_server(rig, server):
    part = Part(rig, server, "digest.bin")
    result = part.get(part.url("repr-digest=good"), part.to())
    rig.check("a right Repr-Digest", part.arrived(result), result)
    os.remove(part.target)
    result = part.get(part.url("repr-digest=bad"), part.to())
    rig.check("a wrong Repr-Digest for ever", result.status == 9 and "80070143" in result.err and "Digest mismatch" in result.err, result)


def mirror_dead(rig, server):
    part = Part(rig, server, "dead.bin")
    dead = "http://127.0.0.1:%d/%s" % (closed_port(), part.name)
    result = part.get(dead, "--mirror", part.url("status=404"), "--mirror", part.url("xmirror"), part.to())
    rig.check("a dead mirror and one without the file: the third", part.arrived(result), "%s, %.1f s" % (result, result.seconds))


def mirror_dies_midway(rig, server):
    part = Part(rig, server, "midway.bin")
    cut = 7000000
    result = part.get("--sha256", part.hash, part.url("cut=%d" % cut), "--mirror", part.url("xmirror&etag=another&last-modified=none"),
                      part.to())
    twice = sent(server, part.name) - part.size
    rig.check("a mirror that dies midway: no byte comes twice", part.arrived(result) and twice == 0
              and "bytes=%d-" % cut in ranges(server, "xmirror"), "%s, %d bytes twice" % (result, twice))


def mirror_slow(rig, server):
    part = Part(rig, server, "slow.bin")
    result = part.get(part.url("rate=3000"), "--mirror", part.url("xmirror"), part.to())
    asked = ranges(server, "slow.bin?xmirror")
    rig.check("a slow mirror: the next one goes on", part.arrived(result) and len(asked) == 1, "%s, asked %s, %.1f s"
              % (result, asked, result.seconds))


def mirror_wrong_version(rig, server):
    part = Part(rig, server, "version.bin")
    other = Part(rig, server, "old-version.bin")
    result = part.get("--sha256", part.hash, other.url(), "--mirror", part.url(), part.to())
    rig.check("a mirror with another version: the hash finds it, the next one has it", part.arrived(result), result)


def metalink(files):
    """A Metalink document: (name, size, hash, pieces, urls) each."""
    text = ['<?xml version="1.0" encoding="UTF-8"?>', '<metalink xmlns="urn:ietf:params:xml:ns:metalink">']
    for name, original, urls in files:
        with open(original, "rb") as file:
            data = file.read()
        text.append('<file name="%s"><size>%d</size><hash type="sha-256">%s</hash>'
                    % (name, len(data), hashlib.sha256(data).hexdigest()))
        text.append('<pieces length="%d" type="sha-256">' % PIECE)
        text += ["<hash>%s</hash>" % hashlib.sha256(data[at:at + PIECE]).hexdigest() for at in range(0, len(data), PIECE)]
        text.append("</pieces>")
        text += ['<url priority="%d">%s</url>' % (number, url.replace("&", "&amp;")) for number, url in enumerate(urls, 1)]
        text.append("</file>")
    return "\n".join(text + ["</metalink>"])


def write_document(rig, name, files):
    path = os.path.join(rig.tmp, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(metalink(files))
    return rig.path(path)


def piece_damaged(rig, server):
    part = Part(rig, server, "pieces.bin")
    document = write_document(rig, "pieces.meta4", [(part.name, part.original, [part.url("corrupt=5300000&on=1")])])
    result = part.get("--metalink", document, part.to())
    twice = sent(server, part.name) - part.size
    rig.check("a damaged piece: only that one comes again", part.arrived(result) and 0 < twice <= PIECE * 105 // 100,
              "%s, %d bytes twice, a piece has %d" % (result, twice, PIECE))


def piece_from_mirror(rig, server):
    part = Part(rig, server, "shared.bin")
    document = write_document(rig, "shared.meta4", [
        (part.name, part.original, [part.url("corrupt=9999999"), part.url("xmirror&etag=another")])])
    result = part.get("--metalink", document, part.to())
    twice = sent(server, part.name) - part.size
    rig.check("a piece that the first mirror always damages comes from the second", part.arrived(result)
              and twice <= PIECE * 105 // 100 and len(ranges(server, "shared.bin?xmirror")) == 1,
              "%s, %d bytes twice, second asked for %s" % (result, twice, ranges(server, "shared.bin?xmirror")))


def metalink_of_two(rig, server):
    one, two, short = Part(rig, server, "one.bin"), Part(rig, server, "two.bin"), Part(rig, server, "short.bin", 1000)
    document = write_document(rig, "two.meta4", [
        (one.name, one.original, [short.url(), one.url()]),
        (two.name, two.original, [two.url("status=503"), two.url("xmirror")])])
    result = one.get("--metalink", document, rig.path(rig.downloads))
    rig.check("a document of two files, first mirrors of the wrong size and out of order", one.arrived(result)
              and two.arrived(result), "%s, %.1f s" % (result, result.seconds))


def metalink_other_hashes(rig, server):
    """The hash of the whole file is of another function than SHA-256, right or wrong, with and without a size."""
    for number, (kind, function) in enumerate((("sha-512", "sha512"), ("sha-1", "sha1"), ("md5", "md5"), ("sha256", "sha256"))):
        for is_right in (True, False):
            part = Part(rig, server, "%s-%s.bin" % (kind, is_right), 300000)
            with open(part.original, "rb") as file:
                value = hashlib.new(function, file.read() if is_right else b"").hexdigest()
            path = os.path.join(rig.tmp, part.name + ".meta4")
            with open(path, "w", encoding="utf-8") as file:
                file.write('<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="%s">%s<hash type="%s">%s</hash><url>%s</url>'
                           '</file></metalink>' % (part.name, "<size>300000</size>" if number % 2 else "", kind, value, part.url()))
            result = part.get("--metalink", rig.path(path), rig.path(rig.downloads))
            good = part.arrived(result) if is_right else (result.status == 9 and "mismatch" in result.err
                                                          and not os.path.exists(part.target))
            rig.check("a document with a %s %s" % ("right" if is_right else "wrong", kind), good, result)


def metalink_odd(rig, server):
    """Version 3, a subfolder, a file of torrents only, a URL with blanks; and two names that are one file."""
    part = Part(rig, server, "three.bin", 1000)
    path = os.path.join(rig.tmp, "three.metalink")
    with open(path, "w", encoding="utf-8") as file:
        file.write('<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="sub/dir/three.bin"><verification>'
                   '<hash type="sha256">%s</hash></verification><resources><url preference="9"> %s#x </url></resources></file>'
                   '<file name="t"><resources><url type="bittorrent">ftp://h/t</url></resources></file></files></metalink>'
                   % (part.hash, part.url()))
    result = part.get("--metalink", rig.path(path), rig.path(rig.downloads))
    there = os.path.join(rig.downloads, "sub", "dir", "three.bin")
    rig.check("version 3, a subfolder, a file without a URL", result.status == 0 and os.path.exists(there)
              and sha256(there) == part.hash and "left out" in result.err, result)
    with open(path, "w", encoding="utf-8") as file:
        file.write('<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="disc.bin"><url>%s</url></file>'
                   '<file name="DISC.bin"><url>%s</url></file></metalink>' % (part.url(), part.url()))
    result = part.get("--metalink", rig.path(path), rig.path(rig.downloads))
    rig.check("two names that are one file", result.status == 2 and "one file" in result.err, result)


def document_refused(rig, server):
    path = os.path.join(rig.tmp, "evil.meta4")
    with open(path, "w", encoding="utf-8") as file:
        file.write('<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="../../evil"><url>%s</url></file></metalink>'
                   % server.url("good.bin"))
    result = rig.ctl("get", "--metalink", rig.path(path), rig.path(rig.downloads))
    rig.check("a document that leads out of the folder is refused", result.status == 2 and "name" in result.err, result)


def signature_expires(rig, server):
    part = Part(rig, server, "signed.bin")
    cut = 6000000
    client = rig.start_ctl("get", part.url("xsignature=1&cut=%d&expires=1" % cut), part.to())
    group = rig.group_of(client)
    status = client.wait(TIMEOUT_S)
    said = rig.output(client).strip().splitlines()[-1]
    rig.check("an expired signature: it fails and keeps its bytes", status == 7 and "403" in said and rig.done(group) == cut,
              "%s; %s bytes" % (said, rig.done(group)))
    result = rig.ctl("set-url", group[:8], part.url("xsignature=2"))
    rig.check("set-url", result.status == 0, result)
    result = rig.ctl("wait", "--remove", "--quiet", group[:8], timeout=TIMEOUT_S)
    asked = ranges(server, "xsignature=2")
    twice = sent(server, part.name) - part.size
    rig.check("goes on at the same byte", part.arrived(result) and asked == ["bytes=%d-" % cut],
              "%s, asked %s, %d bytes of bodies beyond the file" % (result, asked, twice))


def set_url_refused(rig, server):
    part = Part(rig, server, "refused.bin", 1000)
    group = rig.ctl("get", "--no-wait", part.url("delay=60000"), part.to()).out.strip("{}\n")
    for words, want in ((("ftp://127.0.0.1/x",), "http"), (("7", part.url()), "no file 7")):
        result = rig.ctl("set-url", group, *words)
        rig.check("set-url with %s" % words[0], result.status == 2 and want in result.err, result)
    rig.ctl("cancel", group)


def killed_meanwhile(rig, server):
    """The service is killed again and again; the hash is still verified. What has come in is seen on the disk, as
    a second client would start the service too."""
    part = Part(rig, server, "killed.bin")
    client = rig.start_ctl("get", "--sha256", part.hash, part.url("rate=3000000&corrupt=11000000&on=1"), part.to())

    def has_come(bytes_there):
        sizes = [os.path.getsize(rig.target(name)) for name in rig.leftovers()]
        return client.poll() is not None or max(sizes, default=0) > bytes_there
    kills = 0
    for mark in (2000000, 6000000, 10000000):
        if poll(lambda mark=mark: has_come(mark)) and client.poll() is None:
            kills += rig.kill_service() > 0
    status = client.wait(TIMEOUT_S)
    there = os.path.exists(part.target) and sha256(part.target) == part.hash
    rig.check("the service killed meanwhile", status == 0 and there and kills > 0, "%d kills, exit %s" % (kills, status))


def main():
    with Rig() as rig:
        rig.check("service installed", rig.install(), rig.bin)
        for name, value in (("CheckpointMs", 500), ("RetryFirstMs", 500), ("SlowSourceMs", 3000)):
            rig.set_value(name, value)
        server = rig.serve()
        for part in (hash_good, hash_bad_once, hash_bad_for_ever, digest_of_server, mirror_dead, mirror_dies_midway, mirror_slow,
                     mirror_wrong_version, piece_damaged, piece_from_mirror, metalink_of_two, metalink_other_hashes,
                     metalink_odd, document_refused,
                     signature_expires, set_url_refused, killed_meanwhile):
            part(rig, server)
        queue = rig.ctl("list").out.strip()
        rig.check("nothing is left in the queue", queue == "no downloads in the queue", queue)
        rig.check("no temporary file is left", poll(lambda: not rig.leftovers(), 20), rig.leftovers() or "none")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
