/* snapshot.c - see snapshot_int.h. */
#include "snapshot_int.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "oq_clock.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const oq_snapshot_states[OQ_SNAPSHOT_STATES] = {
    "unknown", "suspended", "queued", "connecting", "downloading",
    "waiting", "finishing", "failed", "complete",   "cancelled"};

bool oq_snapshot_is_running(const struct oq_snapshot *s)
{
    return s->state >= OQ_SNAPSHOT_QUEUED && s->state <= OQ_SNAPSHOT_WAITING;
}

const char *oq_snapshot_name(const struct oq_snapshot *s)
{
    return s->name[0] ? s->name : s->file;
}

static bool is_same_text(const char *a, const char *b)
{
    return oq_ascii_is_same(a, b, strlen(a) + 1);
}

bool oq_snapshot_is_named(const struct oq_snapshot *s, const char *word)
{
    struct oq_group_id id;

    return (oq_group_id_parse(word, &id) == OQ_OK && oq_group_id_matches(&id, &s->guid)) ||
           (s->name[0] && is_same_text(s->name, word)) ||
           (s->file[0] && is_same_text(s->file, word));
}

bool oq_snapshot_is_meant(const struct oq_snapshot *s, const struct oq_args *args,
                          const char *owner)
{
    bool is_wanted = (args->is_failed && s->state == OQ_SNAPSHOT_FAILED) ||
                     (args->is_complete && s->state == OQ_SNAPSHOT_COMPLETE);

    if ((args->is_failed || args->is_complete) && !args->is_all && !is_wanted)
        return false;
    if (args->states && !(args->states & (1u << s->state)))
        return false;
    if (owner && !is_same_text(owner, s->owner))
        return false;
    return !args->match || oq_args_pattern_fits(args->match, s->file) ||
           (s->name[0] && oq_args_pattern_fits(args->match, s->name));
}

/* --- sorting ---------------------------------------------------------------------------------- */

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* What is unknown comes last. */
static uint64_t known(uint64_t value)
{
    return value == OQ_RENDER_UNKNOWN ? 0 : value;
}

static int by_name(const void *a, const void *b)
{
    const char *x = oq_snapshot_name(a), *y = oq_snapshot_name(b);

    while (*x && oq_ascii_lower(*x) == oq_ascii_lower(*y)) {
        x++;
        y++;
    }
    return (unsigned char)oq_ascii_lower(*x) - (unsigned char)oq_ascii_lower(*y);
}

static int by_state(const void *a, const void *b)
{
    return (int)((const struct oq_snapshot *)a)->state -
           (int)((const struct oq_snapshot *)b)->state;
}

static int by_size(const void *a, const void *b)
{
    return order(known(((const struct oq_snapshot *)b)->total_bytes),
                 known(((const struct oq_snapshot *)a)->total_bytes));
}

static int by_done(const void *a, const void *b)
{
    return order(((const struct oq_snapshot *)b)->done_bytes,
                 ((const struct oq_snapshot *)a)->done_bytes);
}

static int by_rate(const void *a, const void *b)
{
    const struct oq_snapshot *x = a, *y = b;

    return order(oq_snapshot_is_running(y) ? known(y->bytes_per_s) : 0,
                 oq_snapshot_is_running(x) ? known(x->bytes_per_s) : 0);
}

void oq_snapshot_sort(struct oq_snapshot *list, size_t count, enum oq_sort by)
{
    static int (*const orders[])(const void *, const void *) = {[OQ_SORT_NAME] = by_name,
                                                                [OQ_SORT_STATE] = by_state,
                                                                [OQ_SORT_SIZE] = by_size,
                                                                [OQ_SORT_DONE] = by_done,
                                                                [OQ_SORT_RATE] = by_rate};

    if (by != OQ_SORT_CREATED && count > 1) /* that is how the service sends them */
        qsort(list, count, sizeof *list, orders[by]);
}

/* --- as a table ------------------------------------------------------------------------------- */

#define FIXED_COLUMNS 36 /* GROUP, STATE and % with their gaps */
#define SIZE_COLUMNS 10
#define RATE_COLUMNS 20 /* RATE and LEFT */
#define NAME_COLUMNS 15 /* what the name should have before another column is shown */
#define BAR_COLUMNS 22

/* "3m05s", "2h07m", "3d4h": six columns. */
static void short_time(int64_t seconds, char text[OQ_RENDER_TEXT])
{
    if (seconds < 0)
        snprintf(text, OQ_RENDER_TEXT, "-");
    else if (seconds < 60)
        snprintf(text, OQ_RENDER_TEXT, "%ds", (int)seconds);
    else if (seconds < 3600)
        snprintf(text, OQ_RENDER_TEXT, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
    else if (seconds < 86400)
        snprintf(text, OQ_RENDER_TEXT, "%dh%02dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    else if (seconds < INT64_C(86400) * 100)
        snprintf(text, OQ_RENDER_TEXT, "%dd%dh", (int)(seconds / 86400),
                 (int)(seconds / 3600 % 24));
    else
        snprintf(text, OQ_RENDER_TEXT, ">99d");
}

/* Adds the columns that fit, the name last with what is left. */
static void join(unsigned columns, bool has_bar, const char *group, const char *state,
                 const char *percent, const char *bar, const char *size, const char *rate,
                 const char *left, const char *name, char line[OQ_RENDER_LINE])
{
    unsigned room = columns == 0 || columns > OQ_RENDER_LINE / 4 ? OQ_RENDER_LINE / 4 : columns;
    size_t used =
        (size_t)snprintf(line, OQ_RENDER_LINE, "%-8s  %-16s  %4s  ", group, state, percent);
    unsigned taken = FIXED_COLUMNS - 2;

    if (room >= taken + SIZE_COLUMNS + NAME_COLUMNS) {
        used += (size_t)snprintf(line + used, OQ_RENDER_LINE - used, "%8s  ", size);
        taken += SIZE_COLUMNS;
    }
    if (room >= taken + RATE_COLUMNS + NAME_COLUMNS) {
        used += (size_t)snprintf(line + used, OQ_RENDER_LINE - used, "%10s  %6s  ", rate, left);
        taken += RATE_COLUMNS;
    }
    if (has_bar && room >= taken + BAR_COLUMNS + NAME_COLUMNS) {
        used += (size_t)snprintf(line + used, OQ_RENDER_LINE - used, "%-20s  ", bar);
        taken += BAR_COLUMNS;
    }
    oq_render_fit(name, room > taken ? room - taken : 0, line + used, OQ_RENDER_LINE - used);
}

void oq_table_head(unsigned columns, bool has_bar, char line[OQ_RENDER_LINE])
{
    join(columns, has_bar, "GROUP", "STATE", "%", "", "SIZE", "RATE", "LEFT", "NAME", line);
}

void oq_table_row(const struct oq_snapshot *s, unsigned columns, bool has_bar,
                  char line[OQ_RENDER_LINE])
{
    char group[OQ_RENDER_GROUP_DIGITS + 1], size[OQ_RENDER_TEXT], rate[OQ_RENDER_TEXT + 2] = "-";
    char percent[16] = "-", left[OQ_RENDER_TEXT] = "-", bar[21] = "";
    char name[OQ_SNAPSHOT_TEXT + 64], state[24];
    int number = oq_render_percent(s->total_bytes, s->done_bytes);

    oq_render_group(&s->guid, group);
    oq_render_size(s->total_bytes, size);
    if (number >= 0)
        snprintf(percent, sizeof percent, "%d%%", number);
    for (int i = 0; number >= 0 && i < 20; i++)
        bar[i] = i < number / 5 ? '#' : '.';
    if (oq_snapshot_is_running(s) && s->bytes_per_s != OQ_RENDER_UNKNOWN && s->bytes_per_s > 0) {
        char text[OQ_RENDER_TEXT];
        oq_render_size(s->bytes_per_s, text);
        snprintf(rate, sizeof rate, "%.20s/s", text);
        short_time(oq_render_seconds_left(s->total_bytes, s->done_bytes, s->bytes_per_s), left);
    }
    snprintf(state, sizeof state, "%s%s", s->state_text ? s->state_text : "",
             s->is_foreground && s->state == OQ_SNAPSHOT_DOWNLOADING ? " (fg)" : "");
    int used = snprintf(name, sizeof name, "%s", oq_snapshot_name(s));
    if (s->total_files > 1)
        snprintf(name + used, sizeof name - (size_t)used, " and %u more", s->total_files - 1);
    join(columns, has_bar, group, state, percent, bar, size, rate, left, name, line);
}

void oq_table_reason(const struct oq_snapshot *s, unsigned columns, char line[OQ_RENDER_LINE])
{
    const char *why = s->state == OQ_SNAPSHOT_FAILED ? s->failure_text : s->waiting;

    if (!why[0] || s->state == OQ_SNAPSHOT_SUSPENDED || s->state == OQ_SNAPSHOT_COMPLETE) {
        line[0] = '\0';
        return;
    }
    memcpy(line, "          ", 11);
    oq_render_fit(why, columns > 10 ? columns - 10 : OQ_RENDER_LINE, line + 10,
                  OQ_RENDER_LINE - 10);
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *number_or_null(uint64_t value)
{
    return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
    json_t *value = text && text[0] ? json_string(text) : json_null();

    return value ? value : json_string("?"); /* it is not UTF-8 */
}

static json_t *time_or_null(int64_t wall_ms)
{
    char text[32];

    if (wall_ms <= 0)
        return json_null();
    oq_clock_format_wall(wall_ms, text);
    return json_string(text);
}

static json_t *failure_of(const struct oq_snapshot *s)
{
    char code[16];

    if (!s->failure)
        return json_null();
    snprintf(code, sizeof code, "0x%08X", (unsigned)s->failure);
    return json_pack("{s:s, s:o, s:o, s:o}", "code", code, "text", text_or_null(s->failure_text),
                     "file",
                     number_or_null(s->failed_file == OQ_NO_FILE ? UINT64_MAX : s->failed_file),
                     "at", time_or_null(s->failed_at_ms));
}

static json_t *group_object(const struct oq_snapshot *s)
{
    char group[OQ_GUID_TEXT];
    int percent = oq_render_percent(s->total_bytes, s->done_bytes);
    bool is_running = oq_snapshot_is_running(s);
    uint64_t rate = is_running ? s->bytes_per_s : 0;
    int64_t left = is_running ? oq_render_seconds_left(s->total_bytes, s->done_bytes, rate) : -1;

    oq_guid_format(&s->guid, group);
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:I, s:o, s:o, s:o, s:i, s:i, s:o, s:o, "
        "s:o, s:i, s:o, s:o}",
        "group", group, "name", text_or_null(s->name), "file", text_or_null(s->file), "state",
        oq_snapshot_states[s->state < OQ_SNAPSHOT_STATES ? s->state : 0], "foreground",
        (int)s->is_foreground, "waiting", text_or_null(s->waiting), "total_bytes",
        number_or_null(s->total_bytes), "done_bytes", (json_int_t)s->done_bytes, "percent",
        number_or_null(percent < 0 ? UINT64_MAX : (uint64_t)percent), "bytes_per_second",
        number_or_null(rate), "seconds_left",
        number_or_null(left < 0 ? UINT64_MAX : (uint64_t)left), "files", (int)s->total_files,
        "files_done", (int)s->done_files, "limit_bytes_per_second",
        number_or_null(s->max_bytes_per_s ? s->max_bytes_per_s : UINT64_MAX), "owner",
        text_or_null(s->owner), "created_at", time_or_null(s->created_at_ms), "retries",
        (int)s->retries, "retry_at", time_or_null(s->retry_at_ms), "failure", failure_of(s));
}

/* Frees the object. */
static char *print(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    char *copy = text ? oq_strdup(text) : NULL;

    free(text);
    json_decref(object);
    return copy;
}

char *oq_json_group(const struct oq_snapshot *s)
{
    return print(group_object(s));
}

static json_t *file_object(const struct oq_json_file *file)
{
    json_t *sources = json_array();

    for (unsigned i = 0; i < file->source_count; i++)
        json_array_append_new(sources,
                              json_pack("{s:o, s:o}", "url", text_or_null(file->sources[i].url),
                                        "state", text_or_null(file->sources[i].state)));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:i, s:o}", "url", text_or_null(file->url),
        "file", text_or_null(file->file), "state", text_or_null(file->state), "total_bytes",
        number_or_null(file->total_bytes), "done_bytes", (json_int_t)file->done_bytes, "temporary",
        text_or_null(file->temporary), "validator", text_or_null(file->validator), "sha256",
        text_or_null(file->sha256), "mismatches", (int)file->mismatches, "sources", sources);
}

char *oq_json_info(const struct oq_snapshot *s, const struct oq_json_file *files, size_t count)
{
    json_t *object = group_object(s), *list = json_array();
    bool is_good = object != NULL;

    for (size_t i = 0; is_good && i < count; i++)
        is_good = json_array_append_new(list, file_object(&files[i])) == 0;
    if (is_good)
        is_good = json_object_set(object, "file_list", list) == 0;
    json_decref(list);
    if (is_good)
        return print(object);
    json_decref(object);
    return NULL;
}

char *oq_json_event(const char *event, const struct oq_snapshot *s, int exit_status)
{
    json_t *object = group_object(s);
    bool is_good = object && json_object_set_new(object, "event", json_string(event)) == 0;

    if (is_good && exit_status >= 0)
        is_good = json_object_set_new(object, "exit_status", json_integer(exit_status)) == 0;
    if (!is_good) {
        json_decref(object);
        return NULL;
    }
    return print(object);
}
