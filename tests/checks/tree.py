#!/usr/bin/env python3
"""Checks of the source tree that need no compiler.

usage: tree.py CHECK      with CHECK one of: format, size, layers, circles, parts, presets, style, words, private, shell,
                          python, anchor

Looks at the files that git knows. Prints one line per finding, "file:line: what", and ends with status 1 if there was any.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_LINES = 800
MOST_COLUMNS = 100

# Headers that the build makes, and the layer or target they belong to.
GENERATED_HEADERS = {"openqmgr.h": "idl", "oq_version.h": "version"}


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def tracked(*endings):
    """The files of the tree with one of these endings; without endings, all."""
    names = run("git", "-c", "safe.directory=" + ROOT, "ls-files", "-z").split("\0")
    names = [name for name in names if name and os.path.isfile(os.path.join(ROOT, name))]
    return [name for name in names if not endings or name.endswith(endings)]


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as stream:
        return stream.read()


def shell_scripts():
    for name in tracked():
        if name.endswith(".sh"):
            yield name
            continue
        with open(os.path.join(ROOT, name), "rb") as stream:
            first = stream.readline(80)
        if re.match(rb"#!\s*/(usr/)?bin/(env )?(ba)?sh\b", first):
            yield name


def check_format():
    """Every C file is as clang-format leaves it."""
    files = tracked(".c", ".h")
    done = subprocess.run(["clang-format", "--dry-run", "--style=file", *files], cwd=ROOT, capture_output=True, text=True)
    found = {}
    for line in done.stderr.splitlines():
        match = re.match(r"(.+?):(\d+):\d+: warning: code should be clang-formatted", line)
        if match:
            found.setdefault(match.group(1), match.group(2))
    if done.returncode != 0:
        yield f"clang-format ended with status {done.returncode}: {done.stderr.strip()[:200]}"
    for name, line in found.items():
        yield f"{name}:{line}: not formatted (scripts/format {name})"


def check_size():
    """No C file is longer than 800 lines or wider than 100 columns, and none ends without a line end."""
    for name in tracked(".c", ".h", ".def", ".inc"):
        text = read(name)
        lines = text.splitlines()
        if len(lines) > MOST_LINES:
            yield f"{name}:{len(lines)}: longer than {MOST_LINES} lines"
        for number, line in enumerate(lines, 1):
            if len(line) > MOST_COLUMNS:
                yield f"{name}:{number}: wider than {MOST_COLUMNS} columns"
            elif line != line.rstrip():
                yield f"{name}:{number}: blanks at the end of the line"
        if text and not text.endswith("\n"):
            yield f"{name}:{len(lines)}: no line end at the end"


def layer_table():
    """The table of CONTRIBUTING.md: folder -> (library, set of layers it may include, or None for all)."""
    table = {}
    for line in read("CONTRIBUTING.md").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or not line.startswith("|") or cells[0] in ("folder", "---") or "*" in cells[0]:
            continue
        folder = cells[0].split(" ")[0]
        library = re.search(r"`(\w+)`", cells[1])
        allowed = None if cells[2] == "all" else set(re.findall(r"\w[\w-]*", cells[2]))
        if allowed and "nothing" in allowed:
            allowed = set()
        table[folder] = (library.group(1), allowed)
    return table


def check_layers():
    """Includes, and the DEPENDS of the CMake files, follow the table in CONTRIBUTING.md."""
    table = layer_table()
    if len(table) < 10:
        yield "CONTRIBUTING.md: the table of layers was not understood"
        return
    # "base" -> "service/base": what a layer is called in the third column, and where its headers are.
    short = {folder.rsplit("/", 1)[-1]: folder for folder in table}
    home = dict(GENERATED_HEADERS)
    for name in tracked(".h", ".def", ".inc"):
        folder = os.path.dirname(name)
        if folder in table:
            home.setdefault(os.path.basename(name), folder.rsplit("/", 1)[-1])

    for name in tracked(".c", ".h"):
        folder = os.path.dirname(name)
        if folder not in table:
            continue
        own, allowed = folder.rsplit("/", 1)[-1], table[folder][1]
        for number, line in enumerate(read(name).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            header = match.group(1)
            if "/" in header:
                yield f'{name}:{number}: "{header}": headers are included by bare name'
                continue
            owner = own if os.path.isfile(os.path.join(ROOT, folder, header)) else home.get(header)
            if owner in (None, own, "version") or allowed is None:
                continue
            if owner not in allowed:
                yield f'{name}:{number}: "{header}" belongs to {owner}, which {folder} may not see'
            elif header.endswith("_int.h"):
                yield f'{name}:{number}: "{header}" is for {short[owner]} alone'

    libraries = {library: folder for folder, (library, _) in table.items()}
    for folder, (library, allowed) in table.items():
        recipe = os.path.join(folder, "CMakeLists.txt")
        if allowed is None or not os.path.isfile(os.path.join(ROOT, recipe)):
            continue
        text = re.sub(r"#.*", "", read(recipe))
        for call in re.findall(rf"oq_(?:layer|program)\(\s*{library}\b([^)]*)\)", text):
            for word in call.split():
                if word in libraries and libraries[word].rsplit("/", 1)[-1] not in allowed:
                    yield f"{recipe}: {library} depends on {word}, which {folder} may not see"


def check_private():
    """Nothing in the tree names a home folder."""
    patterns = [re.compile(r"(?<![\w.:])/(?:home|Users)/[a-z]\w*"), re.compile(r"(?<![\w.:/])/root/")]
    for name in tracked():
        if name == "tests/checks/tree.py":
            continue
        try:
            lines = read(name).splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            for pattern in patterns:
                match = pattern.search(line)
                if match:
                    yield f"{name}:{number}: {match.group(0)}: home folder"


def check_shell():
    """Shell scripts have no syntax errors, stop at errors, and please shellcheck."""
    scripts = list(shell_scripts())
    for name in scripts:
        done = subprocess.run(["bash", "-n", name], cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            yield done.stderr.strip()
        if read(name).startswith("#!") and not re.search(r"^set -e?uo? ?|^set -eu", read(name), re.M):
            yield f"{name}:1: no 'set -euo pipefail'"
    if not shutil.which("shellcheck"):
        yield "shellcheck is not installed (scripts/setup)"
        return
    done = subprocess.run(["shellcheck", "-x", "-f", "gcc", *scripts], cwd=ROOT, capture_output=True, text=True)
    yield from done.stdout.splitlines()


def check_python():
    """Python files are syntactically right."""
    for name in tracked(".py"):
        try:
            ast.parse(read(name), name)
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: {error.msg}"


def check_anchor():
    """Every interface of the IDL is kept set up under Wine (docs/decisions/0013), but for the one that clients implement."""
    name = "service/com/stub_pin.c"
    kept = set(re.findall(r"&IID_(\w+)", read(name)))
    for idl in tracked(".idl"):
        for interface in re.findall(r"^interface (\w+)\s*:", read(idl), re.MULTILINE):
            if interface not in kept | {"IBackgroundCopyCallback1"}:
                yield f"{name}: {interface} of {idl} is missing"


PRODUCT = ("service/", "db/", "cli/", "proxy-stub/", "idl/")
MOST_IN_A_CIRCLE = 3


def code_of(name):
    """The text of a C file without comments, strings and preprocessor lines; the lines are counted as before."""
    def emptied(found):
        return '""' if found.group(0)[0] == '"' else " " + "\n" * found.group(0).count("\n")
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', emptied, read(name), flags=re.S)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", emptied, text, flags=re.M)


def functions_of(code):
    """The functions with external linkage that a C file defines: the house style has their brace in the first column."""
    lines = code.splitlines()
    for number, line in enumerate(lines):
        if line != "{":
            continue
        begin = number
        while begin > 0 and lines[begin - 1].strip() and not lines[begin - 1].rstrip().endswith((";", "}")):
            begin -= 1
        head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", " ".join(lines[begin:number]))
        found = re.search(r"\b(\w+)\s*\(", head)
        if found and not re.search(r"\bstatic\b", head):
            yield found.group(1)


def circles(edges):
    """The strongly connected sets of more than one node (Tarjan), each sorted."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            members = []
            while not members or members[-1] != node:
                members.append(stack.pop())
            if len(members) > 1:
                found.append(sorted(members))

    for node in edges:
        if node not in order:
            visit(node)
    return found


def check_circles():
    """Files that call each other in a circle: at most three, and of one folder. Headers do not include in a circle."""
    sources = [name for name in tracked(".c") if name.startswith(PRODUCT)]
    code = {name: code_of(name) for name in sources}
    home = {}
    for name in sources:
        for function in functions_of(code[name]):
            home.setdefault(function, name)
    if len(home) < 3 * len(sources):
        yield f"only {len(home)} functions were found in {len(sources)} files"
    named = {name: set(re.findall(r"(?<!\bstruct )(?<!\benum )\b\w+", code[name])) for name in sources}
    calls = {name: {home[word] for word in named[name] if word in home} - {name} for name in sources}
    for circle in circles(calls):
        folders = {os.path.dirname(name) for name in circle}
        if len(folders) > 1:
            yield f"{circle[0]}: calls in a circle across folders: {' '.join(circle)}"
        elif len(circle) > MOST_IN_A_CIRCLE:
            yield f"{circle[0]}: {len(circle)} files call each other in a circle: {' '.join(circle)}"
    headers = {os.path.basename(name): name for name in tracked(".h") if name.startswith(PRODUCT)}
    includes = {name: {headers[header] for header in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(name), re.M)
                       if header in headers} for name in headers.values()}
    for circle in circles(includes):
        yield f"{circle[0]}: headers include each other: {' '.join(circle)}"


# A pointer compared with NULL where it is a condition: behind if, while, !, && and ||, and before && || and ?. Allowed where it
# becomes a boolean value, and behind an assignment: while ((entry = next()) != NULL).
OPERAND = r"[\w.>*\[\]-]+(?:\([^()=]*\))?"
NULL_COMPARED = re.compile(rf"(?:\b(?:if|while|assert) \(|&& |\|\| )({OPERAND}) [!=]= NULL\b|({OPERAND}) [!=]= NULL(?= (?:&&|\|\||\?))")


def check_style():
    """What CONTRIBUTING.md says of braces and NULL: none round a single statement on a line of its own, none compared with."""
    for name in tracked(".c", ".h"):
        lines = code_of(name).splitlines()
        for number, line in enumerate(lines, 1):
            if NULL_COMPARED.search(line):
                yield f"{name}:{number}: a pointer is compared with NULL"
            # A head that is whole, one statement, and the end without an else.
            if re.match(r"\s*(?:if|for|while) \(.*\) \{$", line) and line.count("(") == line.count(")") and number + 1 < len(lines) \
                    and re.match(r"\s*[\w*(+-].*;$", lines[number]) and re.match(r"\s*\}$", lines[number + 1]):
                yield f"{name}:{number}: braces round a single statement"


# Home-made words, and what the field says instead (docs/glossary.md). In names, comments and pages.
HOME_MADE = {
    r"find the way|asks? the way|length of the way|heed\w*|find_way|ask_way": "path, base RTT; resolve the proxy",
    r"queue of others|who else wants": "cross traffic",
    r"what was allowed|surprise\w*": "advertised window, over-delivery",
    r"dips?|dipp\w*": "drain",
    r"trips?": "RTT",
    r"pace|paces|pacing|oq_pace\w*": "window controller",
    r"oq_delay\w*|oq_budget\w*|oq_plan\w*": "RTT estimator, cross traffic, rate schedule",
    r"blame\w*": "mark source bad",
    r"steps? (?:in|out)|step_(?:in|out)|log-ons?|log_on\w*": "impersonate begin / end, authentication",
    r"doors?|plumbing|arrivals?": "shutdown gate, uncounted objects, activations",
    r"pok(?:e|es|ed|ing)": "retry now",
    r"of late|all the same|anew|whoever|is told|are told|looks at": "plain words",
    r"held up for a while|stopped by an error|waiting for its turn": "waiting to retry, failed, queued",
}


def allowed_words():
    """The lines of words.txt: (path or folder/, word), and which lines gave no reason."""
    allowed, bad = [], []
    for number, line in enumerate(read("tests/checks/words.txt").splitlines(), 1):
        if line and not line.startswith("#"):
            path, word, *reason = line.split(None, 2)
            allowed.append((path, word.lower()))
            if not reason:
                bad.append(number)
    return allowed, bad


def check_words():
    """No word of the list above in names, comments and pages, but for those that words.txt gives a reason for."""
    allowed, bad = allowed_words()
    for number in bad:
        yield f"tests/checks/words.txt:{number}: no reason"
    patterns = [(re.compile(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])", re.I), instead) for pattern, instead in HOME_MADE.items()]
    for name in tracked(".c", ".h", ".idl", ".def", ".py", ".sh", ".md", "CMakeLists.txt"):
        if name.startswith(("docs/decisions/", "bench/results/")) or name in ("tests/checks/tree.py", "docs/glossary.md", "CHANGELOG.md"):
            continue
        for number, line in enumerate(read(name).splitlines(), 1):
            for pattern, instead in patterns:
                for found in pattern.finditer(line):
                    word = found.group(0).lower()
                    if not any((name == path or path.endswith("/") and name.startswith(path)) and word == kept
                               for path, kept in allowed):
                        yield f"{name}:{number}: '{found.group(0)}': the field says {instead}"


def check_parts():
    """What is delivered compiles without the tests: no CMake file outside of tests names that folder but the first one."""
    for name in tracked("CMakeLists.txt", ".cmake"):
        if not name.startswith("tests/") and name != "CMakeLists.txt":
            for number, line in enumerate(read(name).splitlines(), 1):
                if re.search(r"\btests/", line.partition("#")[0]):
                    yield f"{name}:{number}: names tests/"


def check_presets():
    """Warnings are errors in every tree but that of MSYS2, whose compilers are newer than ours."""
    for preset in json.loads(read("CMakePresets.json"))["configurePresets"]:
        value = preset.get("cacheVariables", {}).get("OQ_WERROR", "ON")
        if (value == "OFF") != (preset["name"] == "msys2"):
            yield f"CMakePresets.json:1: OQ_WERROR is {value} in {preset['name']}"


def main(arguments):
    checks = {name[len("check_"):]: check for name, check in globals().items() if name.startswith("check_")}
    if len(arguments) != 1 or arguments[0] not in checks:
        sys.stderr.write(__doc__)
        return 2
    found = list(checks[arguments[0]]())
    for line in found:
        print(line)
    print(f"{arguments[0]}: {len(found)} findings" if found else f"{arguments[0]}: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
