/* render.c - see render_int.h. */
#include "render_int.h"

#include "oq_alloc.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_MS 8000 /* of the meter */
#define SPACING_MS 500 /* of its samples */
#define BAR_LONGEST 40
#define BAR_SHORTEST 10

void oq_render_size(uint64_t bytes, char text[OQ_RENDER_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

    if (bytes == OQ_RENDER_UNKNOWN) {
        snprintf(text, OQ_RENDER_TEXT, "?");
        return;
    }
    if (bytes < 1024) {
        snprintf(text, OQ_RENDER_TEXT, "%u B", (unsigned)bytes);
        return;
    }
    /* Tenths, rounded down, so that nothing incomplete looks complete. */
    unsigned unit = 0;
    while (unit + 1 < sizeof units / sizeof units[0] && bytes >> (10 * (unit + 2)) != 0)
        unit++;
    unsigned shift = 10 * (unit + 1);
    uint64_t whole = bytes >> shift;
    uint64_t rest = bytes & ((UINT64_C(1) << shift) - 1);
    unsigned tenths = (unsigned)(((rest >> (shift - 10)) * 10) >> 10);
    if (whole >= 100)
        snprintf(text, OQ_RENDER_TEXT, "%u %s", (unsigned)whole, units[unit]);
    else
        snprintf(text, OQ_RENDER_TEXT, "%u.%u %s", (unsigned)whole, tenths, units[unit]);
}

void oq_render_seconds(int64_t seconds, char text[OQ_RENDER_TEXT])
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 60) {
        snprintf(text, OQ_RENDER_TEXT, "%d s", (int)seconds);
    } else if (seconds < 3600) {
        snprintf(text, OQ_RENDER_TEXT, "%d min %02d s", (int)(seconds / 60), (int)(seconds % 60));
    } else if (seconds < 86400) {
        snprintf(text, OQ_RENDER_TEXT, "%d h %02d min", (int)(seconds / 3600),
                 (int)(seconds / 60 % 60));
    } else if (seconds < INT64_C(86400) * 10000) {
        int days = (int)(seconds / 86400);
        snprintf(text, OQ_RENDER_TEXT, "%d day%s %d h", days, days == 1 ? "" : "s",
                 (int)(seconds / 3600 % 24));
    } else {
        snprintf(text, OQ_RENDER_TEXT, "years");
    }
}

void oq_meter_init(struct oq_meter *meter)
{
    memset(meter, 0, sizeof *meter);
}

/* The last sample is replaced until it is SPACING_MS after the one before it. */
void oq_meter_add(struct oq_meter *meter, int64_t mono_ms, uint64_t done_bytes)
{
    unsigned last = meter->count - 1;

    if (meter->count > 0 &&
        (done_bytes < meter->samples[last].done_bytes || mono_ms < meter->samples[last].at_ms))
        meter->count = 0;
    if (meter->count >= 2 && mono_ms - meter->samples[last - 1].at_ms < SPACING_MS)
        meter->count--;
    if (meter->count == OQ_METER_SAMPLES) {
        memmove(&meter->samples[0], &meter->samples[1],
                (OQ_METER_SAMPLES - 1) * sizeof meter->samples[0]);
        meter->count--;
    }
    meter->samples[meter->count].at_ms = mono_ms;
    meter->samples[meter->count].done_bytes = done_bytes;
    meter->count++;
    unsigned old = 0;
    while (old + 2 < meter->count && mono_ms - meter->samples[old].at_ms > WINDOW_MS)
        old++;
    if (old > 0) {
        memmove(&meter->samples[0], &meter->samples[old],
                (meter->count - old) * sizeof meter->samples[0]);
        meter->count -= old;
    }
}

uint64_t oq_meter_rate(const struct oq_meter *meter)
{
    if (meter->count < 2)
        return OQ_RENDER_UNKNOWN;
    unsigned last = meter->count - 1;
    int64_t span_ms = meter->samples[last].at_ms - meter->samples[0].at_ms;
    if (span_ms < SPACING_MS)
        return OQ_RENDER_UNKNOWN;
    uint64_t bytes = meter->samples[last].done_bytes - meter->samples[0].done_bytes;
    if (bytes > UINT64_MAX / 1000)
        return bytes / (uint64_t)span_ms * 1000;
    return bytes * 1000 / (uint64_t)span_ms;
}

int64_t oq_render_seconds_left(uint64_t total_bytes, uint64_t done_bytes, uint64_t bytes_per_s)
{
    if (total_bytes == OQ_RENDER_UNKNOWN || bytes_per_s == OQ_RENDER_UNKNOWN)
        return -1;
    if (done_bytes >= total_bytes)
        return 0;
    if (bytes_per_s == 0)
        return -1;
    uint64_t seconds = (total_bytes - done_bytes - 1) / bytes_per_s + 1;
    return seconds > INT64_MAX ? INT64_MAX : (int64_t)seconds;
}

int oq_render_percent(uint64_t total_bytes, uint64_t done_bytes)
{
    if (total_bytes == OQ_RENDER_UNKNOWN)
        return -1;
    if (done_bytes >= total_bytes)
        return 100;
    if (total_bytes > UINT64_MAX / 100)
        return (int)(done_bytes / (total_bytes / 100 + 1));
    return (int)(done_bytes * 100 / total_bytes);
}

void oq_render_plain(const struct oq_render_view *view, char line[OQ_RENDER_LINE])
{
    char done[OQ_RENDER_TEXT], total[OQ_RENDER_TEXT], rate[OQ_RENDER_TEXT], left[OQ_RENDER_TEXT];
    int percent = oq_render_percent(view->total_bytes, view->done_bytes);
    size_t used;

    oq_render_size(view->done_bytes, done);
    oq_render_size(view->total_bytes, total);
    if (percent >= 0)
        used = (size_t)snprintf(line, OQ_RENDER_LINE, "%3d %%  %s of %s", percent, done, total);
    else
        used = (size_t)snprintf(line, OQ_RENDER_LINE, "%s of unknown size", done);

    if (view->note) {
        /* Cut at a character: the note may have a file name in any language. */
        char note[OQ_RENDER_LINE - 128];
        oq_render_fit(view->note, (unsigned)(sizeof note / 4), note, sizeof note);
        snprintf(line + used, OQ_RENDER_LINE - used, "  %s", note);
        return;
    }
    if (view->bytes_per_s == OQ_RENDER_UNKNOWN)
        return;
    oq_render_size(view->bytes_per_s, rate);
    used += (size_t)snprintf(line + used, OQ_RENDER_LINE - used, "  %s/s", rate);
    int64_t seconds =
        oq_render_seconds_left(view->total_bytes, view->done_bytes, view->bytes_per_s);
    if (seconds > 0) {
        oq_render_seconds(seconds, left);
        snprintf(line + used, OQ_RENDER_LINE - used, "  %s left", left);
    }
}

void oq_render_bar(const struct oq_render_view *view, unsigned columns, char line[OQ_RENDER_LINE])
{
    char plain[OQ_RENDER_LINE];
    int percent = oq_render_percent(view->total_bytes, view->done_bytes);

    oq_render_plain(view, plain);
    unsigned text = oq_render_columns(plain);
    unsigned used = 0;
    if (percent >= 0 && columns >= text + BAR_SHORTEST + 3) {
        unsigned cells = columns - text - 3;
        if (cells > BAR_LONGEST)
            cells = BAR_LONGEST;
        unsigned full = cells * (unsigned)percent / 100;
        line[used++] = '[';
        for (unsigned i = 0; i < cells; i++)
            line[used++] = i < full ? '#' : '.';
        line[used++] = ']';
        line[used++] = ' ';
    }
    oq_render_fit(plain, columns > used ? columns - used : 0, line + used, OQ_RENDER_LINE - used);
}

/* Bytes of the control character that a text begins with; 0: another character. */
static size_t control_length(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    if (c[0] < 0x20 || c[0] == 0x7f)
        return 1;
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) /* C1 */
        return 2;
    if (c[0] == 0xd8 && c[1] == 0x9c) /* U+061C */
        return 2;
    if (c[0] != 0xe2)
        return 0;
    if (c[1] == 0x80 && ((c[2] >= 0x8e && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae)))
        return 3; /* U+200E, U+200F; U+2028 to U+202E */
    return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9 ? 3 : 0; /* U+2066 to U+2069 */
}

void oq_render_printable(char *text)
{
    char *out = text;

    while (*text) {
        size_t length = control_length(text);
        *out++ = length > 0 ? '?' : *text;
        text += length > 0 ? length : 1;
    }
    *out = '\0';
}

unsigned oq_render_columns(const char *text)
{
    unsigned columns = 0;

    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

void oq_render_fit(const char *text, unsigned columns, char *out, size_t capacity)
{
    size_t length = strlen(text);

    if (capacity == 0)
        return;
    if (oq_render_columns(text) <= columns && length < capacity) {
        memcpy(out, text, length + 1);
        return;
    }
    const char *mark = columns >= 8 ? "..." : "";
    size_t mark_length = strlen(mark);
    size_t used = 0, end = 0;
    unsigned room = columns - (unsigned)mark_length;
    /* Whole characters, as long as the mark fits behind them. */
    while (text[end] && room > 0) {
        size_t next = end + 1;
        while (((unsigned char)text[next] & 0xc0) == 0x80)
            next++;
        if (next + mark_length >= capacity)
            break;
        used = end = next;
        room--;
    }
    memcpy(out, text, used);
    if (used + mark_length < capacity) {
        memcpy(out + used, mark, mark_length);
        used += mark_length;
    }
    out[used] = '\0';
}

void oq_render_group(const struct oq_guid *guid, char text[OQ_RENDER_GROUP_DIGITS + 1])
{
    char whole[OQ_GUID_TEXT];

    oq_guid_format(guid, whole);
    memcpy(text, whole + 1, OQ_RENDER_GROUP_DIGITS);
    text[OQ_RENDER_GROUP_DIGITS] = '\0';
}

const char *oq_render_file_name(const char *path)
{
    const char *base = path;

    for (; *path; path++) {
        if (*path == '\\' || *path == '/')
            base = path + 1;
    }
    return base;
}

void oq_render_sentence(const char *text, char *out, size_t capacity)
{
    size_t used = 0;

    for (; *text && used + 1 < capacity; text++) {
        if (*text == '.' && (text[1] == '\0' || strncmp(text + 1, " (", 2) == 0))
            continue;
        out[used++] = *text;
    }
    /* Never half a character: drop a lead byte whose continuation bytes are missing. */
    if (*text && ((unsigned char)*text & 0xc0) == 0x80) {
        while (used > 0 && ((unsigned char)out[used - 1] & 0xc0) == 0x80)
            used--;
        if (used > 0)
            used--;
    }
    out[used] = '\0';
}

void oq_render_url(const char *url, unsigned columns, char *out, size_t capacity)
{
    const char *host = strstr(url, "://");
    size_t authority = host ? strcspn(host + 3, "/?#") : 0;
    const char *at = NULL;

    for (size_t i = 0; i < authority; i++) {
        if (host[3 + i] == '@')
            at = host + 3 + i; /* the last one: that is where the host begins */
    }
    const char *colon = at ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;
    char *shown = colon ? oq_asprintf("%.*s:***%s", (int)(colon - url), url, at) : NULL;
    /* Out of memory: nothing rather than the password. */
    oq_render_fit(colon ? shown ? shown : "" : url, columns, out, capacity);
    oq_free(shown);
}
