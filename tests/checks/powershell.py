#!/usr/bin/env python3
"""powershell.py - the scripts for Windows, read against the rules of PowerShell 5.1 that were broken once or that a newer one hides.

usage: powershell.py [FILE...]     default: all *.ps1 of scripts/windows

Not a parser: it knows texts, comments and brackets, and looks for patterns in the code between them. What it finds is wrong; that it
finds nothing does not say that a script runs. No test of ours runs them.
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Programs, not cmdlets: their output is an array of lines, and their words are translated.
NATIVE = r"(?:&\s*\$\w+|&\s*[\w.-]+\.exe|(?:sc|net|netsh|certutil|reg|whoami|qmgrctl|qmgrsvc)(?:\.exe)?\s)"
TRANSLATED = r"\b(?:sc|net|netsh|schtasks|whoami|tasklist)(?:\.exe)?\b"

# In the code, without texts and comments.
RULES = [
    (r"\[string\]\s*\(\s*" + NATIVE, "[string] of a program's output joins its lines with blanks: use -join"),
    (r"&&|\|\|", "&& and || are of PowerShell 7"),
    (r"\?\?|\?\.\w|\?\[", "null operators are of PowerShell 7"),
    (r"\)\s\?\s[^{]*\s:\s", "the ternary operator is of PowerShell 7"),
    (r"ForEach-Object\s+-Parallel|-AsHashtable|-SkipCertificateCheck|-AsByteStream|\bRemove-Service\b|\bTest-Json\b|"
     r"\$Is(?:Windows|Linux|MacOS)\b|-NoNewLine\s+-Encoding\s+utf8NoBOM|\bclean\s*\{", "not in PowerShell 5.1"),
    (TRANSLATED + r"[^;}\n]*\|\s*(?:Select-String|Where-Object|findstr)", "the words of that program are translated"),
    (r"\(" + TRANSLATED + r"[^)]*\)[^;\n]*-(?:c|i)?(?:not)?(?:match|like)", "the words of that program are translated"),
    (r"\$\w+\s*=\s*[@(&\s]*" + TRANSLATED, "the words of that program are translated"),
    (r"\bInvoke-Expression\b|\biex\b", "texts are not run"),
]
# With a name of their own, since the code around them matters.
REDIRECTION = r"(?:2>&1|\*>&1|2>\s*\S)"


def blank(text):
    """Keeps the lines: what was there is neither code nor lost."""
    return re.sub(r"[^\n]", " ", text)


def code_of(text):
    """The text without comments and the insides of strings, and what is wrong with it so far."""
    out, problems, open_brackets, at = [], [], [], 0
    pairs = {")": "(", "]": "[", "}": "{"}

    def line():
        return text.count("\n", 0, at) + 1

    def take(pattern, what):
        nonlocal at
        match = re.compile(pattern, re.S | re.M).match(text, at)
        if not match:
            problems.append((line(), what))
            at = len(text)
            return
        inside = match.group(0)
        out.append(inside[0] + blank(inside[1:-1]) + inside[-1] if len(inside) > 1 else inside)
        at = match.end()

    while at < len(text):
        c = text[at]
        if text.startswith("<#", at):
            take(r"<#.*?#>", "a comment does not end")
        elif c == "#" and (at == 0 or text[at - 1] in " \t\n({;"):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            out.append(" " * (end - at))
            at = end
        elif text.startswith('@"', at) or text.startswith("@'", at):
            quote = text[at + 1]
            take(r"@" + quote + r"[ \t]*\n.*?\n" + quote + "@", "a here-string does not end at the start of a line")
        elif c == "'":
            take(r"'(?:[^']|'')*'", "a string does not end")
        elif c == '"':
            take(r'"(?:[^"`$]|`.|""|\$\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\$)*"', "a string does not end")
        elif c == "`":
            out.append(text[at:at + 2])
            if text[at + 1:at + 2] in (" ", "\t"):
                problems.append((line(), "a blank behind the ` that continues the line"))
            at += 2
        else:
            if c in "([{":
                open_brackets.append((c, line()))
            elif c in pairs:
                if not open_brackets or open_brackets.pop()[0] != pairs[c]:
                    problems.append((line(), f"'{c}' closes nothing"))
                    open_brackets.clear()
            out.append(c)
            at += 1
    problems += [(where, f"'{c}' is not closed") for c, where in open_brackets]
    return "".join(out), problems


def function_around(code, at):
    """The function in which that place is, up to there."""
    begin = code.rfind("\nfunction ", 0, at)
    return "" if begin < 0 or "\n}" in code[begin:at] else code[begin:at]


def check(name, text):
    """Yields "name:line: what"."""
    code, problems = code_of(text)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.isascii():
            problems.append((number, "not ASCII: 5.1 reads a file without a mark in the code page of the machine"))
    for pattern, what in RULES:
        for found in re.finditer(pattern, code):
            problems.append((code.count("\n", 0, found.start()) + 1, what))
    for found in re.finditer(REDIRECTION, code):
        line_end = code.find("\n", found.start())
        before = code[code.rfind("\n", 0, found.start()) + 1:line_end]
        around = function_around(code, found.start()) or code[max(0, found.start() - 200):found.start()]
        if "ErrorActionPreference" not in around and re.search(NATIVE, before):
            problems.append((code.count("\n", 0, found.start()) + 1,
                             "5.1 makes an error of the first line of a program's standard error: set "
                             "ErrorActionPreference in this function"))
    if re.search(r"\bAdd-Undo\b|\bSet-Setting\b", code) and "function Add-Undo" not in code:
        if not re.search(r"\bfinally\s*\{[^}]*\bUndo-All\b", code):
            problems.append((1, "changes something, and no finally has Undo-All"))
    for number, what in sorted(set(problems)):
        yield f"{name}:{number}: {what}"


def main(arguments):
    names = arguments or sorted(glob.glob(os.path.join(ROOT, "scripts", "windows", "*.ps1")))
    found = []
    for name in names:
        with open(name, encoding="utf-8") as stream:
            found += check(os.path.relpath(name, ROOT), stream.read())
    print("\n".join(found + [f"{len(names)} scripts, {len(found)} findings"]))
    return 1 if found or not names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
