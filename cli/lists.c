/* lists.c - see lists_int.h. */
#include "lists_int.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "render_int.h"

#include <string.h>

#define BLANKS " \t\r"
#define HEX_DIGITS ((size_t)2 * OQ_LISTS_SHA256)

static const char *skip_mark(const char *text)
{
    return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

enum oq_status oq_lists_urls(char *text, char ***urls, int *count)
{
    char **list = NULL;
    int used = 0, capacity = 0;

    for (char *line = text + (skip_mark(text) - text), *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, BLANKS);
        size_t length = strlen(line);
        while (length > 0 && strchr(BLANKS, line[length - 1]))
            line[--length] = '\0';
        if (length == 0 || *line == '#')
            continue;
        if (used == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            char **grown = oq_realloc(list, (size_t)capacity * sizeof *list);
            if (!grown) {
                oq_free(list);
                return OQ_E_NOMEM;
            }
            list = grown;
        }
        list[used++] = line;
    }
    if (used == 0 || used > (int)OQ_LISTS_MAX_URLS) {
        oq_free(list);
        return OQ_E_INVALID_ARG;
    }
    *urls = list;
    *count = used;
    return OQ_OK;
}

struct found {
    const char *hex, *name; /* in the line; name NULL: there is none */
    size_t name_length;
};

/* What a line says; false for a line of another kind. */
static bool read_line(const char *line, size_t length, struct found *found)
{
    static const char bsd[] = "SHA256 (";
    uint8_t bytes[OQ_LISTS_SHA256];

    while (length > 0 && strchr(BLANKS, line[length - 1]))
        length--;
    if (length > sizeof bsd - 1 + HEX_DIGITS + 4 && memcmp(line, bsd, sizeof bsd - 1) == 0) {
        found->hex = line + length - HEX_DIGITS;
        found->name = line + sizeof bsd - 1;
        if (memcmp(found->hex - 4, ") = ", 4) != 0)
            return false;
        found->name_length = (size_t)(found->hex - 4 - found->name);
    } else {
        if (length > 0 && *line == '\\') { /* sha256sum has escaped characters of the name */
            line++;
            length--;
        }
        if (length < HEX_DIGITS)
            return false;
        found->hex = line;
        found->name = NULL;
        if (length > HEX_DIGITS + 2 && line[HEX_DIGITS] == ' ') {
            found->name = line + HEX_DIGITS + 2; /* behind "  " or " *" */
            found->name_length = length - HEX_DIGITS - 2;
        } else if (length > HEX_DIGITS) {
            return false;
        }
    }
    return oq_hex_parse(found->hex, HEX_DIGITS, bytes, sizeof bytes) == OQ_OK;
}

static bool is_name(const struct found *found, const char *file)
{
    const char *name = found->name, *end = name + found->name_length;

    for (const char *c = name; c < end; c++) {
        if (*c == '/' || *c == '\\')
            name = c + 1;
    }
    file = oq_render_file_name(file);
    size_t length = strlen(file);
    return (size_t)(end - name) == length && oq_ascii_is_same(name, file, length);
}

bool oq_lists_sha256(const char *text, const char *file, uint8_t sha256[OQ_LISTS_SHA256])
{
    uint8_t hash[OQ_LISTS_SHA256], other[OQ_LISTS_SHA256], lone[OQ_LISTS_SHA256];
    unsigned matches = 0, lines = 0, nameless = 0;

    text = skip_mark(text);
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        struct found found;
        length = strcspn(text, "\n");
        lines += text[strspn(text, BLANKS)] != '\n' && length > 0;
        if (!read_line(text, length, &found) ||
            oq_hex_parse(found.hex, HEX_DIGITS, other, sizeof other) != OQ_OK)
            continue;
        if (!found.name) {
            nameless++;
            memcpy(lone, other, sizeof lone);
        } else if (is_name(&found, file)) {
            if (matches > 0 && memcmp(hash, other, sizeof hash) != 0)
                return false;
            matches++;
            memcpy(hash, other, sizeof hash);
        }
    }
    if (matches == 0 && !(lines == 1 && nameless == 1))
        return false;
    memcpy(sha256, matches > 0 ? hash : lone, OQ_LISTS_SHA256);
    return true;
}
