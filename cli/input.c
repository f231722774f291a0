/* input.c - see input_int.h. */
#include "input_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_alloc.h"
#include "oq_utf.h"

#include <string.h>

#define FIRST_BYTES 65536u

static HANDLE open_input(const char *name)
{
    uint16_t *wide = NULL;
    HANDLE file = INVALID_HANDLE_VALUE;

    if (strcmp(name, "-") == 0)
        return GetStdHandle(STD_INPUT_HANDLE);
    if (oq_utf8_to_16(name, &wide, NULL) == OQ_OK)
        file = CreateFileW((const wchar_t *)wide, GENERIC_READ, FILE_SHARE_READ, NULL,
                           OPEN_EXISTING, 0, NULL);
    oq_free(wide);
    return file;
}

static char *complain(const char *name, const char *what, DWORD error)
{
    oq_console_complain("%s %s (0x%08lX)", strcmp(name, "-") == 0 ? "standard input" : name, what,
                        (unsigned long)HRESULT_FROM_WIN32(error));
    return NULL;
}

char *oq_input_read(const char *name, size_t most, size_t *length)
{
    HANDLE file = open_input(name);
    char *data = NULL, *result = NULL;
    size_t used = 0, capacity = 0;

    if (!file || file == INVALID_HANDLE_VALUE)
        return complain(name, "cannot be opened", GetLastError());
    for (;;) {
        DWORD got = 0;
        if (used == capacity) {
            capacity = capacity ? capacity * 2 : FIRST_BYTES;
            char *grown = oq_realloc(data, capacity);
            if (!grown) {
                complain(name, "cannot be read", ERROR_NOT_ENOUGH_MEMORY);
                break;
            }
            data = grown;
        }
        DWORD room = capacity - used > 1u << 30 ? 1u << 30 : (DWORD)(capacity - used);
        if (!ReadFile(file, data + used, room, &got, NULL) && GetLastError() != ERROR_BROKEN_PIPE) {
            complain(name, "cannot be read", GetLastError());
            break;
        }
        used += got;
        if (used > most) {
            complain(name, "is too large", ERROR_FILE_TOO_LARGE);
            break;
        }
        if (got == 0) {
            result = data;
            data = NULL;
            *length = used;
            break;
        }
    }
    if (strcmp(name, "-") != 0)
        CloseHandle(file);
    oq_free(data);
    return result;
}
