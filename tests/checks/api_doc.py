#!/usr/bin/env python3
"""api_doc.py - makes docs/api.md from the comments of idl/*.idl, and checks them.

usage: api_doc.py            checks; fails if docs/api.md is not what the comments say
       api_doc.py --write    writes docs/api.md

The head of idl/openqmgr.idl says how the comments are written. It is an error when a declaration has no comment, a
parameter no @param, or a statement no source; when no test shows a statement, or one says that it shows what nobody
states (known_tests.py: "Shows").
"""

import os
import re
import sys
import textwrap

sys.dont_write_bytecode = True  # no __pycache__ beside the sources
from known_tests import ROOT, known_tests, read, shown, sort_key

SOURCE = "idl/openqmgr.idl"
PAGE = "docs/api.md"
DECISIONS = "docs/compat.md"
OURS = "idl/openqmgr_extension.idl"  # the source of its statements is said once, in its head
COMMAND = "python3 tests/checks/api_doc.py --write"
WIDTH = 118

TAGS = {"brief": False, "param": True, "field": True, "value": True, "return": True, "rule": False}  # has a name?
SOURCES = re.compile(r"((?:\s*\[(?:D: [^\]]+|H|COM|OpenQMGR|decision [^\]]+)\])+)\Z")
MICROSOFT = re.compile(r"D: ((?:n[nfse]-(?:qmgr|bits)-[a-z0-9_-]+)|[a-z][a-z0-9-]+|win32 [\w/-]+)\Z")


class Findings(list):
    def add(self, where, what):
        self.append(f"{where[0]}:{where[1]}: {what}")


class Statement:
    def __init__(self, where, tag, label, text):
        self.where, self.tag, self.label, self.name, self.text = where, tag, label, "", text
        self.id, self.sources, self.tests = "", [], []

    def finish(self):
        """Takes the sources off the end, and the name off the beginning."""
        found = SOURCES.search(self.text)
        if found:
            self.sources = re.findall(r"\[([^\]]+)\]", found.group(1))
            self.text = self.text[:found.start()]
        if TAGS[self.tag]:
            self.name, _, self.text = self.text.partition(" ")
        # The word in parentheses belongs to the code: 0x80200003 (BG_E_EMPTY).
        if self.tag == "return" and self.text.startswith("("):
            word, _, self.text = self.text.partition(") ")
            self.name += " " + word + ")"


class Block:
    """A documentation comment."""

    def __init__(self, where, body, findings):
        self.where, self.statements = where, []
        for number, line in enumerate(body.split("\n"), where[1]):
            line = re.sub(r"^\s*\* ?", "", line).rstrip()
            found = re.match(r"@(\w+)(?:\(([a-z0-9-]+)\))? ?(.*)", line)
            at = (where[0], number)
            if found and found.group(1) in TAGS:
                self.statements.append(Statement(at, *found.groups()))
            elif found:
                findings.add(at, f"@{found.group(1)} is no tag")
            elif line.startswith("    ") and self.statements:
                self.statements[-1].text += " " + line.strip()
            elif line.strip():
                findings.add(at, "a line that belongs to no statement: indent it by four spaces")
        for statement in self.statements:
            statement.finish()

    def of(self, tag):
        return [statement for statement in self.statements if statement.tag == tag]

    @property
    def brief(self):
        return " ".join(statement.text for statement in self.of("brief"))


class Declaration:
    def __init__(self, kind, name, where, block, **facts):
        self.kind, self.name, self.where, self.block = kind, name, where, block
        self.members, self.parameters, self.inner = [], [], []
        self.attributes = ""
        self.__dict__.update(facts)


# --- reading ------------------------------------------------------------------------------------------------------------------

def split_parameters(text):
    """'[in] DWORD a, [out, size_is(a)] GUID *b' -> the parts between the commas that separate parameters."""
    parts, depth, part = [], 0, ""
    for character in text:
        depth += (character in "[(") - (character in "])")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [re.sub(r"\s+", " ", part).strip() for part in parts + [part] if part.strip()]


class Reader:
    """One walk over a file and those it includes. What is not understood is an error, so that nothing is left out."""

    ATTRIBUTES = r"(?:\[(?P<attributes>[^{};]*?)\]\s*)?"
    FORMS = [
        ("include", re.compile(r'#include "(?P<name>[^"]+)"')),
        ("import", re.compile(r'import "[^"]+";')),
        ("constant", re.compile(r'cpp_quote\("#define (?P<name>\w+) (?P<value>\w+)"\)')),
        ("other", re.compile(r'cpp_quote\("[^"]*"\)|interface \w+;')),
        ("interface", re.compile(ATTRIBUTES + r"interface (?P<name>\w+) : (?P<base>\w+)\s*\{")),
        ("class", re.compile(ATTRIBUTES + r"coclass (?P<name>\w+)\s*\{(?P<body>[^}]*)\}")),
        ("struct", re.compile(r"typedef struct \w+\s*\{(?P<body>[^}]*)\}\s*(?P<name>\w+);")),
        ("enum", re.compile(r"typedef (?:\[[^\]]*\] )?enum \w+\s*\{(?P<body>[^}]*)\}\s*(?P<name>\w+);")),
        ("method", re.compile(ATTRIBUTES + r"HRESULT (?P<name>\w+)\((?P<body>[^;]*)\);", re.S)),
        ("end", re.compile(r"\}")),
    ]

    def __init__(self, findings):
        self.findings = findings
        self.top = []
        self.scope = None

    def file(self, name):
        text = read(name)
        at, block = 0, None
        while True:
            at = re.compile(r"\s*").match(text, at).end()
            if at == len(text):
                break
            where = (name, text.count("\n", 0, at) + 1)
            comment = re.compile(r"/\*(\*?)(.*?)\*/", re.S).match(text, at)
            if comment:
                if comment.group(1) and block:
                    self.findings.add(block.where, "documents nothing: another comment follows it")
                block = Block(where, comment.group(2), self.findings) if comment.group(1) else block
                at = comment.end()
                continue
            kind, found = self.recognise(text, at)
            if not found:
                self.findings.add(where, "not understood: " + text[at:at + 40].split("\n")[0])
                break
            self.take(kind, found, where, block, os.path.dirname(name))
            at, block = found.end(), None

    def recognise(self, text, at):
        for kind, form in self.FORMS:
            found = form.match(text, at)
            if found:
                return kind, found
        return None, None

    def take(self, kind, found, where, block, folder):
        facts = found.groupdict()
        if kind == "include":
            self.file(folder + "/" + facts["name"])
        elif kind == "import" and block:
            self.top.append(Declaration("general", "Rules for every method", where, block))
        elif kind == "constant":
            if block or not self.top or self.top[-1].kind != "constants":
                self.top.append(Declaration("constants", facts["name"], where, block))
            self.top[-1].members.append((facts["name"], facts["value"]))
        elif kind == "end":
            self.scope = None
        elif kind in ("interface", "class", "struct", "enum", "method"):
            self.declare(Declaration(kind, facts["name"], where, block, attributes=facts.get("attributes") or ""), facts)

    def declare(self, new, facts):
        body = re.sub(r"\s+", " ", facts.get("body") or "").strip()
        if new.kind == "method":
            new.parameters = split_parameters(body)
        elif new.kind == "struct":
            new.members = [(field.split()[-1].lstrip("*").partition("[")[0], field) for field in body.rstrip(";").split("; ")]
        elif new.kind == "enum":
            new.members = [tuple(item.split(" = ")) for item in body.split(", ")]
        elif new.kind == "class":
            new.base = re.search(r"interface (\w+)", body).group(1)
        elif new.kind == "interface":
            new.base = facts["base"]
        if self.scope and new.kind in ("method", "struct", "enum"):
            self.scope.inner.append(new)
        else:
            self.top.append(new)
        if new.kind == "interface":
            self.scope = new


def parameter_name(parameter):
    return re.search(r"(\w+)$", parameter).group(1)


# --- checking -----------------------------------------------------------------------------------------------------------------

NAMED_BY = {"method": "param", "struct": "field", "enum": "value", "constants": "value"}
WORD = {"param": "parameter", "field": "member", "value": "value"}


def check_names(declaration, findings):
    """Each parameter, member and value has its statement, in order, and there are no others."""
    tag = NAMED_BY.get(declaration.kind)
    for statement in declaration.block.statements:
        if statement.tag in WORD and statement.tag != tag:
            findings.add(statement.where, f"@{statement.tag} does not belong to a {declaration.kind}")
    if not tag:
        return
    wanted = [parameter_name(p) for p in declaration.parameters] or [name for name, _ in declaration.members]
    given = [statement.name for statement in declaration.block.of(tag)]
    for name in wanted:
        if name not in given:
            findings.add(declaration.where, f"{declaration.name}: the {WORD[tag]} {name} has no @{tag}")
    for name in given:
        if name not in wanted:
            findings.add(declaration.where, f"{declaration.name}: @{tag} {name}: there is no such {WORD[tag]}")
    if sorted(wanted) == sorted(given) and wanted != given:
        findings.add(declaration.where, f"{declaration.name}: the order of the @{tag} is another than that of the declaration")


def check_results(declaration, findings):
    results = declaration.block.of("return")
    if declaration.kind != "method":
        for statement in results:
            findings.add(statement.where, f"@return does not belong to a {declaration.kind}")
    elif not results:
        findings.add(declaration.where, f"{declaration.name}: no @return")
    elif any(r.name == "S_OK" for r in results) and results[0].name != "S_OK":
        findings.add(results[0].where, f"{declaration.name}: S_OK comes first")


def name_statements(declarations, findings, outer=""):
    """Gives each statement the name by which tests say that they show it; the same as the head of openqmgr.idl says."""
    for declaration in declarations:
        name = "all" if declaration.kind == "general" else outer + declaration.name
        for statement in declaration.block.statements if declaration.block else []:
            item = statement.label or statement.name.split(" ")[0]
            if not item and statement.tag == "rule":
                findings.add(statement.where, "a @rule has a label: @rule(some-words)")
            statement.id = item if statement.tag == "value" else f"{name}.{item}"
        name_statements(declaration.inner, findings, name + "::" if declaration.kind == "interface" else outer)


def check_statement(statement, shown_by, decisions, findings):
    if not statement.text.strip():
        findings.add(statement.where, f"@{statement.tag} {statement.name} says nothing")
    if statement.tag == "brief":
        if statement.sources:
            findings.add(statement.where, "a @brief promises nothing, so it has no source: make it a @rule")
        return
    label = f"@{statement.tag} {statement.name}".rstrip()
    if not statement.sources and statement.where[0] == OURS:
        statement.sources = ["OpenQMGR"]
    if not statement.sources:
        findings.add(statement.where, f"{label}: no source")
    for source in statement.sources:
        if source.startswith("D:") and not MICROSOFT.match(source):
            findings.add(statement.where, f"{label}: [{source}] is no page")
        if source.startswith("decision ") and source[len("decision "):] not in decisions:
            findings.add(statement.where, f"{label}: {DECISIONS} has no {source}")
    statement.tests = sorted((test for test, _ in shown_by.get(statement.id, [])), key=sort_key)
    if not statement.tests:
        findings.add(statement.where, f"{label}: no test says that it shows {statement.id}")


def spread(declarations, shown_by):
    """What shows all parameters, members or values of a declaration (NAME.*) shows each."""
    for statement in all_statements(declarations):
        everything = statement.id.rpartition(".")[0] + ".*"
        if statement.tag in WORD and everything in shown_by:
            shown_by.setdefault(statement.id, []).extend(shown_by[everything])
            yield everything


def check_names_of_statements(declarations, shown_by, findings):
    """Each name belongs to one statement, and each that a test gives to some."""
    seen = set(spread(declarations, shown_by))
    for statement in all_statements(declarations):
        if statement.id in seen:
            findings.add(statement.where, f"{statement.id} is the name of another statement too: give it a label, @{statement.tag}(some-words)")
        seen.add(statement.id)
    for name in shown_by:
        for test, where in shown_by[name] if name not in seen else []:
            findings.add(where, f"{test} shows {name}, which nobody states")


def check_all(declarations, shown_by, decisions, findings):
    name_statements(declarations, findings)
    check_names_of_statements(declarations, shown_by, findings)
    check(declarations, shown_by, decisions, findings)


def check(declarations, shown_by, decisions, findings):
    for declaration in declarations:
        if not declaration.block:
            findings.add(declaration.where, f"{declaration.name}: no comment that documents it")
        else:
            if len(declaration.block.of("brief")) != 1:
                findings.add(declaration.block.where, f"{declaration.name}: one @brief is wanted")
            check_names(declaration, findings)
            check_results(declaration, findings)
            for statement in declaration.block.statements:
                check_statement(statement, shown_by, decisions, findings)
        check(declaration.inner, shown_by, decisions, findings)


def read_decisions():
    """The decisions that docs/compat.md explains: items that begin with "- **D15** "."""
    return set(re.findall(r"^- \*\*([AD][.\d]+)\*\* ", read(DECISIONS), re.M))


# --- writing ------------------------------------------------------------------------------------------------------------------

def wrap(text, indent="", first=None):
    return textwrap.fill(text, WIDTH, initial_indent=first if first is not None else indent, subsequent_indent=indent,
                         break_long_words=False, break_on_hyphens=False)


def code_names(text):
    """Constants, interfaces and method names as code."""
    words = r"\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|0x[0-9A-F]{8}|I[A-Z]\w+::\w+|I(?:BackgroundCopy|Enum|OpenQmgr)\w+|GUID_NULL|S_OK)\b"
    return re.sub(words, r"`\g<0>`", text)


def source_words(source):
    return source[2:].strip() if source.startswith("D:") else source.replace("decision ", "")


def test_words(test):
    return f"`{test}`"


def statement_lines(statement, label):
    text = code_names(statement.text)
    yield wrap(f"{label}{text}", "  ", "- ")
    sources = ", ".join(source_words(source) for source in statement.sources)
    tests = ", ".join(test_words(test) for test in statement.tests)
    yield wrap(f"*{sources}*; shown by {tests}", "    ", "  - ")


def statements_of(block, tag, title, label):
    found = block.of(tag)
    if found:
        yield f"{title}:\n"
        for statement in found:
            yield from statement_lines(statement, label(statement))
        yield ""


def signature(method):
    plain = f"HRESULT {method.name}({', '.join(method.parameters)});"
    if len(plain) <= 100:
        return plain
    return f"HRESULT {method.name}(\n    " + ",\n    ".join(method.parameters) + ");"


def anchor(heading):
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def uuid(declaration):
    return re.search(r"uuid\(([0-9a-f-]+)\)", declaration.attributes).group(1)


def value_label(declaration):
    numbers = dict(declaration.members)
    return lambda statement: f"`{statement.name}` ({numbers.get(statement.name, '?')}): "


def method_lines(interface, method, slot):
    yield f"### {interface.name}::{method.name}\n"
    yield wrap(code_names(method.block.brief)) + "\n"
    yield f"```c\n{signature(method)}\n```\n"
    yield f"Slot {slot} of the vtable{', shared with SetProp' if 'call_as' in method.attributes else ''}.\n"
    direction = {parameter_name(p): re.match(r"\[(in|out)", p).group(1) for p in method.parameters}
    yield from statements_of(method.block, "param", "Parameters", lambda s: f"`{s.name}` ({direction.get(s.name)}): ")
    yield from statements_of(method.block, "return", "Results", lambda s: f"`{s.name}`: ")
    yield from statements_of(method.block, "rule", "Rules", lambda s: "")


def type_lines(declaration, level):
    yield f"{level} {declaration.name}\n"
    yield wrap(code_names(declaration.block.brief)) + "\n"
    if declaration.kind == "struct":
        yield "```c\n" + "\n".join(f"{field};" for _, field in declaration.members) + "\n```\n"
    yield from statements_of(declaration.block, "rule", "Rules", lambda s: "")
    yield from statements_of(declaration.block, "field", "Members", lambda s: f"`{s.name}`: ")
    yield from statements_of(declaration.block, "value", "Values", value_label(declaration))


def interface_lines(interface):
    yield f"## {interface.name}\n"
    yield wrap(code_names(interface.block.brief)) + "\n"
    yield f"IID `{{{uuid(interface)}}}`, derived from {interface.base}.\n"
    methods = [inner for inner in interface.inner if inner.kind == "method"]
    for method in methods:
        heading = f"{interface.name}::{method.name}"
        yield f"- [{method.name}](#{anchor(heading)})"
    yield ""
    yield from statements_of(interface.block, "rule", "Rules", lambda s: "")
    for inner in interface.inner:
        if inner.kind != "method":
            yield from type_lines(inner, "###")
    slot = 2
    for method in methods:
        slot += "call_as" not in method.attributes
        yield from method_lines(interface, method, slot)


def class_lines(declarations):
    yield "## Classes\n"
    for declaration in declarations:
        yield f"### {declaration.name}\n"
        yield wrap(code_names(declaration.block.brief)) + "\n"
        yield f"CLSID `{{{uuid(declaration)}}}`, a local server; its objects have `{declaration.base}`.\n"
        yield from statements_of(declaration.block, "rule", "Rules", lambda s: "")


def all_statements(declarations):
    for declaration in declarations:
        if declaration.block:
            yield from (statement for statement in declaration.block.statements if statement.tag != "brief")
        yield from all_statements(declaration.inner)


def address(page):
    """Where Microsoft publishes the page, or None."""
    base = "https://learn.microsoft.com/windows/win32/"
    kind = re.match(r"n[nfse]-(qmgr|bits)-", page)
    if kind:
        return f"{base}api/{kind.group(1)}/{page}"
    return base + (page[len("win32 "):].lower() if page.startswith("win32 ") else f"bits/{page}")


def source_lines(declarations):
    pages = sorted({source_words(source) for statement in all_statements(declarations) for source in statement.sources
                    if source.startswith("D:")} | {"win32 com/memory-management-rules"})
    yield "## Microsoft's pages\n"
    yield "Named above by their files, without the extension.\n"
    for page in pages:
        yield f"- [{page}]({address(page)})"
    yield ""


def test_lines(declarations, known):
    cited = {test for statement in all_statements(declarations) for test in statement.tests}
    by_file = {}
    for test in cited:
        by_file.setdefault(known.get(test, "?"), []).append(test)
    yield "## Tests\n"
    yield "Where the tests named above are. `scripts/test NAME` runs those whose program has NAME in its name.\n"
    for name in sorted(by_file):
        tests = ", ".join(test_words(test) for test in sorted(by_file[name], key=sort_key))
        yield wrap(f"[{name}](../{name}): {tests}", "  ", "- ")
    yield ""


INTRODUCTION = """\
<!-- Made from idl/*.idl by tests/checks/api_doc.py; do not edit. To make it again:
     python3 tests/checks/api_doc.py --write -->
# The interfaces

Everything a program can ask of OpenQMGR. The QMGR interfaces are those of Microsoft's `qmgr.h`, slot for slot;
[IOpenQmgrManager](#iopenqmgrmanager) and [IOpenQmgrGroup](#iopenqmgrgroup) are our additions. [`examples/first.c`](../examples/first.c) is a first program, and
[compat.md](compat.md) lists what differs from Microsoft's documentation.

Under each statement stands where it comes from, and which test shows it:

- *nf-qmgr-...*, *ne-qmgr-...* and the like: Microsoft's page of that name, see [the list](#microsofts-pages);
- *H*: the header `qmgr.h`; *COM*: COM's rules for memory;
- *D15*, *A.1*: a decision of this project where the documentation is silent or another behaviour is better, see
  [compat.md](compat.md#decisions);
- *OpenQMGR*: our own extension;
- `subject__circumstance__outcome`: a CMocka test; `conformance 71`: the line of that name of `qmgr_conformance`, a
  client in another process; `e2e survival: ...`: a check of an end-to-end test. [The list](#tests) says where each is.
"""


def page(declarations, known):
    lines = [INTRODUCTION]
    order = [d for d in declarations if d.kind == "interface"]
    front = ["IBackgroundCopyQMgr", "IBackgroundCopyGroup", "IBackgroundCopyJob1"]
    order.sort(key=lambda d: front.index(d.name) if d.name in front else len(front))
    lines.append("| interface | for |\n|---|---|")
    for interface in order:
        lines.append(f"| [{interface.name}](#{anchor(interface.name)}) | {code_names(interface.block.brief)} |")
    lines.append("")
    for declaration in declarations:
        if declaration.kind == "general":
            lines.append(f"## {declaration.name}\n")
            lines.append(wrap(declaration.block.brief) + "\n")
            lines += statements_of(declaration.block, "rule", "Rules", lambda s: "")
    for interface in order:
        lines += interface_lines(interface)
    lines.append("## Other types\n")
    for declaration in declarations:
        if declaration.kind in ("enum", "struct"):
            lines += type_lines(declaration, "###")
    lines.append("## Constants\n")
    for declaration in declarations:
        if declaration.kind == "constants":
            lines.append(wrap(code_names(declaration.block.brief)) + "\n")
            lines += statements_of(declaration.block, "value", "Values", value_label(declaration))
    lines += class_lines([d for d in declarations if d.kind == "class"])
    lines += source_lines(declarations)
    lines += test_lines(declarations, known)
    return "\n".join(lines).rstrip() + "\n"


# --- main ---------------------------------------------------------------------------------------------------------------------

def main(arguments):
    if arguments not in ([], ["--write"]):
        sys.stderr.write(__doc__)
        return 2
    findings = Findings()
    known = known_tests()
    reader = Reader(findings)
    reader.file(SOURCE)
    check_all(reader.top, shown(known, findings), read_decisions(), findings)
    methods = sum(inner.kind == "method" for top in reader.top for inner in top.inner)
    if not findings:
        made = page(reader.top, known)
        if arguments:
            with open(os.path.join(ROOT, PAGE), "w", encoding="utf-8") as stream:
                stream.write(made)
        elif not os.path.isfile(os.path.join(ROOT, PAGE)) or read(PAGE) != made:
            findings.append(f"{PAGE}: not what the comments of idl/*.idl say; make it again: {COMMAND}")
    for line in findings:
        print(line)
    statements = list(all_statements(reader.top))
    tests = {test for statement in statements for test in statement.tests}
    print(f"{methods} methods, {len(statements)} statements, {sum(bool(s.tests) for s in statements)} of them with a test, "
          f"{len(tests)} tests; {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
