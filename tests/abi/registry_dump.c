/* registry_dump.c: see registry_dump.h. */
#include "registry_dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
    wchar_t *chars;
    size_t used, size;
};

static void *allocate(void *old, size_t size_bytes)
{
    void *memory = realloc(old, size_bytes);

    if (memory == NULL)
        abort();
    return memory;
}

static void append(struct text *text, const wchar_t *chars)
{
    size_t count = wcslen(chars);

    if (text->used + count + 1 > text->size) {
        text->size = (text->used + count + 1) * 2;
        text->chars = allocate(text->chars, text->size * sizeof *text->chars);
    }
    wmemcpy(text->chars + text->used, chars, count + 1);
    text->used += count;
}

static int compare_names(const void *one, const void *two)
{
    return _wcsicmp(*(wchar_t *const *)one, *(wchar_t *const *)two);
}

static void append_value(struct text *text, HKEY key, const wchar_t *name)
{
    DWORD type = 0, size_bytes = 0;
    wchar_t part[32];
    BYTE *bytes;

    RegQueryValueExW(key, name, NULL, &type, NULL, &size_bytes);
    bytes = allocate(NULL, size_bytes + 1);
    RegQueryValueExW(key, name, NULL, &type, bytes, &size_bytes);
    append(text, L"  \"");
    append(text, name);
    swprintf(part, 32, L"\" %lu:", type);
    append(text, part);
    for (DWORD i = 0; i < size_bytes; i++) {
        swprintf(part, 32, L"%02x", (unsigned)bytes[i]);
        append(text, part);
    }
    append(text, L"\n");
    free(bytes);
}

static void append_key(struct text *text, HKEY root, const wchar_t *path)
{
    DWORD subkeys = 0, values = 0, longest_subkey = 0, longest_value = 0, chars;
    wchar_t **names;
    HKEY key;

    if (RegOpenKeyExW(root, path, 0, KEY_READ, &key) != ERROR_SUCCESS)
        return;
    append(text, L"[");
    append(text, path);
    append(text, L"]\n");
    RegQueryInfoKeyW(key, NULL, NULL, NULL, &subkeys, &longest_subkey, NULL, &values, &longest_value,
                     NULL, NULL, NULL);
    names = allocate(NULL, (subkeys + values + 1) * sizeof *names);

    for (DWORD i = 0; i < values; i++) {
        chars = longest_value + 1;
        names[i] = allocate(NULL, chars * sizeof **names);
        if (RegEnumValueW(key, i, names[i], &chars, NULL, NULL, NULL, NULL) != ERROR_SUCCESS)
            wcscpy(names[i], L"");
    }
    qsort(names, values, sizeof *names, compare_names);
    for (DWORD i = 0; i < values; i++) {
        append_value(text, key, names[i]);
        free(names[i]);
    }

    for (DWORD i = 0; i < subkeys; i++) {
        size_t size = wcslen(path) + 1 + longest_subkey + 1;
        size_t start;

        names[i] = allocate(NULL, size * sizeof **names);
        swprintf(names[i], size, L"%ls\\", path);
        start = wcslen(names[i]);
        chars = longest_subkey + 1;
        if (RegEnumKeyExW(key, i, names[i] + start, &chars, NULL, NULL, NULL, NULL) != ERROR_SUCCESS)
            wcscpy(names[i] + start, L"?");
    }
    qsort(names, subkeys, sizeof *names, compare_names);
    for (DWORD i = 0; i < subkeys; i++) {
        append_key(text, root, names[i]);
        free(names[i]);
    }
    free(names);
    RegCloseKey(key);
}

wchar_t *registry_dump(HKEY root, const wchar_t *path)
{
    struct text text = {NULL, 0, 0};

    append(&text, L"");
    append_key(&text, root, path);
    return text.chars;
}

static void copy_line(const wchar_t *from, wchar_t line[200])
{
    size_t i;

    for (i = 0; i < 199 && from[i] != L'\0' && from[i] != L'\n'; i++)
        line[i] = from[i];
    line[i] = L'\0';
}

void registry_dump_diff(const wchar_t *one, const wchar_t *two, wchar_t line_of_one[200],
                        wchar_t line_of_two[200])
{
    size_t line = 0, i = 0;

    while (one[i] != L'\0' && one[i] == two[i]) {
        if (one[i++] == L'\n')
            line = i;
    }
    if (one[i] == two[i]) {
        line_of_one[0] = line_of_two[0] = L'\0';
        return;
    }
    copy_line(one + line, line_of_one);
    copy_line(two + line, line_of_two);
}

unsigned registry_dump_count_keys(const wchar_t *dump)
{
    unsigned count = 0;

    for (const wchar_t *at = dump; at != NULL && *at != L'\0';) {
        count += *at == L'[';
        at = wcschr(at, L'\n');
        if (at != NULL)
            at++;
    }
    return count;
}
