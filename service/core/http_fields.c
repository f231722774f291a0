/* http_fields.c - parsers for the fields of a response that decide about a download.
 *
 * Pure; input is whatever a server sent, not terminated, of any length. A parser either understands
 * the whole value or refuses it. No locale, no allocation; each reads its input once.
 */
#include "oq_http.h"

#include <string.h>

#define MS_PER_S INT64_C(1000)
#define S_PER_DAY INT64_C(86400)

/* The rest of a value. */
struct cursor {
    const char *at;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char to_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c - 'A' + 'a') : c;
}

/* Without the optional white space around it (5.6.3). */
static struct cursor trim(const char *value, size_t length)
{
    struct cursor in = {value, value + length};

    while (in.at < in.end && is_blank(*in.at))
        in.at++;
    while (in.at < in.end && is_blank(in.end[-1]))
        in.end--;
    return in;
}

static bool is_at_end(const struct cursor *in)
{
    return in->at == in->end;
}

static bool take_char(struct cursor *in, char c)
{
    if (is_at_end(in) || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* `word` in lower case; the case of the input does not matter. */
static bool take_word(struct cursor *in, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(in->end - in->at) < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (to_lower(in->at[i]) != word[i])
            return false;
    }
    in->at += length;
    return true;
}

/* One digit at least. False without digits and above OQ_HTTP_SIZE_MAX; *overflows tells which. */
static bool take_number(struct cursor *in, uint64_t *value, bool *overflows)
{
    uint64_t sum = 0;

    *overflows = false;
    if (is_at_end(in) || !is_digit(*in->at))
        return false;
    while (!is_at_end(in) && is_digit(*in->at)) {
        uint64_t digit = (uint64_t)(*in->at++ - '0');

        if (*overflows || sum > (OQ_HTTP_SIZE_MAX - digit) / 10)
            *overflows = true;
        else
            sum = sum * 10 + digit;
    }
    if (*overflows)
        return false;
    *value = sum;
    return true;
}

static bool take_size(struct cursor *in, uint64_t *value)
{
    bool overflows;

    return take_number(in, value, &overflows);
}

enum oq_status oq_http_parse_content_range(const char *value, size_t length,
                                           struct oq_content_range *out)
{
    struct cursor in = trim(value, length);
    struct oq_content_range range = {0, 0, false, OQ_SIZE_UNKNOWN};

    if (!take_word(&in, "bytes") || is_at_end(&in) || !is_blank(*in.at))
        return OQ_E_INVALID_ARG;
    while (!is_at_end(&in) && is_blank(*in.at))
        in.at++;
    if (!take_char(&in, '*')) {
        if (!take_size(&in, &range.first) || !take_char(&in, '-') || !take_size(&in, &range.last) ||
            range.first > range.last)
            return OQ_E_INVALID_ARG;
        range.has_range = true;
    }
    if (!take_char(&in, '/'))
        return OQ_E_INVALID_ARG;
    /* "bytes * / *" says nothing at all and is not in the grammar. */
    if (!(range.has_range && take_char(&in, '*'))) {
        if (!take_size(&in, &range.total) || (range.has_range && range.last >= range.total))
            return OQ_E_INVALID_ARG;
    }
    if (!is_at_end(&in))
        return OQ_E_INVALID_ARG;
    *out = range;
    return OQ_OK;
}

enum oq_status oq_http_parse_length(const char *value, size_t length, uint64_t *out)
{
    struct cursor in = trim(value, length);
    uint64_t first, next;

    if (!take_size(&in, &first))
        return OQ_E_INVALID_ARG;
    while (!is_at_end(&in)) {
        while (!is_at_end(&in) && is_blank(*in.at))
            in.at++;
        if (!take_char(&in, ','))
            return OQ_E_INVALID_ARG;
        while (!is_at_end(&in) && is_blank(*in.at))
            in.at++;
        if (!take_size(&in, &next) || next != first)
            return OQ_E_INVALID_ARG;
    }
    *out = first;
    return OQ_OK;
}

enum oq_status oq_http_parse_etag(const char *value, size_t length, char tag[OQ_ETAG_MAX + 1],
                                  bool *is_weak)
{
    struct cursor in = trim(value, length);
    size_t size;
    bool weak = false;

    /* "W/" is case-sensitive; anything else before the quote is bad syntax. */
    if (in.end - in.at >= 2 && in.at[0] == 'W' && in.at[1] == '/') {
        weak = true;
        in.at += 2;
    }
    size = (size_t)(in.end - in.at);
    if (size < 2 || size > OQ_ETAG_MAX || in.at[0] != '"' || in.end[-1] != '"')
        return OQ_E_INVALID_ARG;
    for (const char *c = in.at + 1; c < in.end - 1; c++) {
        if ((unsigned char)*c <= 0x20 || *c == '"' || (unsigned char)*c >= 0x7F)
            return OQ_E_INVALID_ARG;
    }
    memcpy(tag, in.at, size);
    tag[size] = '\0';
    *is_weak = weak;
    return OQ_OK;
}

struct moment {
    unsigned year, month, day; /* month 1..12 */
    unsigned hour, minute, second;
};

/* Days from 1970-01-01 in the Gregorian calendar, also for dates before it came into use. The year
 * is made to begin in March, so that the leap day is its last, and 400 years are a cycle of 146,097
 * days. */
static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2 ? 1 : 0);
    int64_t cycle = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_cycle = y - cycle * 400;
    int64_t month_from_march = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)day - 1;

    return cycle * 146097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 +
           day_of_year - 719468;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap ? 1u : 0u);
}

static bool is_real(const struct moment *when)
{
    if (when->day < 1 || when->day > days_in_month(when->year, when->month) || when->hour > 23 ||
        when->minute > 59)
        return false;
    /* A leap second ends a day (5.6.7: 00:00:00 to 23:59:60). */
    return when->second <= 59 || (when->second == 60 && when->hour == 23 && when->minute == 59);
}

static bool take_digits(struct cursor *in, unsigned count, unsigned *value)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++) {
        if (is_at_end(in) || !is_digit(*in->at))
            return false;
        sum = sum * 10 + (unsigned)(*in->at++ - '0');
    }
    *value = sum;
    return true;
}

static bool take_one_of(struct cursor *in, const char *const *words, unsigned count,
                        unsigned *index)
{
    for (unsigned i = 0; i < count; i++) {
        if (take_word(in, words[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool take_month(struct cursor *in, unsigned *month)
{
    static const char *const names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};

    if (!take_one_of(in, names, 12, month))
        return false;
    *month += 1;
    return true;
}

static bool take_time(struct cursor *in, struct moment *when)
{
    return take_digits(in, 2, &when->hour) && take_char(in, ':') &&
           take_digits(in, 2, &when->minute) && take_char(in, ':') &&
           take_digits(in, 2, &when->second);
}

/* After "Sun, ": 06 Nov 1994 08:49:37 GMT. After "Sunday, ": 06-Nov-94 08:49:37 GMT. */
static bool take_fixdate(struct cursor *in, struct moment *when)
{
    return take_digits(in, 2, &when->day) && take_char(in, ' ') && take_month(in, &when->month) &&
           take_char(in, ' ') && take_digits(in, 4, &when->year) && take_char(in, ' ') &&
           take_time(in, when) && take_word(in, " gmt");
}

static bool take_rfc850(struct cursor *in, struct moment *when)
{
    if (!take_digits(in, 2, &when->day) || !take_char(in, '-') || !take_month(in, &when->month) ||
        !take_char(in, '-') || !take_digits(in, 2, &when->year) || !take_char(in, ' ') ||
        !take_time(in, when) || !take_word(in, " gmt"))
        return false;
    when->year += when->year >= 70 ? 1900u : 2000u;
    return true;
}

/* After "Sun ": Nov  6 08:49:37 1994. */
static bool take_asctime(struct cursor *in, struct moment *when)
{
    if (!take_month(in, &when->month) || !take_char(in, ' '))
        return false;
    if (take_char(in, ' ')) {
        if (!take_digits(in, 1, &when->day))
            return false;
    } else if (!take_digits(in, 2, &when->day)) {
        return false;
    }
    return take_char(in, ' ') && take_time(in, when) && take_char(in, ' ') &&
           take_digits(in, 4, &when->year);
}

/* The day of the week says nothing that the date does not, so a wrong one does no harm; it must be
 * one, though. The long names come first: each begins with its short one. */
static bool take_date(struct cursor *in, struct moment *when)
{
    static const char *const long_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                             "friday", "saturday", "sunday"};
    static const char *const short_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    unsigned day;

    if (take_one_of(in, long_names, 7, &day))
        return take_word(in, ", ") && take_rfc850(in, when);
    if (!take_one_of(in, short_names, 7, &day))
        return false;
    if (take_word(in, ", "))
        return take_fixdate(in, when);
    return take_char(in, ' ') && take_asctime(in, when);
}

enum oq_status oq_http_parse_date(const char *value, size_t length, int64_t *wall_ms)
{
    struct cursor in = trim(value, length);
    struct moment when;

    if (!take_date(&in, &when) || !is_at_end(&in) || !is_real(&when))
        return OQ_E_INVALID_ARG;
    *wall_ms = (days_since_1970(when.year, when.month, when.day) * S_PER_DAY +
                (int64_t)when.hour * 3600 + (int64_t)when.minute * 60 + (int64_t)when.second) *
               MS_PER_S;
    return OQ_OK;
}

enum oq_status oq_http_parse_retry_after(const char *value, size_t length, int64_t now_wall_ms,
                                         int64_t *delay_ms)
{
    struct cursor in = trim(value, length);
    uint64_t seconds = 0;
    int64_t delay, when_ms;
    bool overflows;

    if (!is_at_end(&in) && is_digit(*in.at)) {
        bool is_number = take_number(&in, &seconds, &overflows);

        if (!is_at_end(&in))
            return OQ_E_INVALID_ARG;
        /* More than fits still means "a very long time". */
        if (!is_number || seconds > (uint64_t)(OQ_RETRY_AFTER_MAX_MS / MS_PER_S))
            delay = OQ_RETRY_AFTER_MAX_MS;
        else
            delay = (int64_t)seconds * MS_PER_S;
    } else {
        enum oq_status status = oq_http_parse_date(in.at, (size_t)(in.end - in.at), &when_ms);

        if (status != OQ_OK)
            return status;
        if (__builtin_sub_overflow(when_ms, now_wall_ms, &delay))
            delay = when_ms < now_wall_ms ? 0 : OQ_RETRY_AFTER_MAX_MS;
    }
    if (delay < 0)
        delay = 0;
    if (delay > OQ_RETRY_AFTER_MAX_MS)
        delay = OQ_RETRY_AFTER_MAX_MS;
    *delay_ms = delay;
    return OQ_OK;
}

/* What a coded file is called when it is stored that way. */
static const struct coding {
    const char *name;
    const char *endings; /* separated by blanks */
} codings[] = {
    {"gzip", ".gz .tgz .svgz"},   {"x-gzip", ".gz .tgz .svgz"},
    {"compress", ".z .taz"},      {"x-compress", ".z .taz"},
    {"bzip2", ".bz2 .tbz .tbz2"}, {"x-bzip2", ".bz2 .tbz .tbz2"},
    {"xz", ".xz .txz"},           {"br", ".br"},
    {"zstd", ".zst .tzst"},
};

static bool has_ending(const char *path, size_t length, const char *endings)
{
    while (*endings != '\0') {
        size_t size = strcspn(endings, " ");
        size_t i = 0;

        while (i < size && size <= length && to_lower(path[length - size + i]) == endings[i])
            i++;
        if (i == size)
            return true;
        endings += size;
        endings += strspn(endings, " ");
    }
    return false;
}

bool oq_http_is_foreign_coding(const char *value, size_t length, const char *url)
{
    struct cursor in = trim(value, length);
    size_t path_length = url != NULL ? strcspn(url, "?#") : 0;

    if (is_at_end(&in))
        return false;
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        struct cursor name = in;

        if (take_word(&name, codings[i].name) && is_at_end(&name))
            return !has_ending(url, path_length, codings[i].endings);
    }
    /* "identity", or a list of nothing else; its elements may be empty (5.6.1). */
    for (;;) {
        (void)take_word(&in, "identity");
        while (!is_at_end(&in) && is_blank(*in.at))
            in.at++;
        if (is_at_end(&in))
            return false;
        if (!take_char(&in, ','))
            return true;
        while (!is_at_end(&in) && is_blank(*in.at))
            in.at++;
    }
}
