/* args.c - see args_int.h. */
#include "command_table_int.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "oq_url.h"
#include "snapshot_int.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 10000
#define MAX_BYTES_PER_S UINT64_C(12500000000) /* 100 Gbit/s, as MaxRateKbits */
#define MAX_TIMEOUT_S INT64_C(31536000)       /* a year: anything above is a typing error */
#define OPTION_BASE 256                       /* of what getopt_long returns */

struct parser {
    struct oq_args args;
    const struct oq_command_row *command; /* NULL: not known yet */
    uint64_t seen;                        /* 1 << index of the options that were given */
    char *message;
};

static bool has_seen(const struct parser *p, enum option_index option)
{
    return p->seen & (UINT64_C(1) << option);
}

bool oq_args_has_set(const struct oq_args *args)
{
    return args->is_all || args->is_failed || args->is_complete || args->match;
}

/* Notes what is wrong; false, for the caller to return. */
static bool OQ_PRINTF(2, 3) refuse(struct parser *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(p->message, OQ_ARGS_MESSAGE, fmt, args);
    va_end(args);
    return false;
}

/* The first form of the usage, or the one that begins with an option that was given. */
static bool refuse_with_usage(struct parser *p)
{
    const char *usage = p->command->usage;
    const char *given = p->args.metalink ? "\n--metalink" : p->args.input ? "\n--input" : NULL;
    const char *other = given ? strstr(usage, given) : NULL;

    if (other)
        usage = other + 1;
    return refuse(p, "usage: qmgrctl %s%s%.*s", p->command->name, *usage ? " " : "",
                  (int)strcspn(usage, "\n"), usage);
}

/* --- GROUP ------------------------------------------------------------------------------------ */

enum oq_status oq_group_id_parse(const char *text, struct oq_group_id *name)
{
    struct oq_group_id found = {0};
    bool has_brace = *text == '{';

    if (has_brace)
        text++;
    for (; *text && *text != '}'; text++) {
        /* A dash stands after digit 8, 12, 16 and 20, once. */
        if (*text == '-') {
            unsigned at = found.count;
            if ((at != 8 && at != 12 && at != 16 && at != 20) || text[-1] == '-')
                return OQ_E_INVALID_ARG;
            continue;
        }
        int value = oq_hex_digit(*text);
        if (value < 0 || found.count == OQ_GROUP_ID_DIGITS)
            return OQ_E_INVALID_ARG;
        found.digits[found.count++] = "0123456789abcdef"[value];
    }
    if (*text == '}' && (!has_brace || text[1] || found.count != OQ_GROUP_ID_DIGITS))
        return OQ_E_INVALID_ARG;
    if (found.count < OQ_GROUP_ID_SHORTEST)
        return OQ_E_INVALID_ARG;
    *name = found;
    return OQ_OK;
}

bool oq_group_id_is_whole(const struct oq_group_id *name)
{
    return name->count == OQ_GROUP_ID_DIGITS;
}

void oq_group_id_to_guid(const struct oq_group_id *name, struct oq_guid *guid)
{
    uint8_t bytes[16];

    if (oq_hex_parse(name->digits, name->count, bytes, sizeof bytes) == OQ_OK)
        oq_guid_from_bytes(bytes, guid);
}

bool oq_group_id_matches(const struct oq_group_id *name, const struct oq_guid *guid)
{
    char digits[OQ_GROUP_ID_DIGITS + 1];
    uint8_t bytes[16];

    oq_guid_to_bytes(guid, bytes);
    oq_hex_format(bytes, sizeof bytes, digits);
    return memcmp(digits, name->digits, name->count) == 0;
}

static bool refuse_unknown(struct parser *p, const char *what, const char *typed, bool is_option)
{
    char text[40];
    bool is_long = !is_option || strncmp(typed, "--", 2) == 0;
    const char *meant =
        is_long || strlen(typed) == 2 ? oq_command_guess(typed, is_option && is_long, text) : NULL;

    return refuse(p, "unknown %s %.80s%s%s%s", what, typed, meant ? "; did you mean " : "",
                  meant ? meant : "", meant ? "?" : "");
}

/* --- values ----------------------------------------------------------------------------------- */

/* A whole number, at most `max`. */
static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || text[digits])
        return false;
    *number = strtoull(text, NULL, 10); /* UINT64_MAX if it is larger */
    return *number <= max;
}

bool oq_args_parse_rate(const char *text, uint64_t *bytes_per_s)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"", 125},
                 {"kbit", 125},
                 {"mbit", 125e3},
                 {"gbit", 125e6},
                 {"k", 1024},
                 {"m", 1024.0 * 1024},
                 {"g", 1024.0 * 1024 * 1024}};
    size_t digits = strspn(text, "0123456789");
    size_t fraction = text[digits] == '.' ? 1 + strspn(text + digits + 1, "0123456789") : 0;
    const char *unit = text + digits + fraction;
    double value = 0, scale = 1;

    if (digits == 0 || digits > 15 || fraction == 1 || fraction > 15)
        return false;
    for (const char *c = text; c < unit; c++) { /* not by strtod, which follows the locale */
        if (*c == '.')
            continue;
        value = value * 10 + (*c - '0');
        scale *= c > text + digits ? 10 : 1;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!oq_ascii_is_same(unit, units[i].unit, strlen(unit) + 1))
            continue;
        value = value / scale * units[i].bytes;
        if (value < 1 || value > (double)MAX_BYTES_PER_S)
            return false;
        *bytes_per_s = (uint64_t)value;
        return true;
    }
    return false;
}

/* "30", "30s", "5m", "2h" */
static bool parse_time(struct parser *p, const char *name, const char *text, int64_t *ms)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    int64_t scale = *unit == 'h' ? 3600 : *unit == 'm' ? 60 : 1;
    uint64_t count = digits > 0 && digits < 10 ? strtoull(text, NULL, 10) : 0;

    if (count == 0 || (*unit && (!strchr("smh", *unit) || unit[1])) ||
        (int64_t)count > MAX_TIMEOUT_S / scale)
        return refuse(p, "--%s requires a time like 30, 5m or 2h", name);
    *ms = (int64_t)count * scale * 1000;
    return true;
}

static bool parse_sha256(struct parser *p, const char *value)
{
    const char *hex = strncmp(value, "sha256:", 7) == 0 ? value + 7 : value;

    p->args.has_sha256 = oq_hex_parse(hex, strlen(hex), p->args.sha256, OQ_SHA256_BYTES) == OQ_OK;
    if (p->args.has_sha256)
        return true;
    p->args.sha256_file = value;
    /* Digits alone, or another algorithm, are a mistake and not the name of a file. */
    return (hex == value && value[strspn(value, "0123456789abcdefABCDEF")]) ||
           refuse(p,
                  "--sha256 requires 64 hexadecimal digits, sha256:HEX, or a list like SHA256SUMS");
}

static bool parse_states(struct parser *p, const char *value)
{
    for (size_t length; *value; value += length + (value[length] == ',')) {
        uint32_t state = 1;
        length = strcspn(value, ",");
        while (state < OQ_SNAPSHOT_STATES &&
               (strlen(oq_snapshot_states[state]) != length ||
                memcmp(oq_snapshot_states[state], value, length) != 0))
            state++;
        if (state == OQ_SNAPSHOT_STATES)
            return refuse(p,
                          "--state knows no %.*s: suspended, queued, connecting, downloading, "
                          "waiting, finishing, failed or complete",
                          (int)(length > 80 ? 80 : length), value);
        p->args.states |= 1u << state;
    }
    return true;
}

static bool parse_sort(struct parser *p, const char *value)
{
    static const char *const keys[] = {"created", "name", "state", "size", "done", "rate"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(value, keys[i]) == 0) {
            p->args.sort = (enum oq_sort)i;
            return true;
        }
    }
    return refuse(p, "--sort requires created, name, state, size, done or rate");
}

static bool parse_rate(struct parser *p, const char *value)
{
    return oq_args_parse_rate(value, &p->args.bytes_per_s) ||
           refuse(p, "--limit requires a rate like 500k, 2M or 8000kbit");
}

static bool parse_value(struct parser *p, enum option_index option, char *value)
{
    struct oq_args *args = &p->args;

    switch ((int)option) {
    case OPTION_INPUT:
        args->input = value;
        return true;
    case OPTION_OUTPUT:
        args->file = value;
        return true;
    case OPTION_FOLDER:
        args->folder = value;
        return true;
    case OPTION_NAME:
        args->name = value;
        return true;
    case OPTION_MIRROR:
        if (args->mirror_count == OQ_SOURCES_MAX - 1)
            return refuse(p, "a file has at most %d mirrors", OQ_SOURCES_MAX - 1);
        args->mirrors[args->mirror_count++] = value;
        return true;
    case OPTION_METALINK:
        args->metalink = value;
        return true;
    case OPTION_SHA256:
        return parse_sha256(p, value);
    case OPTION_LIMIT:
        return parse_rate(p, value);
    case OPTION_PRIORITY:
        args->is_foreground = strcmp(value, "foreground") == 0;
        return args->is_foreground || strcmp(value, "background") == 0 ||
               refuse(p, "--priority requires background or foreground");
    case OPTION_STALL_TIMEOUT:
        return parse_time(p, "stall-timeout", value, &args->stall_timeout_ms);
    case OPTION_MAX_TIME:
        return parse_time(p, "max-time", value, &args->max_time_ms);
    case OPTION_GROUP:
        args->group = value;
        return true;
    case OPTION_MATCH:
        args->match = value;
        return true;
    case OPTION_STATE:
        return parse_states(p, value);
    case OPTION_USER:
        args->user = value;
        return true;
    case OPTION_SORT:
        return parse_sort(p, value);
    case OPTION_CLSID:
        args->has_clsid = oq_guid_parse(value, &args->clsid) == OQ_OK;
        return args->has_clsid ||
               refuse(p, "--clsid requires a class identifier like {xxxxxxxx-xxxx-...}");
    default:
        return true;
    }
}

/* The index of what getopt_long returned. */
static enum option_index index_of(int option)
{
    size_t i = 0;

    if (option >= OPTION_BASE)
        return (enum option_index)(option - OPTION_BASE);
    while (oq_options[i].letter != option)
        i++;
    return (enum option_index)i;
}

static void apply_flags(struct parser *p)
{
    struct oq_args *args = &p->args;

    args->is_quiet = has_seen(p, OPTION_QUIET);
    args->is_json = has_seen(p, OPTION_JSON);
    args->is_detached = has_seen(p, OPTION_NO_WAIT);
    args->is_foreground = args->is_foreground || has_seen(p, OPTION_FOREGROUND);
    args->is_removing = has_seen(p, OPTION_REMOVE);
    args->is_legacy = has_seen(p, OPTION_LEGACY);
    args->is_all = has_seen(p, OPTION_ALL);
    args->is_failed = has_seen(p, OPTION_FAILED);
    args->is_complete = has_seen(p, OPTION_COMPLETE);
    args->existing = has_seen(p, OPTION_NO_CLOBBER)  ? OQ_EXISTING_SKIPPED
                     : has_seen(p, OPTION_OVERWRITE) ? OQ_EXISTING_REPLACED
                     : has_seen(p, OPTION_RENAME)    ? OQ_EXISTING_KEPT
                                                     : OQ_EXISTING_REFUSED;
}

/* Each pair of options that contradict each other. */
static bool check_pairs(struct parser *p)
{
    static const enum option_index pairs[][2] = {
        {OPTION_NO_WAIT, OPTION_STALL_TIMEOUT}, {OPTION_NO_WAIT, OPTION_MAX_TIME},
        {OPTION_NO_WAIT, OPTION_WAIT},          {OPTION_NO_CLOBBER, OPTION_OVERWRITE},
        {OPTION_NO_CLOBBER, OPTION_RENAME},     {OPTION_OVERWRITE, OPTION_RENAME},
        {OPTION_METALINK, OPTION_SHA256},       {OPTION_METALINK, OPTION_MIRROR},
        {OPTION_METALINK, OPTION_INPUT},        {OPTION_INPUT, OPTION_OUTPUT},
        {OPTION_INPUT, OPTION_MIRROR},          {OPTION_FOREGROUND, OPTION_PRIORITY}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (has_seen(p, pairs[i][0]) && has_seen(p, pairs[i][1]))
            return refuse(p, "--%s and --%s cannot be combined", oq_options[pairs[i][0]].name,
                          oq_options[pairs[i][1]].name);
    }
    return true;
}

static bool parse_options(struct parser *p, int argc, char **argv)
{
    static char help[] = "--help";
    struct option longs[OPTION_COUNT + 1] = {0};
    int option, index = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++)
        longs[i] = (struct option){oq_options[i].name,
                                   oq_options[i].value ? required_argument : no_argument, NULL,
                                   (int)i + OPTION_BASE};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "/?") == 0 || strcmp(argv[i], "-?") == 0)
            argv[i] = help;
    }
    opterr = 0;
    optind = 0; /* restart, in glibc and MinGW alike */
    while ((option = getopt_long(argc, argv, ":hqVi:o:d:", longs, &index)) != -1) {
        if (option == ':')
            return refuse(p, "the option %.80s requires a value", argv[optind - 1]);
        if (option == '?')
            return refuse_unknown(p, "option", argv[optind - 1], true);
        enum option_index which = index_of(option);
        p->seen |= UINT64_C(1) << which;
        if (!parse_value(p, which, optarg))
            return false;
    }
    apply_flags(p);
    return true;
}

/* --- what stands behind a command ------------------------------------------------------------- */

static bool parse_nothing(struct parser *p, int count, char **words)
{
    (void)p;
    (void)count;
    (void)words;
    return true;
}

/* GROUP ..., or a set; not both, for the sake of `cancel 16f4 --all` typed in haste. */
static bool parse_groups(struct parser *p, int count, char **words)
{
    p->args.groups = words;
    p->args.group_count = count;
    if (count > 0 && oq_args_has_set(&p->args))
        return refuse(p, "a GROUP cannot be combined with --all, --failed, --complete or --match");
    for (int i = 0; i < count; i++) {
        if (!*words[i])
            return refuse_with_usage(p);
    }
    return count > 0 || oq_args_has_set(&p->args) || refuse_with_usage(p);
}

/* URL ... [FILE], or [FILE] with --metalink or --input. The first word is a URL whatever it looks
 * like: the service knows best what is wrong with it. */
static bool parse_get(struct parser *p, int count, char **words)
{
    struct oq_args *args = &p->args;
    int fewest = args->metalink || args->input ? 0 : 1;

    if (count < fewest)
        return refuse_with_usage(p);
    if (count > fewest && oq_url_scheme(words[count - 1]) == OQ_URL_OTHER) {
        if (args->file || args->folder)
            return refuse(p, "FILE is given twice: %.80s and with --%s", words[count - 1],
                          args->file ? "output" : "folder");
        args->file = words[--count];
    }
    if (args->metalink)
        return count == 0 || refuse_with_usage(p);
    for (int i = fewest; i < count; i++) {
        if (oq_url_scheme(words[i]) == OQ_URL_OTHER)
            return refuse_with_usage(p);
    }
    args->urls = words;
    args->url_count = count;
    if (count > 1 && args->mirror_count > 0)
        return refuse(p, "--mirror is for one URL, not for several");
    if (count > 1 && has_seen(p, OPTION_OUTPUT))
        return refuse(p, "--output is for one URL, not for several: --folder says where they go");
    if (count > 1 && args->has_sha256)
        return refuse(p,
                      "--sha256 with one hash is for one URL: a list like SHA256SUMS has several");
    return true;
}

/* GROUP [INDEX] URL */
static bool parse_set_url(struct parser *p, int count, char **words)
{
    uint64_t index = 0;

    p->args.group = words[0];
    if (count == 3 && !parse_number(words[1], OQ_NO_FILE - 1, &index))
        return refuse(p, "%.80s is not the number of a file: they count from 0", words[1]);
    p->args.file_index = (uint32_t)index;
    p->args.urls = words + count - 1;
    p->args.url_count = 1;
    return true;
}

static bool parse_limit(struct parser *p, int count, char **words)
{
    p->args.is_query = count == 0;
    return count == 0 || strcmp(words[0], "none") == 0 ||
           oq_args_parse_rate(words[0], &p->args.bytes_per_s) || refuse_with_usage(p);
}

static bool parse_pause_all(struct parser *p, int count, char **words)
{
    p->args.is_query = count == 0;
    if (count == 0)
        return true;
    p->args.is_on = strcmp(words[0], "on") == 0;
    return p->args.is_on || strcmp(words[0], "off") == 0 || refuse_with_usage(p);
}

/* [FILE [GROUP ...]] of export, [FILE] of import */
static bool parse_exchange(struct parser *p, int count, char **words)
{
    p->args.file = count > 0 ? words[0] : NULL;
    p->args.groups = words + 1;
    p->args.group_count = count > 1 ? count - 1 : 0;
    return true;
}

static bool parse_doctor(struct parser *p, int count, char **words)
{
    p->args.urls = words;
    p->args.url_count = count;
    return true;
}

static bool parse_completion(struct parser *p, int count, char **words)
{
    (void)count;
    p->args.shell = words[0];
    return strcmp(words[0], "bash") == 0 || strcmp(words[0], "powershell") == 0 ||
           refuse_with_usage(p);
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct {
    bool (*parse)(struct parser *p, int count, char **words); /* the words behind the command */
    int fewest, most;
} operands[] = {
#define COMMAND(ID, name, function, operands, fewest, most, ...)                                   \
    [OQ_COMMAND_##ID] = {parse_##operands, fewest, most},
#include "commands.def"
#undef COMMAND
};

static const struct oq_command_row *find_command(const char *name)
{
    for (size_t i = 0; i < OQ_COMMAND_COUNT; i++) {
        if (oq_ascii_is_same(name, oq_commands[i].name, strlen(name) + 1))
            return &oq_commands[i];
    }
    return NULL;
}

static bool check_options(struct parser *p)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (has_seen(p, (enum option_index)i) && !oq_command_takes(p->command, i))
            return refuse(p, "%s does not take the option --%s", p->command->name,
                          oq_options[i].name);
    }
    return check_pairs(p);
}

static bool parse(struct parser *p, int argc, char **argv)
{
    if (!parse_options(p, argc, argv))
        return false;
    int count = argc - optind;
    char **words = argv + optind;
    bool is_help = count > 0 && strcmp(words[0], "help") == 0; /* as in "help get" */
    words += is_help;
    count -= is_help;
    p->command = count > 0 ? find_command(words[0]) : NULL;
    p->args.command = p->command ? (enum oq_command)(p->command - oq_commands) : OQ_COMMAND_COUNT;
    if (is_help || has_seen(p, OPTION_HELP) || has_seen(p, OPTION_VERSION)) {
        p->args.help_of = p->args.command;
        p->args.command =
            is_help || has_seen(p, OPTION_HELP) ? OQ_COMMAND_HELP : OQ_COMMAND_VERSION;
        return true;
    }
    if (count == 0)
        return refuse(p, "a command is missing");
    if (!p->command)
        return refuse_unknown(p, "command", words[0], false);
    if (!check_options(p))
        return false;
    if (count - 1 < operands[p->args.command].fewest || count - 1 > operands[p->args.command].most)
        return refuse_with_usage(p);
    return operands[p->args.command].parse(p, count - 1, words + 1);
}

enum oq_status oq_args_parse(int argc, char **argv, struct oq_args *args,
                             char message[OQ_ARGS_MESSAGE])
{
    struct parser p = {.args = {.stall_timeout_ms = -1, .max_time_ms = -1}};
    p.message = message;

    if (!parse(&p, argc, argv))
        return OQ_E_INVALID_ARG;
    *args = p.args;
    return OQ_OK;
}

bool oq_args_pattern_fits(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL; /* the last '*', and where its part of the text ends */

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || oq_ascii_lower(*pattern) == oq_ascii_lower(*text)) {
            /* '?' stands for a whole character */
            text++;
            while (*pattern == '?' && ((unsigned char)*text & 0xc0) == 0x80)
                text++;
            pattern++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}
