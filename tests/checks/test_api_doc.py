#!/usr/bin/env python3
"""test_api_doc.py - api_doc.py finds what it is there to find: each fault, put into a small interface, is reported."""

import sys
import unittest

sys.dont_write_bytecode = True  # no __pycache__ beside the sources
import api_doc
import known_tests

GOOD = '''\
/**
 * @brief Constants.
 * @value LIMIT the most there can be. [H]
 */
cpp_quote("#define LIMIT 7")

/**
 * @brief A thing.
 * @rule(works) It works. [OpenQMGR]
 */
[
    object,
    uuid(32d554ad-f0d5-4500-9e33-29d128098766)
]
interface IThing : IUnknown
{
    /**
     * @brief Does it.
     * @param count how often, and
     *     not more. [D: nf-qmgr-thing-do]
     * @param out receives it. [COM]
     * @return S_OK done. [H]
     * @return E_FAIL not done. [decision D1]
     */
    HRESULT Do(
        [in] DWORD count,
        [out, size_is(count)] DWORD *out);
}
'''

KNOWN = {"thing__used__works": "tests/x/test_thing.c", "conformance 1": "tests/conformance/check.c",
         "thing__twice__is_two": "tests/x/test_a.c and tests/x/test_b.c"}
TEST = "/* Shows IThing.works IThing::Do.count .out LIMIT */\nstatic void thing__used__works(void **state)\n"
CONFORMANCE = "    /* Shows IThing::Do.S_OK\n     * .E_FAIL */\n    report(1, true);\n"


def look_at(text, test=TEST, conformance=CONFORMANCE):
    """(findings, declarations) of a file with that text, and of two files of tests."""
    findings = api_doc.Findings()
    reader = api_doc.Reader(findings)
    sources = {"idl/thing.idl": text, "tests/x/test_thing.c": test, "tests/conformance/check.c": conformance}
    original = api_doc.read, known_tests.read, known_tests.files
    api_doc.read = known_tests.read = lambda name: sources[name]
    known_tests.files = lambda pattern: [name for name in sources if name.endswith(".c")] if pattern.endswith(".c") else []
    try:
        reader.file("idl/thing.idl")
        shown_by = known_tests.shown(KNOWN, findings)
    finally:
        api_doc.read, known_tests.read, known_tests.files = original
    api_doc.check_all(reader.top, shown_by, {"D1"}, findings)
    return findings, reader.top


class Faults(unittest.TestCase):
    def expect(self, old, new, *words):
        self.assertIn(old, GOOD + TEST + CONFORMANCE)
        findings, _ = look_at(GOOD.replace(old, new, 1), TEST.replace(old, new, 1), CONFORMANCE.replace(old, new, 1))
        self.assertTrue(findings, f"nothing was found after {old!r} -> {new!r}")
        for word in words:
            self.assertTrue(any(word in finding for finding in findings), f"{word!r} is not in {findings}")

    def test_nothing_wrong(self):
        self.assertEqual(look_at(GOOD)[0], [])

    def test_method_without_comment(self):
        start, end = GOOD.index("    /**"), GOOD.index("    HRESULT")
        self.expect(GOOD[start:end], "", "Do: no comment")

    def test_constant_without_statement(self):
        self.expect("LIMIT the most", "LIMITS the most", "LIMIT has no @value", "@value LIMITS: there is no such value")

    def test_parameter_without_statement(self):
        self.expect("     * @param out receives it. [COM]\n", "", "the parameter out has no @param")

    def test_statement_about_no_parameter(self):
        self.expect("@param count", "@param number", "@param number: there is no such parameter")

    def test_parameters_in_another_order(self):
        self.expect("[in] DWORD count,\n        [out, size_is(count)] DWORD *out",
                    "[out] DWORD *out,\n        [in] DWORD count", "the order")

    def test_no_source(self):
        self.expect("receives it. [COM]", "receives it.", "@param out: no source")

    def test_source_that_is_none(self):
        self.expect("[D: nf-qmgr-thing-do]", "[D: Some Page]", "is no page")
        self.expect("[decision D1]", "[decision D99]", "has no decision D99")

    def test_no_test(self):
        self.expect("IThing::Do.S_OK\n     * .E_FAIL", "IThing::Do.E_FAIL", "no test says that it shows IThing::Do.S_OK")

    def test_test_of_no_statement(self):
        self.expect(".out", ".in", "thing__used__works shows IThing::Do.in, which nobody states", "no test says")

    def test_test_that_does_not_exist(self):
        self.expect("void thing__used__works", "void thing__lost__is_gone", "there is no test 'thing__lost__is_gone'")
        self.expect("report(1,", "report(2,", "there is no test 'conformance 2'")
        self.expect("static void thing__used__works(void **state)", "int x;", "there is no test '?'")

    def test_test_that_is_there_twice(self):
        self.expect("void thing__used__works", "void thing__twice__is_two", "which one is meant")

    def test_rule_without_label(self):
        self.expect("@rule(works)", "@rule", "a @rule has a label")

    def test_two_statements_of_one_name(self):
        self.expect("@return E_FAIL not", "@return S_OK not", "is the name of another statement")

    def test_results(self):
        text = "     * @return S_OK done. [H]\n"
        self.expect(text, "     * @return E_ABORT first. [H]\n" + text, "S_OK comes first")
        both = GOOD[GOOD.index("     * @return S_OK"):GOOD.index("     */\n    HRESULT")]
        self.expect(both, "", "Do: no @return")

    def test_brief_with_a_promise(self):
        self.expect("@brief Does it.", "@brief Does it. [H]", "make it a @rule")

    def test_no_brief(self):
        self.expect("     * @brief Does it.\n", "", "one @brief is wanted")

    def test_tag_that_is_none(self):
        self.expect("@rule(works) It works", "@rules It works", "@rules is no tag")

    def test_statement_that_says_nothing(self):
        self.expect("out receives it. [COM]", "out [COM]", "says nothing")

    def test_comment_about_nothing(self):
        self.expect("/**\n * @brief A thing.", "/**\n * @brief Lost.\n */\n/**\n * @brief A thing.", "documents nothing")

    def test_declaration_of_an_unknown_kind(self):
        self.expect("    HRESULT Do(", "    DWORD Do(", "not understood")


class Writing(unittest.TestCase):
    def test_page_has_everything(self):
        _, declarations = look_at(GOOD)
        page = api_doc.page(declarations, KNOWN)
        for words in ("## IThing", "{32d554ad-f0d5-4500-9e33-29d128098766}", "### IThing::Do", "Slot 3 of the vtable",
                      "HRESULT Do([in] DWORD count, [out, size_is(count)] DWORD *out);",
                      "- `count` (in): how often, and not more.", "*nf-qmgr-thing-do*; shown by `thing__used__works`",
                      "- `LIMIT` (7): the most there can be.", "- [tests/x/test_thing.c](../tests/x/test_thing.c)",
                      "learn.microsoft.com/windows/win32/api/qmgr/nf-qmgr-thing-do"):
            self.assertIn(words, page)


class Tests(unittest.TestCase):
    def test_tests_of_the_tree(self):
        known = known_tests.known_tests()
        for name in ("transition__every_state_and_event__is_as_the_contract_says",  # plain
                     "enum_jobs_next__all_there__gives_them",  # defined by a macro
                     "bits__table_of_section_7", "conformance 71", "conformance D15", "e2e refusals: 404"):
            self.assertIsNone(known_tests.problem_with(name, known))

    def test_assertion_that_is_only_skipped(self):
        self.assertNotIn("conformance 80", known_tests.known_tests())


if __name__ == "__main__":
    unittest.main()
