/* paths.c - see paths_int.h. Any thread; no state. */
#include "paths_int.h"

#include "oq_alloc.h"
#include "oq_utf.h"

#include <string.h>

static bool is_separator(char c)
{
    return c == '\\' || c == '/';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

enum oq_status oq_win_long_path(const char *path, wchar_t **out, struct oq_error *err)
{
    const char *prefix = "";
    const char *rest = path;
    if (strncmp(path, "\\\\?\\", 4) == 0) {
        prefix = "";
    } else if (is_separator(path[0]) && is_separator(path[1]) && path[2] != '\0') {
        prefix = "\\\\?\\UNC\\";
        rest = path + 2;
    } else if (is_letter(path[0]) && path[1] == ':' && is_separator(path[2])) {
        prefix = "\\\\?\\";
    } else {
        return oq_error_set(err, OQ_E_INVALID_ARG, "not an absolute path: %s", path);
    }
    char *whole = oq_asprintf("%s%s", prefix, rest);
    if (!whole)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    for (char *c = whole; *c; c++)
        if (*c == '/')
            *c = '\\';
    enum oq_status status = oq_utf8_to_16(whole, out, NULL);
    oq_free(whole);
    return status == OQ_OK ? OQ_OK : oq_error_set(err, status, "not a usable path: %s", path);
}
