#!/usr/bin/env python3
"""ntlm_auth.py - stands in for Samba's ntlm_auth, the program through which Wine's NTLM authenticates: its user has logged on to
Windows with the name and password of the file $OQ_NTLM_ACCOUNT, three lines: domain, user, password.

Wine looks for a program named ntlm_auth in PATH, asks for its version, and then for --helper-protocol=ntlmssp-client-1
--use-cached-creds: a line in for each line out, as ntlm_auth(1) says; messages are in base64. Each start for an authentication is a line
of arguments in $OQ_NTLM_ACCOUNT.log. Python 3 standard library only.
"""

import base64
import os
import sys

import ntlm


def reply(line, account):
    word, _, message = line.rstrip("\n").partition(" ")
    if word == "YR":
        return "YR " + base64.b64encode(ntlm.ask()).decode()
    if word == "TT":
        return "AF " + base64.b64encode(ntlm.answer(base64.b64decode(message), *account)).decode()
    if word == "SF":  # features that are wanted
        return "OK"
    return "BH not known here: " + word  # signing, and a key for it: HTTP needs none


def main():
    if "--version" in sys.argv:
        print("Version 4.0.0")  # Wine wants 3.0.25 or later
        return 0
    name = os.environ["OQ_NTLM_ACCOUNT"]
    with open(name + ".log", "a", encoding="utf-8") as file:
        file.write(" ".join(sys.argv[1:]) + "\n")
    if "--use-cached-creds" not in sys.argv:
        return 1
    with open(name, encoding="utf-8") as file:
        account = file.read().splitlines()
    for line in sys.stdin:
        print(reply(line, account), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
