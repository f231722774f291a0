/* win_support.c - see test_win.h. */
#include "test_win.h"

#include "oq_alloc.h"
#include "oq_utf.h"

const wchar_t *wide(const char *text)
{
    static wchar_t ring[8][1024];
    static unsigned next;
    wchar_t *place = ring[next++ % COUNT_OF(ring)];
    wchar_t *converted = NULL;
    assert_int_equal(oq_utf8_to_16(text, &converted, NULL), OQ_OK);
    assert_true(wcslen(converted) < COUNT_OF(ring[0]));
    wcscpy(place, converted);
    oq_free(converted);
    return place;
}

const char *tmp_folder(void)
{
    static char folder[512];
    if (!folder[0]) {
        const char *base = getenv("OQ_TEST_TMP");
        snprintf(folder, sizeof folder, "%s\\", base ? base : "C:");
        for (char *c = folder; *c; c++)
            if (*c == '/')
                *c = '\\';
    }
    return folder;
}

const char *tmp_path(const char *fmt, ...)
{
    static char ring[8][1024];
    static unsigned next;
    char *place = ring[next++ % COUNT_OF(ring)];
    va_list args;
    int length = snprintf(place, sizeof ring[0], "%s", tmp_folder());
    va_start(args, fmt);
    vsnprintf(place + length, sizeof ring[0] - (size_t)length, fmt, args);
    va_end(args);
    return place;
}

/* Long and odd names are part of the tests, so everything goes by the \\?\ form. */
static const wchar_t *raw(const char *path)
{
    char text[1100];
    snprintf(text, sizeof text, "\\\\?\\%s", path);
    for (char *c = text; *c; c++)
        if (*c == '/')
            *c = '\\';
    return wide(text);
}

void put_file(const char *path, const char *text)
{
    DWORD done = 0;
    HANDLE file =
        CreateFileW(raw(path), GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    assert_true(file != INVALID_HANDLE_VALUE);
    assert_true(WriteFile(file, text, (DWORD)strlen(text), &done, NULL));
    CloseHandle(file);
}

const char *get_file(const char *path)
{
    static char text[8192];
    DWORD done = 0;
    HANDLE file =
        CreateFileW(raw(path), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return NULL;
    assert_true(ReadFile(file, text, sizeof text - 1, &done, NULL));
    CloseHandle(file);
    text[done] = '\0';
    return text;
}

DWORD attributes_of(const char *path)
{
    return GetFileAttributesW(raw(path));
}

static void delete_tree(const char *path)
{
    DWORD attributes = attributes_of(path);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return;
    SetFileAttributesW(raw(path), FILE_ATTRIBUTE_NORMAL);
    if (!(attributes & FILE_ATTRIBUTE_DIRECTORY)) {
        DeleteFileW(raw(path));
        return;
    }
    if (!(attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
        char pattern[1100], child[1100];
        WIN32_FIND_DATAW found;
        snprintf(pattern, sizeof pattern, "%s\\*", path);
        HANDLE search = FindFirstFileW(raw(pattern), &found);
        while (search != INVALID_HANDLE_VALUE) {
            char *name = NULL;
            assert_int_equal(oq_utf16_to_8(found.cFileName, SIZE_MAX, &name), OQ_OK);
            if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
                snprintf(child, sizeof child, "%s\\%s", path, name);
                delete_tree(child);
            }
            oq_free(name);
            if (!FindNextFileW(search, &found))
                break;
        }
        if (search != INVALID_HANDLE_VALUE)
            FindClose(search);
    }
    RemoveDirectoryW(raw(path));
}

const char *fresh_folder(const char *path)
{
    delete_tree(path);
    assert_true(CreateDirectoryW(raw(path), NULL));
    return path;
}

unsigned count_entries(const char *folder)
{
    char pattern[1100];
    WIN32_FIND_DATAW found;
    unsigned count = 0;
    snprintf(pattern, sizeof pattern, "%s\\*", folder);
    HANDLE search = FindFirstFileW(raw(pattern), &found);
    if (search == INVALID_HANDLE_VALUE)
        return 0;
    do
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0)
            count++;
    while (FindNextFileW(search, &found));
    FindClose(search);
    return count;
}
