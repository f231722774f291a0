/* render_int.h - values as text: sizes, times, rates, identifiers, progress as a bar or a line.
 *
 * Pure but for the allocator: no output, no clock; any thread. Sizes are shown in units of 1024
 * with the IEC names (KiB, MiB, ...): the numbers that Windows Explorer shows, with unambiguous
 * units. Rates are bytes per second in the same units. All texts are UTF-8 and always terminated.
 */
#ifndef OQ_RENDER_INT_H
#define OQ_RENDER_INT_H

#include "oq_guid.h"

#define OQ_RENDER_UNKNOWN UINT64_MAX /* a size or rate that is not known */
#define OQ_RENDER_TEXT 24            /* room for a size, a rate or a time */
#define OQ_RENDER_LINE 1024          /* room for a line */

/* "0 B", "1023 B", "1.0 KiB", "64.0 MiB"; one decimal below 100, none from there on; "?" for
 * OQ_RENDER_UNKNOWN. */
void oq_render_size(uint64_t bytes, char text[OQ_RENDER_TEXT]);

/* "7 s", "3 min 05 s", "2 h 07 min", "3 days 4 h"; a negative number counts as 0. */
void oq_render_seconds(int64_t seconds, char text[OQ_RENDER_TEXT]);

/* The rate of a download over the last seconds. A plain value; oq_meter_init first. */
#define OQ_METER_SAMPLES 16
struct oq_meter {
    struct {
        int64_t at_ms;
        uint64_t done_bytes;
    } samples[OQ_METER_SAMPLES];
    unsigned count;
};

void oq_meter_init(struct oq_meter *meter);
/* Adds a sample: the bytes received until a time of the monotonic clock. Fewer bytes than before (a
 * file that changed on the server is downloaded again) or an earlier time reset the meter. */
void oq_meter_add(struct oq_meter *meter, int64_t mono_ms, uint64_t done_bytes);
/* Mean over the last 8 seconds, bytes per second; OQ_RENDER_UNKNOWN in the first half second. */
uint64_t oq_meter_rate(const struct oq_meter *meter);

/* Seconds until the rest is received, rounded up; -1 if unknown. */
int64_t oq_render_seconds_left(uint64_t total_bytes, uint64_t done_bytes, uint64_t bytes_per_s);

/* Percentage rounded down, 100 only if complete; -1 if the total is unknown. */
int oq_render_percent(uint64_t total_bytes, uint64_t done_bytes);

struct oq_render_view {
    uint64_t total_bytes; /* or OQ_RENDER_UNKNOWN */
    uint64_t done_bytes;
    uint64_t bytes_per_s; /* or OQ_RENDER_UNKNOWN */
    const char *note;     /* the wait reason, shown instead of rate and time left; NULL: none */
};

/* "[#####.....]  50 %  32.0 MiB of 64.0 MiB  4.0 MiB/s  8 s left", at most `columns` wide: first
 * the bar is shortened (40 to 10 cells) or omitted, then the line. */
void oq_render_bar(const struct oq_render_view *view, unsigned columns, char line[OQ_RENDER_LINE]);
/* The same without a bar, of any length. */
void oq_render_plain(const struct oq_render_view *view, char line[OQ_RENDER_LINE]);

/* Replaces control characters in place by '?': C0 with line breaks and tabs, DEL, C1, line and
 * paragraph separators, and those that change the direction of text. Names of other users' files
 * and texts of servers could otherwise control the terminal or hide what they are. */
void oq_render_printable(char *text);

/* Copies a URL, shortened to that many columns as by oq_render_fit; a password in it is shown as
 * "***". */
void oq_render_url(const char *url, unsigned columns, char *out, size_t capacity);

/* Columns that valid UTF-8 takes on a terminal, counting every code point as one. */
unsigned oq_render_columns(const char *text);
/* Copies text, shortened to that many columns with "..." at the end. */
void oq_render_fit(const char *text, unsigned columns, char *out, size_t capacity);

#define OQ_RENDER_GROUP_DIGITS 8 /* digits that lists show */

/* The first OQ_RENDER_GROUP_DIGITS digits, as lists show them and commands take them. */
void oq_render_group(const struct oq_guid *guid, char text[OQ_RENDER_GROUP_DIGITS + 1]);

/* The last segment of a Windows path; borrowed. */
const char *oq_render_file_name(const char *path);

/* Copies a sentence of the service for use before a code in parentheses: without the full stop at
 * the end or before parentheses. Cut at a character if necessary. */
void oq_render_sentence(const char *text, char *out, size_t capacity);

#endif
