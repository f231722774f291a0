/* watch.c - the command watch: the table of list with bars, drawn again every second on a screen of
 * its own until q or Ctrl-C. */
#include "select_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_utf.h"

#include <stdio.h>
#include <string.h>

#define PERIOD_MS 1000
#define HISTORY 60

struct screen {
    HANDLE handle;
    unsigned columns, rows, row; /* row: the next one to be written */
};

static void measure(struct screen *screen)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    screen->columns = 80;
    screen->rows = 24;
    screen->row = 0;
    if (!GetConsoleScreenBufferInfo(screen->handle, &info))
        return;
    screen->columns = (unsigned)(info.srWindow.Right - info.srWindow.Left + 1);
    screen->rows = (unsigned)(info.srWindow.Bottom - info.srWindow.Top + 1);
}

/* The next row of the window, filled up with blanks. */
static void put(struct screen *screen, const char *text)
{
    char line[2 * OQ_RENDER_LINE];
    uint16_t *wide = NULL;
    size_t units = 0;
    DWORD written;
    COORD at = {0, (SHORT)screen->row};
    unsigned width = screen->columns > 1 ? screen->columns - 1 : 1;

    if (screen->row >= screen->rows)
        return;
    screen->row++;
    oq_render_fit(text, width, line, OQ_RENDER_LINE);
    oq_render_printable(line);
    size_t used = strlen(line);
    for (unsigned i = oq_render_columns(line); i < screen->columns && used + 1 < sizeof line; i++)
        line[used++] = ' ';
    line[used] = '\0';
    if (oq_utf8_to_16(line, &wide, &units) == OQ_OK)
        WriteConsoleOutputCharacterW(screen->handle, (const wchar_t *)wide, (DWORD)units, at,
                                     &written);
    oq_free(wide);
}

/* The rates of the last minute, one character each. */
static void graph(const uint64_t *history, unsigned count, char *text)
{
    static const char levels[] = " .:-=+*#";
    uint64_t most = 1;

    for (unsigned i = 0; i < count; i++)
        most = history[i] > most ? history[i] : most;
    for (unsigned i = 0; i < count; i++)
        text[i] = levels[history[i] * (sizeof levels - 2) / most];
    text[count] = '\0';
}

struct history {
    uint64_t rates[HISTORY];
    unsigned count;
};

static void remember(struct history *history, uint64_t rate)
{
    if (history->count == HISTORY) {
        memmove(history->rates, history->rates + 1, (HISTORY - 1) * sizeof *history->rates);
        history->count--;
    }
    history->rates[history->count++] = rate;
}

static void draw(struct screen *screen, const struct oq_queue *queue, struct history *history)
{
    char line[OQ_RENDER_LINE], rate[OQ_RENDER_TEXT], past[HISTORY + 1];
    uint64_t sum = 0;
    size_t running = 0;

    for (size_t i = 0; i < queue->count; i++) {
        const struct oq_snapshot *s = &queue->list[i];
        if (s->state == OQ_SNAPSHOT_DOWNLOADING && s->bytes_per_s != OQ_RENDER_UNKNOWN)
            sum += s->bytes_per_s;
        running += s->state == OQ_SNAPSHOT_DOWNLOADING;
    }
    remember(history, sum);
    measure(screen);
    oq_render_size(sum, rate);
    graph(history->rates, history->count, past);
    snprintf(line, sizeof line, "%zu of %zu downloading, %s/s  |%s|  q quits", running,
             queue->count, rate, past);
    if (screen->columns < HISTORY + 40)
        snprintf(line, sizeof line, "%zu of %zu downloading, %s/s  q quits", running, queue->count,
                 rate);
    put(screen, line);
    oq_table_head(screen->columns - 1, true, line);
    put(screen, line);
    for (size_t i = 0; i < queue->count && screen->row < screen->rows; i++) {
        if (screen->row + 1 == screen->rows && i + 1 < queue->count) {
            snprintf(line, sizeof line, "and %zu more", queue->count - i);
            put(screen, line);
            break;
        }
        oq_table_row(&queue->list[i], screen->columns - 1, true, line);
        put(screen, line);
        oq_table_reason(&queue->list[i], screen->columns - 1, line);
        if (line[0])
            put(screen, line);
    }
    while (screen->row < screen->rows)
        put(screen, "");
}

/* Waits for a second, or until q, Escape or a new size of the window; true: it is to end. */
static bool has_quit(void)
{
    HANDLE keys = GetStdHandle(STD_INPUT_HANDLE);
    INPUT_RECORD record;
    DWORD count = 0;

    if (oq_console_wait(0))
        return true;
    if (WaitForSingleObject(keys, PERIOD_MS) != WAIT_OBJECT_0)
        return oq_console_wait(0);
    while (GetNumberOfConsoleInputEvents(keys, &count) && count > 0 &&
           ReadConsoleInputW(keys, &record, 1, &count)) {
        wchar_t c = record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown
                        ? record.Event.KeyEvent.uChar.UnicodeChar
                        : 0;
        if (c == L'q' || c == L'Q' || c == 27)
            return true;
    }
    return oq_console_wait(0);
}

int oq_command_watch(struct oq_client *client, const struct oq_args *args)
{
    struct oq_queue queue = {.args = args};
    struct history history = {0};
    struct screen screen = {.handle = INVALID_HANDLE_VALUE};
    HANDLE shown = GetStdHandle(STD_OUTPUT_HANDLE);
    HRESULT hr = S_OK;

    if (!oq_console_is_terminal())
        return oq_command_list(client, args);
    screen.handle = CreateConsoleScreenBuffer(GENERIC_READ | GENERIC_WRITE, FILE_SHARE_WRITE, NULL,
                                              CONSOLE_TEXTMODE_BUFFER, NULL);
    if (screen.handle == INVALID_HANDLE_VALUE || !SetConsoleActiveScreenBuffer(screen.handle))
        return oq_client_report(NULL, HRESULT_FROM_WIN32(GetLastError()));
    do {
        hr = oq_client_run(client, oq_queue_step, &queue);
        if (SUCCEEDED(hr))
            draw(&screen, &queue, &history);
    } while (SUCCEEDED(hr) && !has_quit());
    SetConsoleActiveScreenBuffer(shown);
    CloseHandle(screen.handle);
    oq_free(queue.list);
    return FAILED(hr) && hr != E_ABORT ? oq_client_report(NULL, hr) : OQ_EXIT_DONE;
}
