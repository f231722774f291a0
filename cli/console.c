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
    unsigned redrawn;   /* columns of the line that stands unfinished on the terminal; 0 = none */
} console;

static BOOL WINAPI on_control(DWORD kind)
{
    /* The second time, or when there is no event, the system's own handler ends the program.
     * Closing the window or logging off ends it too: the download is the service's and does not
     * mind. */
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

unsigned oq_console_columns(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info))
        return 80;
    int columns = info.srWindow.Right - info.srWindow.Left + 1;
    return columns > 0 ? (unsigned)columns : 80;
}

static void finish_redrawn(void)
{
    if (console.redrawn)
        write_text(STD_OUTPUT_HANDLE, "\n");
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
        used += (size_t)vsnprintf(line + used, size - used, fmt, again);
        snprintf(line + used, size - used, "\n");
    }
    va_end(again);
    finish_redrawn();
    /* Out of memory: what fits is better than nothing. */
    write_text(which, line ? line : fixed);
    oq_free(line);
}

void oq_console_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_line(STD_OUTPUT_HANDLE, "", fmt, args);
    va_end(args);
}

void oq_console_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_line(STD_ERROR_HANDLE, "qmgrctl: ", fmt, args);
    va_end(args);
}

void oq_console_redraw(const char *line)
{
    char buffer[OQ_RENDER_LINE + 256];
    unsigned width = oq_console_columns();
    unsigned columns;

    /* The last column stays free: writing to it would scroll. */
    buffer[0] = '\r';
    oq_render_fit(line, width > 1 ? width - 1 : 1, buffer + 1, OQ_RENDER_LINE);
    columns = oq_render_columns(buffer + 1);
    size_t used = strlen(buffer);
    for (unsigned i = columns; i < console.redrawn && i + 1 < width && used + 1 < sizeof buffer;
         i++)
        buffer[used++] = ' ';
    buffer[used] = '\0';
    write_text(STD_OUTPUT_HANDLE, buffer);
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
