/* log_sink.c - log file, standard error and event log. Any thread; one lock around all of it. */
#include "oq_win_log.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include "oq_win_messages.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

#define SOURCE L"OpenQMGR"
#define LIMIT_BYTES (5u << 20)
#define EVENTS_PER_MINUTE 20
#define MINUTE_MS 60000
#define TEXT_BYTES 5000 /* a line of oq_log.h with time and level */

struct oq_win_log {
    SRWLOCK lock;
    wchar_t *path, *old_path; /* NULL = no file */
    uint64_t limit_bytes, size_bytes;
    HANDLE file;   /* INVALID_HANDLE_VALUE after a failure, until it can be opened again */
    HANDLE source; /* or NULL */
    bool is_on_stderr;
    int64_t minute_began_ms; /* monotonic */
    unsigned events_in_minute;
};

static const char *const level_names[] = {[OQ_LOG_ERROR] = "ERROR",
                                          [OQ_LOG_WARNING] = "WARNING",
                                          [OQ_LOG_INFO] = "INFO",
                                          [OQ_LOG_DEBUG] = "DEBUG"};

/* --- the file --------------------------------------------------------------------------------- */

/* Others may read it, and may move it away. */
static HANDLE open_file(const wchar_t *path, DWORD how, uint64_t *size_bytes)
{
    LARGE_INTEGER size;
    DWORD access = how == TRUNCATE_EXISTING ? GENERIC_WRITE
                                            : FILE_APPEND_DATA | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
    HANDLE file =
        CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, how,
                    FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (file != INVALID_HANDLE_VALUE)
        *size_bytes = GetFileSizeEx(file, &size) ? (uint64_t)size.QuadPart : 0;
    return file;
}

/* The bound holds in any case: who keeps the file open without letting it be renamed gets a copy of
 * it set aside. */
static void rotate(struct oq_win_log *log)
{
    CloseHandle(log->file);
    if (!MoveFileExW(log->path, log->old_path, MOVEFILE_REPLACE_EXISTING)) {
        CopyFileW(log->path, log->old_path, FALSE);
        HANDLE emptied = open_file(log->path, TRUNCATE_EXISTING, &log->size_bytes);
        if (emptied != INVALID_HANDLE_VALUE)
            CloseHandle(emptied);
    }
    log->file = open_file(log->path, OPEN_ALWAYS, &log->size_bytes);
}

static void write_file(struct oq_win_log *log, const char *text, size_t length)
{
    DWORD done = 0;
    if (!log->path)
        return;
    if (log->file == INVALID_HANDLE_VALUE)
        log->file = open_file(log->path, OPEN_ALWAYS, &log->size_bytes);
    if (log->file != INVALID_HANDLE_VALUE && log->size_bytes > 0 &&
        log->size_bytes + length > log->limit_bytes)
        rotate(log);
    if (log->file == INVALID_HANDLE_VALUE)
        return;
    if (WriteFile(log->file, text, (DWORD)length, &done, NULL)) {
        log->size_bytes += done;
    } else {
        CloseHandle(log->file);
        log->file = INVALID_HANDLE_VALUE;
    }
}

/* --- the event log ---------------------------------------------------------------------------- */

static void report(HANDLE source, uint32_t message, const char *text1, const char *text2)
{
    static const WORD types[] = {EVENTLOG_INFORMATION_TYPE, EVENTLOG_INFORMATION_TYPE,
                                 EVENTLOG_WARNING_TYPE, EVENTLOG_ERROR_TYPE};
    wchar_t *wide1 = NULL, *wide2 = NULL;
    if (oq_utf8_to_16(text1, &wide1, NULL) == OQ_OK &&
        oq_utf8_to_16(text2, &wide2, NULL) == OQ_OK) {
        const wchar_t *texts[] = {wide1, wide2};
        ReportEventW(source, types[message >> 30], 0, message, NULL, 2, 0, texts, NULL);
    }
    oq_free(wide2);
    oq_free(wide1);
}

static bool may_report(struct oq_win_log *log)
{
    int64_t now_ms = oq_clock_mono_ms(oq_clock_system());
    if (now_ms - log->minute_began_ms >= MINUTE_MS) {
        log->minute_began_ms = now_ms;
        log->events_in_minute = 0;
    }
    return log->events_in_minute++ < EVENTS_PER_MINUTE;
}

/* --- the sink --------------------------------------------------------------------------------- */

/* To the file and to standard error. Under the lock. */
static void write_line(struct oq_win_log *log, enum oq_log_level level, const char *line)
{
    char text[TEXT_BYTES], time[32];
    oq_clock_format_wall(oq_clock_wall_ms(oq_clock_system()), time);
    int length = snprintf(text, sizeof text - 2, "%s %s %s", time, level_names[level], line);
    if (length < 0)
        return;
    if ((size_t)length > sizeof text - 3)
        length = (int)sizeof text - 3;
    memcpy(text + length, "\r\n", 3);
    write_file(log, text, (size_t)length + 2);
    if (log->is_on_stderr)
        oq_win_print(true, text);
}

void oq_win_log_sink(void *ctx, enum oq_log_level level, const char *line)
{
    struct oq_win_log *log = ctx;
    AcquireSRWLockExclusive(&log->lock);
    write_line(log, level, line);
    if (log->source && level <= OQ_LOG_WARNING && may_report(log)) {
        if (log->events_in_minute == EVENTS_PER_MINUTE)
            report(log->source, OQ_MSG_SUPPRESSED, line, "");
        else
            report(log->source, level == OQ_LOG_ERROR ? OQ_MSG_ERROR : OQ_MSG_WARNING, line, "");
    }
    ReleaseSRWLockExclusive(&log->lock);
}

/* The sentence of the message table, in UTF-8 (oq_free), or NULL if the program has none. */
static char *sentence_of(uint32_t message, const char *text1, const char *text2)
{
    wchar_t *wide1 = NULL, *wide2 = NULL, *whole = NULL;
    char *sentence = NULL;
    if (oq_utf8_to_16(text1, &wide1, NULL) == OQ_OK &&
        oq_utf8_to_16(text2, &wide2, NULL) == OQ_OK) {
        DWORD_PTR arguments[] = {(DWORD_PTR)wide1, (DWORD_PTR)wide2};
        DWORD length =
            FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_HMODULE |
                               FORMAT_MESSAGE_ARGUMENT_ARRAY | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                           NULL, message, 0, (wchar_t *)&whole, 0, (va_list *)arguments);
        while (length > 0 && whole[length - 1] <= L' ')
            length--;
        if (length > 0 && oq_utf16_to_8(whole, length, &sentence) != OQ_OK)
            sentence = NULL;
        LocalFree(whole);
    }
    oq_free(wide2);
    oq_free(wide1);
    return sentence;
}

void oq_win_log_event(struct oq_win_log *log, uint32_t message, const char *text1,
                      const char *text2)
{
    static const enum oq_log_level levels[] = {OQ_LOG_INFO, OQ_LOG_INFO, OQ_LOG_WARNING,
                                               OQ_LOG_ERROR};
    text1 = text1 ? text1 : "";
    text2 = text2 ? text2 : "";
    HANDLE source = log ? log->source : RegisterEventSourceW(NULL, SOURCE);
    if (source)
        report(source, message, text1, text2);
    if (!log) {
        if (source)
            DeregisterEventSource(source);
        return;
    }
    char *sentence = sentence_of(message, text1, text2);
    AcquireSRWLockExclusive(&log->lock);
    write_line(log, levels[message >> 30], sentence ? sentence : text1);
    ReleaseSRWLockExclusive(&log->lock);
    oq_free(sentence);
}

/* --- open and close --------------------------------------------------------------------------- */

/* "...\openqmgr.log" -> "...\openqmgr.1.log" */
static enum oq_status name_old(const char *path, wchar_t **out, struct oq_error *err)
{
    const char *dot = strrchr(path, '.');
    size_t stem = dot && !strchr(dot, '\\') ? (size_t)(dot - path) : strlen(path);
    char *old = oq_asprintf("%.*s.1%s", (int)stem, path, path + stem);
    if (!old)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    enum oq_status status = oq_win_long_path(old, out, err);
    oq_free(old);
    return status;
}

enum oq_status oq_win_log_open(const struct oq_win_log_options *options, struct oq_win_log **out,
                               struct oq_error *err)
{
    enum oq_status status = OQ_OK;
    struct oq_win_log *log = oq_calloc(1, sizeof *log);
    if (!log)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    InitializeSRWLock(&log->lock);
    log->file = INVALID_HANDLE_VALUE;
    log->limit_bytes = options->limit_bytes ? options->limit_bytes : LIMIT_BYTES;
    log->is_on_stderr = options->is_on_stderr;
    log->minute_began_ms = oq_clock_mono_ms(oq_clock_system());
    if (options->path) {
        status = oq_win_long_path(options->path, &log->path, err);
        if (status == OQ_OK)
            status = name_old(options->path, &log->old_path, err);
        if (status != OQ_OK)
            goto out;
        log->file = open_file(log->path, OPEN_ALWAYS, &log->size_bytes);
        if (log->file == INVALID_HANDLE_VALUE) {
            status =
                oq_win_fail(err, GetLastError(), "the log file %s cannot be opened", options->path);
            goto out;
        }
    }
    if (options->is_in_event_log)
        log->source = RegisterEventSourceW(NULL, SOURCE); /* none is no reason not to serve */
    *out = log;
    log = NULL;
out:
    oq_win_log_close(log);
    return status;
}

void oq_win_log_close(struct oq_win_log *log)
{
    if (!log)
        return;
    if (log->file != INVALID_HANDLE_VALUE)
        CloseHandle(log->file);
    if (log->source)
        DeregisterEventSource(log->source);
    oq_free(log->path);
    oq_free(log->old_path);
    oq_free(log);
}
