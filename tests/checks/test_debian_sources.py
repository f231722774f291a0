#!/usr/bin/env python3
"""Tests of scripts/lib/debian_sources.py: which of a machine's package sources are Debian's own."""

import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.dont_write_bytecode = True
import debian_sources  # noqa: E402  (the path has to be there first)

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class DebianSources(unittest.TestCase):
    def collect(self, name, text, kind="deb-src"):
        with tempfile.TemporaryDirectory(dir=os.environ.get("OQ_TEST_TMP")) as folder:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                stream.write(text)
            return debian_sources.collect([folder], debian_sources.suites_of("bookworm"), kind)

    def test_deb822__signed_by_debian__kept_as_source(self):
        text = f"Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n" \
               f"Components: main contrib\nSigned-By: {KEYRING}\n"
        self.assertEqual(self.collect("debian.sources", text), [
            f"Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
            f"Components: main\nSigned-By: {KEYRING}\n"])

    def test_deb822__two_stanzas_and_comments__both_kept(self):
        text = f"# c\nTypes: deb deb-src\n# c\nURIs: http://a.example/d\nSuites: bookworm\nComponents: main\n\n\n" \
               f"types: deb\nuris: http://b.example/s\nsuites: bookworm-security\ncomponents: main\nsigned-by: {KEYRING}\n"
        self.assertEqual([stanza.splitlines()[1] for stanza in self.collect("x.sources", text)],
                         ["URIs: http://a.example/d", "URIs: http://b.example/s"])

    def test_deb822__disabled__left_out(self):
        text = "Enabled: no\nTypes: deb\nURIs: http://a.example/d\nSuites: bookworm\nComponents: main\n"
        self.assertEqual(self.collect("x.sources", text), [])

    def test_deb822__several_lines_of_uris__kept_whole(self):
        text = "Types: deb\nURIs: http://a.example/d\n http://b.example/d\nSuites: bookworm\nComponents: main\n"
        self.assertIn("URIs: http://a.example/d\n http://b.example/d\n", self.collect("x.sources", text)[0])

    def test_one_line__options_and_comment__kept_without_architecture(self):
        text = f"deb [arch=amd64 signed-by={KEYRING}] http://a.example/d bookworm main non-free # why\n"
        self.assertEqual(self.collect("sources.list", text), [
            f"Types: deb-src\nURIs: http://a.example/d\nSuites: bookworm\nComponents: main\nSigned-By: {KEYRING}\n"])

    def test_one_line__third_parties__left_out(self):
        text = "deb https://a.example cloud-tools-bookworm main\n" \
               "deb [signed-by=/usr/share/keyrings/other.gpg] https://b.example/d bookworm main\n" \
               "deb https://c.example/d bookworm stable\n" \
               "deb https://d.example/d ./\n" \
               "# deb http://e.example/d bookworm main\n" \
               "deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main\n"
        self.assertEqual(self.collect("third.list", text), [])

    def test_same_entry_twice__kept_once(self):
        text = "deb http://a.example/d bookworm main\ndeb-src http://a.example/d bookworm main\n"
        self.assertEqual(len(self.collect("sources.list", text)), 1)

    def test_type_deb__asked_for__is_that(self):
        text = "deb [arch=amd64] http://a.example/d bookworm main\n"
        self.assertEqual(self.collect("sources.list", text, "deb"),
                         ["Types: deb\nURIs: http://a.example/d\nSuites: bookworm\nComponents: main\n"])


if __name__ == "__main__":
    unittest.main()
