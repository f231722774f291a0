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

    if (!memory)
        abort();
    return memory;
}

static void append(struct text *text, const wchar_t *chars)
{
    size_t count = wcslen(chars);

    if (!text->chars || text->used + count + 1 > text->size) {
        text->size = (text->used + count + 1) * 2;
        text->chars = allocate(text->chars, text->size * sizeof *text->chars);
    }
    wmemcpy(text->chars + text->used, chars, count + 1);
    text->used += count;
}

static int compare_texts(const void *one, const void *two)
{
    return _wcsicmp(*(wchar_t *const *)one, *(wchar_t *const *)two);
}

/* A growing list of texts, sorted on demand: the registry promises no order. */
struct list {
    wchar_t **texts;
    size_t count, size;
};

static void list_add(struct list *list, const wchar_t *text)
{
    if (list->count == list->size) {
        list->size = list->size * 2 + 16;
        list->texts = allocate(list->texts, list->size * sizeof *list->texts);
    }
    list->texts[list->count] = allocate(NULL, (wcslen(text) + 1) * sizeof *text);
    wcscpy(list->texts[list->count++], text);
}

static void list_sort(struct list *list)
{
    if (list->count > 1)
        qsort(list->texts, list->count, sizeof *list->texts, compare_texts);
}

static void list_release(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->texts[i]);
    free(list->texts);
}

/* One line: name, type, bytes. */
static void value_line(struct text *line, const wchar_t *name, DWORD type, const BYTE *bytes,
                       DWORD size_bytes)
{
    static const wchar_t digits[] = L"0123456789abcdef";
    wchar_t part[32];

    line->used = 0;
    append(line, L"  \"");
    append(line, name);
    swprintf(part, 32, L"\" %lu:", type);
    append(line, part);
    for (DWORD i = 0; i < size_bytes; i++) {
        const wchar_t byte[3] = {digits[bytes[i] >> 4], digits[bytes[i] & 15], L'\0'};

        append(line, byte);
    }
    append(line, L"\n");
}

enum { NAME_CHARS = 16384, VALUE_BYTES = 1 << 16, KEY_CHARS = 256 };

/* What all keys of one dump use in turn: asking for sizes first would double the work. */
struct buffers {
    wchar_t name[NAME_CHARS];
    BYTE value[VALUE_BYTES];
    struct text line;
};

static void append_values(struct text *text, HKEY key, struct buffers *buffers)
{
    struct list lines = {NULL, 0, 0};

    for (DWORD i = 0;; i++) {
        DWORD chars = NAME_CHARS, size_bytes = VALUE_BYTES, type = 0;
        LSTATUS status =
            RegEnumValueW(key, i, buffers->name, &chars, NULL, &type, buffers->value, &size_bytes);

        if (status == ERROR_NO_MORE_ITEMS)
            break;
        if (status != ERROR_SUCCESS) /* one that is larger than any of ours */
            size_bytes = 0;
        value_line(&buffers->line, buffers->name, type, buffers->value, size_bytes);
        list_add(&lines, buffers->line.chars);
    }
    list_sort(&lines);
    for (size_t i = 0; i < lines.count; i++)
        append(text, lines.texts[i]);
    list_release(&lines);
}

static void append_key(struct text *text, HKEY parent, const wchar_t *name, const wchar_t *path,
                       struct buffers *buffers)
{
    struct list subkeys = {NULL, 0, 0};
    wchar_t subkey[KEY_CHARS];
    HKEY key;

    if (RegOpenKeyExW(parent, name, 0, KEY_READ, &key) != ERROR_SUCCESS)
        return;
    append(text, L"[");
    append(text, path);
    append(text, L"]\n");
    append_values(text, key, buffers);
    for (DWORD i = 0;; i++) {
        DWORD chars = KEY_CHARS;

        if (RegEnumKeyExW(key, i, subkey, &chars, NULL, NULL, NULL, NULL) != ERROR_SUCCESS)
            break;
        list_add(&subkeys, subkey);
    }
    list_sort(&subkeys);
    for (size_t i = 0; i < subkeys.count; i++) {
        size_t size = wcslen(path) + 1 + wcslen(subkeys.texts[i]) + 1;
        wchar_t *below = allocate(NULL, size * sizeof *below);

        swprintf(below, size, L"%ls\\%ls", path, subkeys.texts[i]);
        append_key(text, key, subkeys.texts[i], below, buffers);
        free(below);
    }
    list_release(&subkeys);
    RegCloseKey(key);
}

wchar_t *registry_dump(HKEY root, const wchar_t *path)
{
    struct text text = {NULL, 0, 0};
    struct buffers *buffers = allocate(NULL, sizeof *buffers);

    buffers->line = text;
    append(&text, L"");
    append_key(&text, root, path, path, buffers);
    free(buffers->line.chars);
    free(buffers);
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

    for (const wchar_t *at = dump; at && *at != L'\0';) {
        count += *at == L'[';
        at = wcschr(at, L'\n');
        if (at)
            at++;
    }
    return count;
}
