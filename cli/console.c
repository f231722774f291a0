/* console.c - see console_int.h. */
#include "console_int.h"

#include "oq_alloc.h"
#include "oq_utf.h"
#include "render_int.h"

#include <windows.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    HANDLE interrupted; /* manual-reset event */
    unsigned redrawn;   /* columns of the line that is not finished on the terminal; 0 = none */
} console;

static BOOL WINAPI on_control(DWORD kind)
{
    /* The second time, or when there is no event, the system's own handler ends the program, as on
     * closing the window or logging off: the service continues the download. */
    if ((kind != CTRL_C_EVENT && kind != CTRL_BREAK_EVENT) || !console.interrupted ||
        WaitForSingleObject(console.interrupted, 0) == WAIT_OBJECT_0)
        return FALSE;
    return SetEvent(console.interrupted);
}

void oq_console_init(void)
{
    console.interrupted = CreateEventW(NULL, TRUE, FALSE, NULL);
    SetConsoleCtrlHandler(on_control, TRUE);
}

/* Is it a terminal, which takes UTF-16? */
static bool is_console(HANDLE handle)
{
    DWORD mode;

    return GetConsoleMode(handle, &mode);
}

static void write_text(DWORD which, const char *text)
{
    HANDLE handle = GetStdHandle(which);
    DWORD written;

    if (!handle || handle == INVALID_HANDLE_VALUE)
        return;
    if (is_console(handle)) {
        uint16_t *wide = NULL;
        size_t units = 0;
        if (oq_utf8_to_16(text, &wide, &units) == OQ_OK)
            WriteConsoleW(handle, wide, (DWORD)units, &written, NULL);
        oq_free(wide);
        return;
    }
    size_t length = strlen(text);
    while (length > 0 && WriteFile(handle, text, (DWORD)length, &written, NULL) && written > 0) {
        text += written;
        length -= written;
    }
}

bool oq_console_is_terminal(void)
{
    return is_console(GetStdHandle(STD_OUTPUT_HANDLE));
}

bool oq_console_can_redraw(void)
{
    return is_console(GetStdHandle(STD_ERROR_HANDLE));
}

static unsigned columns_of(DWORD which)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (!GetConsoleScreenBufferInfo(GetStdHandle(which), &info))
        return 0;
    int columns = info.srWindow.Right - info.srWindow.Left + 1;
    return columns > 0 ? (unsigned)columns : 80;
}

unsigned oq_console_columns(void)
{
    return columns_of(STD_OUTPUT_HANDLE);
}

unsigned oq_console_progress_columns(void)
{
    return columns_of(STD_ERROR_HANDLE);
}

static void end_redrawn(void)
{
    if (console.redrawn)
        write_text(STD_ERROR_HANDLE, "\n");
    console.redrawn = 0;
}

static void write_line(DWORD which, const char *prefix, const char *fmt, va_list args)
{
    char fixed[512];
    va_list again;

    va_copy(again, args);
    int length = vsnprintf(fixed, sizeof fixed, fmt, args);
    if (length < 0)
        length = 0;
    size_t size = strlen(prefix) + (size_t)length + 2;
    char *line = oq_malloc(size);
    if (line) {
        size_t used = (size_t)snprintf(line, size, "%s", prefix);
        vsnprintf(line + used, size - used, fmt, again);
        oq_render_printable(line);
        used = strlen(line);
        snprintf(line + used, size - used, "\n");
    }
    va_end(again);
    end_redrawn();
    /* Out of memory: a shortened line. */
    oq_render_printable(fixed);
    write_text(which, line ? line : fixed);
    oq_free(line);
}

void oq_console_print(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_line(STD_OUTPUT_HANDLE, "", fmt, args);
    va_end(args);
}

void oq_console_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_line(STD_ERROR_HANDLE, "qmgrctl: ", fmt, args);
    va_end(args);
}

void oq_console_json(char *line)
{
    if (line)
        oq_console_print("%s", line);
    else
        oq_console_error("there is not enough memory");
    oq_free(line);
}

void oq_console_note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_line(STD_ERROR_HANDLE, "", fmt, args);
    va_end(args);
}

void oq_console_redraw(const char *line)
{
    char buffer[OQ_RENDER_LINE + 256];
    unsigned width = oq_console_progress_columns();
    unsigned columns;

    /* The last column stays empty: writing to it would scroll. */
    buffer[0] = '\r';
    oq_render_fit(line, width > 1 ? width - 1 : 1, buffer + 1, OQ_RENDER_LINE);
    oq_render_printable(buffer + 1);
    columns = oq_render_columns(buffer + 1);
    size_t used = strlen(buffer);
    for (unsigned i = columns; i < console.redrawn && i + 1 < width && used + 1 < sizeof buffer;
         i++)
        buffer[used++] = ' ';
    buffer[used] = '\0';
    write_text(STD_ERROR_HANDLE, buffer);
    console.redrawn = columns ? columns : 1;
}

bool oq_console_wait(int64_t ms)
{
    DWORD wait_ms = ms < 0 ? 0 : ms > 3600000 ? 3600000 : (DWORD)ms;

    if (!console.interrupted) {
        Sleep(wait_ms);
        return false;
    }
    return WaitForSingleObject(console.interrupted, wait_ms) == WAIT_OBJECT_0;
}

/* --- files ------------------------------------------------------------------------------------ */

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
    oq_console_error("%s %s (0x%08lX)", strcmp(name, "-") == 0 ? "standard input" : name, what,
                     (unsigned long)HRESULT_FROM_WIN32(error));
    return NULL;
}

char *oq_console_read_file(const char *name, size_t most, size_t *length)
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

static bool output_failed(const struct oq_output *output, const char *what)
{
    oq_console_error("%s cannot be %s (0x%08lX)", output->name, what,
                     (unsigned long)HRESULT_FROM_WIN32(GetLastError()));
    return false;
}

bool oq_output_open(const char *file, struct oq_output *output)
{
    char *temporary = NULL;

    if (!file || strcmp(file, "-") == 0) {
        *output = (struct oq_output){.name = "standard output",
                                     .handle = GetStdHandle(STD_OUTPUT_HANDLE)};
        return true;
    }
    *output = (struct oq_output){.name = file, .handle = INVALID_HANDLE_VALUE};
    temporary = oq_asprintf("%s.unfinished", file);
    if (temporary && oq_utf8_to_16(file, &output->path, NULL) == OQ_OK &&
        oq_utf8_to_16(temporary, &output->temporary, NULL) == OQ_OK)
        output->handle = CreateFileW((const wchar_t *)output->temporary, GENERIC_WRITE, 0, NULL,
                                     CREATE_ALWAYS, 0, NULL);
    oq_free(temporary);
    return output->handle != INVALID_HANDLE_VALUE || output_failed(output, "written");
}

static bool output_write(const struct oq_output *output, const char *text, size_t length)
{
    while (length > 0) {
        DWORD written = 0, part = length > 1u << 20 ? 1u << 20 : (DWORD)length;
        if (!WriteFile(output->handle, text, part, &written, NULL) || written == 0)
            return output_failed(output, "written");
        text += written;
        length -= written;
    }
    return true;
}

bool oq_output_line(const struct oq_output *output, char *line)
{
    bool is_good = line != NULL;

    if (!is_good)
        oq_console_error("there is not enough memory");
    else if (!output->path && oq_console_is_terminal())
        oq_console_print("%s", line);
    else
        is_good = output_write(output, line, strlen(line)) && output_write(output, "\n", 1);
    oq_free(line);
    return is_good;
}

bool oq_output_close(struct oq_output *output, bool is_good)
{
    if (output->path && output->handle != INVALID_HANDLE_VALUE) {
        if (is_good && !FlushFileBuffers(output->handle))
            is_good = output_failed(output, "written");
        CloseHandle(output->handle);
        if (is_good &&
            !MoveFileExW((const wchar_t *)output->temporary, (const wchar_t *)output->path,
                         MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
            is_good = output_failed(output, "renamed");
        if (!is_good)
            DeleteFileW((const wchar_t *)output->temporary);
    }
    oq_free(output->path);
    oq_free(output->temporary);
    return is_good;
}
