/* status.c - status names and the detail of a failure. Owns nothing; any thread. */
#include "oq_status.h"

#include <stdio.h>
#include <string.h>

void oq_error_init(struct oq_error *err)
{
    if (!err)
        return;
    memset(err, 0, sizeof *err);
    err->file_index = OQ_NO_FILE;
}

/* Drops an unfinished UTF-8 sequence from the end of a text that was cut to `length` bytes. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 4) {
        start--;
        unsigned char byte = (unsigned char)text[start];
        if (byte < 0x80)
            return length;
        if (byte >= 0xc0) {
            size_t needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return length - start >= needed ? length : start;
        }
    }
    return length;
}

static void OQ_PRINTF(2, 0) set_text(struct oq_error *err, const char *fmt, va_list args)
{
    /* Through a second buffer, so that the old err->text may be one of the arguments. */
    char text[sizeof err->text];
    int wanted = vsnprintf(text, sizeof text, fmt, args);
    if (wanted < 0)
        text[0] = '\0';
    else if ((size_t)wanted >= sizeof text)
        text[whole_characters(text, sizeof text - 1)] = '\0';
    memcpy(err->text, text, strlen(text) + 1);
}

enum oq_status oq_error_set(struct oq_error *err, enum oq_status status, const char *fmt, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, fmt);
    set_text(err, fmt, args);
    va_end(args);
    err->status = status;
    return status;
}

enum oq_status oq_error_win32(struct oq_error *err, enum oq_status status, uint32_t win32,
                              const char *fmt, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, fmt);
    set_text(err, fmt, args);
    va_end(args);
    err->status = status;
    err->win32 = win32;
    return status;
}

const char *oq_status_name(enum oq_status status)
{
    /* A switch without default: the compiler names a status that is missing here. */
    switch (status) {
#define NAME(name)                                                                                 \
    case name:                                                                                     \
        return #name
        NAME(OQ_OK);
        NAME(OQ_E_NOMEM);
        NAME(OQ_E_INVALID_ARG);
        NAME(OQ_E_NOT_FOUND);
        NAME(OQ_E_EXISTS);
        NAME(OQ_E_INVALID_STATE);
        NAME(OQ_E_NOT_SUPPORTED);
        NAME(OQ_E_ACCESS_DENIED);
        NAME(OQ_E_EMPTY);
        NAME(OQ_E_LIMIT_USER);
        NAME(OQ_E_LIMIT_MACHINE);
        NAME(OQ_E_LIMIT_FILES);
        NAME(OQ_E_STOPPING);
        NAME(OQ_E_BUSY);
        NAME(OQ_E_TIMEOUT);
        NAME(OQ_E_OWNER_ABSENT);
        NAME(OQ_E_IO);
        NAME(OQ_E_DISK_FULL);
        NAME(OQ_E_FILE_MISSING);
        NAME(OQ_E_FILE_LOCKED);
        NAME(OQ_E_DB);
        NAME(OQ_E_DB_NEWER);
        NAME(OQ_E_DB_DAMAGED);
        NAME(OQ_E_NET);
        NAME(OQ_E_BUG);
#undef NAME
    case OQ_STATUS_COUNT:
        break;
    }
    return "OQ_E_?";
}
