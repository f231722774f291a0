/* http_fields.c - parsers for the fields of a response that decide about a download.
 *
 * Pure; input is whatever a server sent, not terminated, of any length. A parser either understands
 * the whole value or refuses it. No locale, no allocation; each reads its input once.
 */
#include "oq_http.h"

#include "oq_ascii.h"

#include <curl/curl.h>

#include <string.h>

#define MS_PER_S INT64_C(1000)
#define S_PER_DAY INT64_C(86400)

/* The rest of a value. */
struct cursor {
    const char *at;
    const char *end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
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

static void skip_blanks(struct cursor *in)
{
    while (!is_at_end(in) && is_blank(*in->at))
        in->at++;
}

/* With blanks around it, as some servers write them. */
static bool take_sign(struct cursor *in, char c)
{
    skip_blanks(in);
    if (!take_char(in, c))
        return false;
    skip_blanks(in);
    return true;
}

static bool take_word(struct cursor *in, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(in->end - in->at) < length || !oq_ascii_is_same(in->at, word, length))
        return false;
    in->at += length;
    return true;
}

/* One digit at least. False without digits and above OQ_HTTP_SIZE_MAX; *overflows tells which. */
static bool take_number(struct cursor *in, uint64_t *value, bool *overflows)
{
    uint64_t sum = 0;

    *overflows = false;
    if (is_at_end(in) || !oq_ascii_is_digit(*in->at))
        return false;
    while (!is_at_end(in) && oq_ascii_is_digit(*in->at)) {
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

    if (!take_word(&in, "bytes") || is_at_end(&in) || oq_ascii_is_digit(*in.at))
        return OQ_E_INVALID_ARG;
    skip_blanks(&in);
    if (take_char(&in, '=') || take_char(&in, ':'))
        skip_blanks(&in);
    if (!take_char(&in, '*')) {
        if (!take_size(&in, &range.first) || !take_sign(&in, '-') || !take_size(&in, &range.last) ||
            range.first > range.last)
            return OQ_E_INVALID_ARG;
        range.has_range = true;
    }
    if (!take_sign(&in, '/'))
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
        if (!take_sign(&in, ','))
            return OQ_E_INVALID_ARG;
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
    if (size == 0 || size > OQ_ETAG_MAX || (size == 1 && *in.at == '*'))
        return OQ_E_INVALID_ARG;
    bool is_quoted = size >= 2 && in.at[0] == '"' && in.end[-1] == '"';
    if (!is_quoted && size >= 2 && memcmp(in.at, "W/", 2) == 0)
        return OQ_E_INVALID_ARG;
    for (const char *c = in.at + is_quoted; c < in.end - is_quoted; c++) {
        if ((unsigned char)*c <= 0x20 || *c == '"' || (unsigned char)*c >= 0x7F ||
            (*c == ',' && !is_quoted))
            return OQ_E_INVALID_ARG;
    }
    memcpy(tag, in.at, size);
    tag[size] = '\0';
    *is_weak = weak;
    return OQ_OK;
}

static bool is_letter(char c)
{
    return oq_ascii_lower(c) >= 'a' && oq_ascii_lower(c) <= 'z';
}

/* Has the text this form? In it 'A' stands for a letter, '0' for a digit, '1' for one that is not
 * 0,
 * '_' for a digit or a blank. */
static bool has_form(const char *text, const char *form)
{
    for (; *form; form++, text++) {
        bool is_right = *form == 'A'   ? is_letter(*text)
                        : *form == '0' ? oq_ascii_is_digit(*text)
                        : *form == '1' ? oq_ascii_is_digit(*text) && *text != '0'
                        : *form == '_' ? oq_ascii_is_digit(*text) || *text == ' '
                                       : oq_ascii_lower(*text) == *form;
        if (!is_right)
            return false;
    }
    return *text == '\0';
}

/* Of the Gregorian calendar, from 1583 on. The year is made to begin in March, so that the leap day
 * is its last, and 400 years are a cycle of 146,097 days. */
static int64_t day_of_month(int64_t seconds)
{
    int64_t of_cycle = (seconds + INT64_C(719468) * S_PER_DAY) / S_PER_DAY % 146097;
    int64_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
    int64_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;

    return of_year - (153 * month + 2) / 5 + 1;
}

/* libcurl reads far more than the three forms, takes the 31st of February for the 3rd of March, and
 * any minute for one with a leap second: those end a day (5.6.7: 00:00:00 to 23:59:60). */
enum oq_status oq_http_parse_date(const char *value, size_t length, int64_t *wall_ms)
{
    struct cursor in = trim(value, length);
    char text[OQ_DATE_MAX + 1] = "";
    size_t size = (size_t)(in.end - in.at), name = 0;

    if (size > OQ_DATE_MAX)
        return OQ_E_INVALID_ARG;
    memcpy(text, in.at, size);
    while (is_letter(text[name]))
        name++;
    const char *rest = text + name, *day = rest + (*rest == ',' ? 2 : 5);
    if (strlen(text) != size || name < 3 ||
        !(name == 3 ? has_form(rest, ", 00 AAA 1000 00:00:00 gmt") ||
                          has_form(rest, " AAA _0 00:00:00 1000")
                    : has_form(rest, ", 00-AAA-00 00:00:00 gmt")))
        return OQ_E_INVALID_ARG;
    time_t seconds = curl_getdate(text, NULL);
    bool is_leap = memcmp(strrchr(text, ':') + 1, "60", 2) == 0;
    if (seconds == -1 || (is_leap && seconds % S_PER_DAY != 0) ||
        day_of_month(seconds - is_leap) != (day[0] == ' ' ? 0 : day[0] - '0') * 10 + day[1] - '0')
        return OQ_E_INVALID_ARG;
    *wall_ms = (int64_t)seconds * MS_PER_S;
    return OQ_OK;
}

bool oq_http_is_date_text(const char *value, size_t length)
{
    struct cursor in = trim(value, length);
    unsigned digits = 0;

    for (const char *c = in.at; c < in.end; c++) {
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7F)
            return false;
        digits += oq_ascii_is_digit(*c);
    }
    return in.end - in.at <= OQ_DATE_MAX && digits >= 8;
}

enum oq_status oq_http_parse_retry_after(const char *value, size_t length, int64_t now_wall_ms,
                                         int64_t *delay_ms)
{
    struct cursor in = trim(value, length);
    uint64_t seconds = 0;
    int64_t delay, when_ms;
    bool overflows;

    if (!is_at_end(&in) && oq_ascii_is_digit(*in.at)) {
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

/* The codings that there are (IANA's registry, and what servers use besides), and what a file is
 * called that is stored that way. */
static const struct coding {
    const char *name;
    const char *endings; /* separated by blanks */
} codings[] = {
    {"gzip", ".gz .tgz .svgz"},
    {"x-gzip", ".gz .tgz .svgz"},
    {"compress", ".z .taz"},
    {"x-compress", ".z .taz"},
    {"bzip2", ".bz2 .tbz .tbz2"},
    {"x-bzip2", ".bz2 .tbz .tbz2"},
    {"xz", ".xz .txz"},
    {"lzma", ".lzma .tlz"},
    {"br", ".br"},
    {"zstd", ".zst .tzst"},
    {"deflate", ""},
    {"dcb", ""},
    {"dcz", ""},
    {"exi", ""},
    {"pack200-gzip", ""},
};

static bool is_listed(const char *ending, size_t length, const char *endings)
{
    for (size_t size; *endings != '\0'; endings += size + strspn(endings + size, " ")) {
        size = strcspn(endings, " ");
        if (size == length && oq_ascii_is_same(ending, endings, size))
            return true;
    }
    return false;
}

/* Has the last part of the path one of the endings, also before others (x.tar.gz.asc)? Apache goes
 * by all of them. */
static bool has_ending(const char *path, const char *endings)
{
    size_t end = path ? strcspn(path, "?#") : 0, dot = end;

    while (dot > 0 && path[dot - 1] != '/' && path[dot - 1] != '\\') {
        if (path[--dot] != '.')
            continue;
        if (is_listed(path + dot, end - dot, endings))
            return true;
        end = dot;
    }
    return false;
}

static const struct coding *find_coding(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        if (oq_ascii_is_word(name, length, codings[i].name))
            return &codings[i];
    }
    return NULL;
}

bool oq_http_is_foreign_coding(const char *value, size_t length, const char *const names[],
                               size_t count)
{
    const struct coding *coding = NULL;
    bool is_named = false;

    for (size_t at = 0, size; at < length; at += size + 1) {
        const char *comma = memchr(value + at, ',', length - at);
        size = comma ? (size_t)(comma - value) - at : length - at;
        struct cursor word = trim(value + at, size);
        const struct coding *next = find_coding(word.at, (size_t)(word.end - word.at));
        if (next && coding)
            return true; /* twice */
        coding = next ? next : coding;
    }
    for (size_t i = 0; coding && i < count; i++)
        is_named |= has_ending(names[i], coding->endings);
    return coding && !is_named;
}
