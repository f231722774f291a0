/*
 * registry_dump.h: a part of the registry as text, to see whether two moments are alike.
 *
 * Owns nothing. One line per key and per value, sorted, with type and bytes of every value.
 */
#ifndef OQ_TESTS_ABI_REGISTRY_DUMP_H
#define OQ_TESTS_ABI_REGISTRY_DUMP_H

#include <wchar.h>
#include <windows.h>

/* The key path below root with all below it; an absent key gives an empty text. Never NULL: without
 * memory the program ends. The caller frees it. */
wchar_t *registry_dump(HKEY root, const wchar_t *path);

/* The first line in which the texts differ, from each; both empty when they are alike. Cuts long
 * lines. */
void registry_dump_diff(const wchar_t *one, const wchar_t *two, wchar_t line_of_one[200],
                        wchar_t line_of_two[200]);

/* Number of lines that tell of keys. */
unsigned registry_dump_count_keys(const wchar_t *dump);

#endif
