/* test_win.h - what every test of service/win includes: CMocka with the headers it wants before it,
 * Windows, scratch paths. */
#ifndef TEST_WIN_H
#define TEST_WIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <windows.h>

#include "oq_status.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Asserts a status, and shows the error's text when it is another one. */
#define assert_status(wanted, got, err)                                                            \
    do {                                                                                           \
        enum oq_status status_ = (got);                                                            \
        if (status_ != (wanted))                                                                   \
            print_error("%s: %s (%u)\n", oq_status_name(status_), (err)->text,                     \
                        (unsigned)(err)->win32);                                                   \
        assert_string_equal(oq_status_name(status_), oq_status_name(wanted));                      \
    } while (0)

/* Fills an output argument with nonsense, to see whether it is written. */
#define fill_with_nonsense(value) memset(&(value), 0x5a, sizeof(value))

/* The test's own folder with backslashes, ending in one; static. */
const char *tmp_folder(void);

/* tmp_folder() + printf; static, eight of them in turn. */
const char *tmp_path(const char *fmt, ...) OQ_PRINTF(1, 2);

/* UTF-16 of a UTF-8 text; static, eight of them in turn. */
const wchar_t *wide(const char *text);

/* Creates a file with that text, replacing what was there. */
void put_file(const char *path, const char *text);

/* The first bytes of the file as text, or NULL if it is not there; static. */
const char *get_file(const char *path);

/* INVALID_FILE_ATTRIBUTES if it is not there. */
DWORD attributes_of(const char *path);

/* Deletes the folder with everything in it, without following links, and creates it empty. Returns
 * path. */
const char *fresh_folder(const char *path);

/* How many entries the folder has. */
unsigned count_entries(const char *folder);

#endif
