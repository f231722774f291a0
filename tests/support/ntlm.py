"""ntlm.py - NTLMv2 for the test server and for the program that plays Windows' part under Wine.

Messages and answers as in MS-NLMP (sections 2.2.1 and 3.3.2), as much of them as authentication over HTTP needs: no signing, no message
integrity code. MD4 is here (RFC 1320) because OpenSSL 3 has put it away. Run by itself, it compares itself with the examples of
both papers. Python 3 standard library only.
"""

import hashlib
import hmac
import os
import struct
import time

SIGNATURE = b"NTLMSSP\0"
# unicode, target wanted, NTLM, always sign, target is a server, extended session security, target information, 128 and 56 bits
FLAGS = 0x00000001 | 0x00000004 | 0x00000200 | 0x00008000 | 0x00020000 | 0x00080000 | 0x00800000 | 0x20000000 | 0x80000000
TARGET = "TESTSERVER"
NAMES_END, COMPUTER_NAME, DOMAIN_NAME = 0, 1, 2  # 2.2.2.1
EPOCH_S = 11644473600  # from 1601 to 1970


def md4(data):
    """RFC 1320."""
    mask = 0xFFFFFFFF
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    rounds = (
        (0, range(16), (3, 7, 11, 19), lambda x, y, z: (x & y) | (~x & z)),
        (0x5A827999, [i // 4 + i % 4 * 4 for i in range(16)], (3, 5, 9, 13), lambda x, y, z: (x & y) | (x & z) | (y & z)),
        (0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15), lambda x, y, z: x ^ y ^ z),
    )
    data_bits = len(data) * 8
    data += b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", data_bits)
    for at in range(0, len(data), 64):
        words = struct.unpack_from("<16I", data, at)
        a, b, c, d = state
        for constant, order, shifts, mix in rounds:
            for i, k in enumerate(order):
                value = (a + (mix(b, c, d) & mask) + words[k] + constant) & mask
                shift = shifts[i % 4]
                a, b, c, d = d, (value << shift | value >> (32 - shift)) & mask, b, c
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def hmac_md5(key, data):
    return hmac.new(key, data, hashlib.md5).digest()


def key_of(domain, user, password):
    """NTOWFv2 (3.3.2)."""
    return hmac_md5(md4(password.encode("utf-16-le")), (user.upper() + domain).encode("utf-16-le"))


def field(message, at):
    """What a message has under the length and offset that stand there; b"" if that is beyond its end."""
    if len(message) < at + 8:
        return b""
    length, _, offset = struct.unpack_from("<HHI", message, at)
    return message[offset:offset + length] if offset + length <= len(message) else b""


def kind(message):
    """1 to 3; 0 if it is none of these."""
    if len(message) < 12 or not message.startswith(SIGNATURE):
        return 0
    return struct.unpack_from("<I", message, 8)[0]


def build(number, fixed, fields):
    """fixed: bytes after the number, in which each None is a place of the next of `fields`."""
    offset = 12 + sum(8 if part is None else len(part) for part in fixed)
    head, payload = SIGNATURE + struct.pack("<I", number), b""
    rest = iter(fields)
    for part in fixed:
        if part is None:
            data = next(rest)
            head += struct.pack("<HHI", len(data), len(data), offset + len(payload))
            payload += data
        else:
            head += part
    return head + payload


# --- the client ---


def ask():
    return build(1, [struct.pack("<I", FLAGS & ~0x00820000), None, None], [b"", b""])


def response(key, server_challenge, names, client_challenge, stamp):
    """The NTLMv2 response: its proof and what that was made of."""
    blob = b"\x01\x01" + bytes(6) + struct.pack("<Q", stamp) + client_challenge + bytes(4) + names + bytes(4)
    return hmac_md5(key, server_challenge + blob) + blob


def answer(challenge, domain, user, password):
    """The third message. The old LM response is left empty."""
    key = key_of(domain, user, password)
    proof = response(key, challenge[24:32], field(challenge, 40), os.urandom(8), int((time.time() + EPOCH_S) * 10000000))
    texts = [text.encode("utf-16-le") for text in (domain, user, "TESTCLIENT")]
    flags = struct.unpack_from("<I", challenge, 20)[0] & FLAGS
    return build(3, [None, None, None, None, None, None, struct.pack("<I", flags)], [bytes(24), proof, *texts, b""])


# --- the server ---


def challenge(number):
    """The second message, with a number of eight random bytes."""
    target = TARGET.encode("utf-16-le")
    names = b"".join(struct.pack("<HH", which, len(target)) + target for which in (DOMAIN_NAME, COMPUTER_NAME))
    names += struct.pack("<HH", NAMES_END, 0)
    return build(2, [None, struct.pack("<I", FLAGS), number, bytes(8), None], [target, names])


def who(message):
    """Whom a third message names: domain\\user."""
    return "\\".join(field(message, at).decode("utf-16-le", "replace") for at in (28, 36))


def is_right(message, number, password):
    """Does the third message show that its sender knows the password? The number is that of the challenge."""
    domain, _, user = who(message).partition("\\")
    proof = field(message, 20)
    return len(proof) > 44 and hmac.compare_digest(proof[:16], hmac_md5(key_of(domain, user, password), number + proof[16:]))


def main():
    assert md4(b"").hex() == "31d6cfe0d16ae931b73c59d7e0c089c0"  # RFC 1320, A.5
    assert md4(b"abc").hex() == "a448017aaf21d8525fc10ae87aa6729d"
    assert md4(b"1234567890" * 8).hex() == "e33b4ddc9c38f2199c3e7b164fcc0536"
    key = key_of("Domain", "User", "Password")  # MS-NLMP 4.2.4
    assert key.hex() == "0c868a403bfd7a93a3001ef22ef02e3f"
    names = bytes.fromhex("02000c0044006f006d00610069006e0001000c005300650072007600650072000000" "0000")
    proof = response(key, bytes.fromhex("0123456789abcdef"), names, b"\xaa" * 8, 0)
    assert proof[:16].hex() == "68cd0ab851e51c96aabc927bebef6a1c"
    number = os.urandom(8)
    message = answer(challenge(number), "Domain", "User", "Password")
    assert who(message) == "Domain\\User" and is_right(message, number, "Password")
    assert not is_right(message, number, "password") and not is_right(message, bytes(8), "Password")


if __name__ == "__main__":
    main()
