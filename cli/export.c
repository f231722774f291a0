/* export.c - the command export: the queue as lines of JSON, to a file or to standard output.
 *
 * A file gets its name only when all of it is there, so that an export that fails leaves the one
 * before it alone.
 */
#include "commands_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_utf.h"
#include "oq_version.h"
#include "queue_int.h"

#include <string.h>

/* --- where it goes ---------------------------------------------------------------------------- */

struct sink {
    const char *name;             /* for messages */
    uint16_t *place, *unfinished; /* of a file; both NULL: standard output */
    HANDLE handle;
};

static bool sink_failed(const struct sink *sink, const char *what)
{
    oq_console_complain("%s cannot be %s (0x%08lX)", sink->name, what,
                        (unsigned long)HRESULT_FROM_WIN32(GetLastError()));
    return false;
}

static bool sink_open(const char *file, struct sink *sink)
{
    char *unfinished = NULL;

    if (!file || strcmp(file, "-") == 0) {
        *sink = (struct sink){.name = "standard output", .handle = GetStdHandle(STD_OUTPUT_HANDLE)};
        return true;
    }
    *sink = (struct sink){.name = file, .handle = INVALID_HANDLE_VALUE};
    unfinished = oq_asprintf("%s.unfinished", file);
    if (unfinished && oq_utf8_to_16(file, &sink->place, NULL) == OQ_OK &&
        oq_utf8_to_16(unfinished, &sink->unfinished, NULL) == OQ_OK)
        sink->handle = CreateFileW((const wchar_t *)sink->unfinished, GENERIC_WRITE, 0, NULL,
                                   CREATE_ALWAYS, 0, NULL);
    oq_free(unfinished);
    return sink->handle != INVALID_HANDLE_VALUE || sink_failed(sink, "written");
}

static bool sink_write(const struct sink *sink, const char *text, size_t length)
{
    while (length > 0) {
        DWORD written = 0, part = length > 1u << 20 ? 1u << 20 : (DWORD)length;
        if (!WriteFile(sink->handle, text, part, &written, NULL) || written == 0)
            return sink_failed(sink, "written");
        text += written;
        length -= written;
    }
    return true;
}

/* A line; the text is freed. */
static bool sink_say(const struct sink *sink, char *line)
{
    bool is_good = line != NULL;

    if (!is_good)
        oq_console_complain("there is not enough memory");
    else if (!sink->place && oq_console_is_terminal())
        oq_console_say("%s", line);
    else
        is_good = sink_write(sink, line, strlen(line)) && sink_write(sink, "\n", 1);
    oq_free(line);
    return is_good;
}

/* Ends it; is_good: all of it is there. True if now it is. */
static bool sink_close(struct sink *sink, bool is_good)
{
    if (sink->place && sink->handle != INVALID_HANDLE_VALUE) {
        if (is_good && !FlushFileBuffers(sink->handle))
            is_good = sink_failed(sink, "written");
        CloseHandle(sink->handle);
        if (is_good && !MoveFileExW((const wchar_t *)sink->unfinished, (const wchar_t *)sink->place,
                                    MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
            is_good = sink_failed(sink, "replaced");
        if (!is_good)
            DeleteFileW((const wchar_t *)sink->unfinished);
    }
    oq_free(sink->place);
    oq_free(sink->unfinished);
    return is_good;
}

/* --- what goes there -------------------------------------------------------------------------- */

struct wanted_groups {
    struct oq_guid *guids;
    size_t count;
};

static HRESULT list_step(struct oq_link *link, void *ctx)
{
    struct wanted_groups *groups = ctx;

    return oq_remote_list(link, &groups->guids, &groups->count);
}

/* Those that were named, or all. */
static bool find_groups(struct oq_link *link, const struct oq_args *args,
                        struct wanted_groups *groups)
{
    if (args->group_count == 0) {
        HRESULT hr = oq_link_run(link, list_step, groups);
        return SUCCEEDED(hr) || (oq_command_failed(NULL, hr), false);
    }
    groups->guids = oq_calloc((size_t)args->group_count, sizeof *groups->guids);
    if (!groups->guids)
        return oq_command_failed(NULL, E_OUTOFMEMORY), false;
    for (int i = 0; i < args->group_count; i++) {
        struct oq_args one = *args;
        if (oq_names_parse_group(args->groups[i], &one.group) != OQ_OK ||
            !oq_command_find(link, &one, &groups->guids[groups->count]))
            return false;
        groups->count++;
    }
    return true;
}

struct reading {
    struct oq_guid guid;
    struct oq_record record;
};

static HRESULT read_step(struct oq_link *link, void *ctx)
{
    struct reading *reading = ctx;

    oq_record_release(&reading->record);
    return oq_queue_read(link, &reading->guid, &reading->record);
}

static bool write_group(struct oq_link *link, const struct oq_guid *guid, bool is_named,
                        const struct sink *sink, size_t *written)
{
    struct reading reading = {.guid = *guid};
    char text[OQ_GUID_TEXT];

    oq_guid_format(guid, text);
    HRESULT hr = oq_link_run(link, read_step, &reading);
    bool is_good = SUCCEEDED(hr);
    if (!is_good)
        oq_command_failed(text, hr);
    if (hr == S_OK) {
        is_good = sink_say(sink, oq_record_format(&reading.record));
        *written += is_good;
    } else if (hr == S_FALSE && is_named) {
        oq_command_failed(text, (HRESULT)QM_E_ITEM_NOT_FOUND);
        is_good = false;
    }
    oq_record_release(&reading.record);
    return is_good;
}

int oq_command_export(struct oq_link *link, const struct oq_args *args)
{
    struct wanted_groups groups = {0};
    struct sink sink = {.handle = INVALID_HANDLE_VALUE};
    size_t written = 0;

    /* The queue first: without a service there is no reason to touch the file. */
    bool is_good = find_groups(link, args, &groups);
    if (is_good) {
        is_good = sink_open(args->file, &sink) &&
                  sink_say(&sink, oq_record_format_head(oq_clock_wall_ms(oq_clock_system()),
                                                        "qmgrctl " OQ_VERSION));
        for (size_t i = 0; is_good && i < groups.count; i++) {
            is_good = write_group(link, &groups.guids[i], args->group_count > 0, &sink, &written);
            if (is_good && oq_console_wait(0)) {
                oq_console_complain("interrupted");
                is_good = false;
            }
        }
        bool is_file = sink.place != NULL;
        is_good = sink_close(&sink, is_good);
        if (is_good && is_file && !args->is_quiet)
            oq_console_say("%zu %s written to %s", written, written == 1 ? "group" : "groups",
                           args->file);
    }
    oq_free(groups.guids);
    return is_good ? OQ_EXIT_DONE : OQ_EXIT_FAILED;
}
