#!/usr/bin/env python3
"""proxies.py - the proxy script (PAC) of the user's Internet settings, through the installed service.

The web server is its own proxy: it answers what is asked of it in the form for proxies, for hosts that no name server knows. Its
log shows which way a request came: a path with a host in it was for the proxy.
"""

import os
import struct
import sys

from rig import MIB, Rig, sha256

CONNECTIONS = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings\\Connections"
SCRIPT = """function FindProxyForURL(url, host) {
    if (host == "far.invalid") return "PROXY 127.0.0.1:%d";
    return "DIRECT";
}
"""


def set_script(rig, url):
    """The form in which Windows keeps it: version, changes, flags (1 direct, 4 a script), three texts with their lengths."""
    data = struct.pack("<3I", 0x46, 1, 5)
    for text in ("", "", url):
        data += struct.pack("<I", len(text)) + text.encode()
    data += bytes(32)
    name = os.path.join(rig.tmp, "script.reg")
    with open(name, "w", encoding="utf-16") as file:
        file.write("Windows Registry Editor Version 5.00\r\n\r\n[%s]\r\n\"DefaultConnectionSettings\"=hex:%s\r\n\r\n"
                   % (CONNECTIONS, ",".join("%02x" % byte for byte in data)))
    return rig.wine("reg", "import", rig.path(name)).status == 0


def get(rig, server, name, url, wanted):
    """wanted: the addresses, as the server must have been asked for them by this download; it notes a request when that is over."""
    before = len(server.requests())
    result = rig.ctl("get", "--quiet", url, rig.path(rig.target(name)))
    asked = [r["path"] for r in server.requests()[before:] if r["path"] and not r["path"].endswith(".pac")]
    is_there = os.path.exists(rig.target(name)) and sha256(rig.target(name)) == sha256(os.path.join(server.root, "a.bin"))
    rig.check(name, result.status == 0 and is_there and sorted(asked) == sorted(wanted), "%s; %s" % (result, asked))


def main():
    with Rig() as rig:
        server = rig.serve()
        server.make("a.bin", MIB)
        with open(os.path.join(server.root, "proxy.pac"), "w", encoding="ascii") as file:
            file.write(SCRIPT % server.port)
        rig.check("service installed", rig.install(), rig.bin)
        rig.check("script named", set_script(rig, server.url("proxy.pac")), server.url("proxy.pac"))
        far = "http://far.invalid/a.bin"
        near = "http://127.0.0.1:%d/a.bin" % server.port
        get(rig, server, "script names a proxy", far, [far])
        get(rig, server, "script names none", near.replace("127.0.0.1", "localhost"), ["/a.bin"])
        get(rig, server, "redirect to a proxy", near + "?redirect=" + far, ["/a.bin?redirect=" + far, far])
        get(rig, server, "redirect from a proxy", far + "?redirect=" + near, [far + "?redirect=" + near, "/a.bin"])
        rig.check("script was asked for", len([r for r in server.requests() if (r["path"] or "").endswith(".pac")]) > 0)
        print("not shown: a search for a script (WPAD) that finds one; there is no name server here that knows of any")
        return rig.end()


if __name__ == "__main__":
    sys.exit(main())
