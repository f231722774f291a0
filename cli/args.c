/* args.c - see args_int.h. */
#include "args_int.h"

#include "oq_alloc.h"
#include "oq_ascii.h"
#include "oq_url.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_GROUPS 10000
#define MAX_KBITS 100000000u            /* as MaxRateKbits */
#define MAX_TIMEOUT_S INT64_C(31536000) /* a year: anything above is a typing error */
#define HELP_COLUMNS 80

enum option_bit {
    OPTION_QUIET = 1 << 0,
    OPTION_NO_WAIT = 1 << 1,
    OPTION_FOREGROUND = 1 << 2,
    OPTION_REMOVE = 1 << 3,
    OPTION_TIMEOUT = 1 << 4,
    OPTION_SHA256 = 1 << 5,
    OPTION_METALINK = 1 << 6,
    OPTION_GROUP = 1 << 7,
    OPTION_CLSID = 1 << 8,
    OPTION_LEGACY = 1 << 9,
    OPTION_HELP = 1 << 10,
    OPTION_VERSION = 1 << 11,
};
#define OPTION_ANYWHERE ((unsigned)(OPTION_HELP | OPTION_VERSION | OPTION_CLSID | OPTION_LEGACY))

/* clang-format off */
static const struct {
    const char *name;
    char letter;        /* short form, or 0 */
    unsigned bit;
    const char *value;  /* what it takes, or NULL */
    const char *help;
} options[] = {
    {"quiet", 'q', OPTION_QUIET, NULL, "show no progress"},
    {"no-wait", 0, OPTION_NO_WAIT, NULL,
     "print the identifier of the download and do not wait for it"},
    {"foreground", 0, OPTION_FOREGROUND, NULL, "do not yield to other network traffic"},
    {"remove", 0, OPTION_REMOVE, NULL,
     "remove the download from the queue when it is complete, as get does"},
    {"timeout", 0, OPTION_TIMEOUT, "SECONDS",
     "give up when no data was received for that long. A download that get has started is removed "
     "from the queue if it has received nothing, and continues otherwise."},
    {"sha256", 0, OPTION_SHA256, "HEX", "the SHA-256 that the file must have"},
    {"metalink", 0, OPTION_METALINK, "DOCUMENT", "download the files of a Metalink 4 document"},
    {"group", 0, OPTION_GROUP, "GROUP", "limit this download only"},
    {"clsid", 0, OPTION_CLSID, "CLSID", "use the service that is registered under this class"},
    {"legacy", 0, OPTION_LEGACY, NULL,
     "use only the QMGR interfaces, not OpenQMGR's own: fewer details are shown, and an "
     "administrator becomes the owner of each download that is opened"},
    {"help", 'h', OPTION_HELP, NULL, "show the help, or that of one command"},
    {"version", 'V', OPTION_VERSION, NULL, "show the version"},
};
/* clang-format on */
#define OPTIONS (sizeof options / sizeof options[0])

struct parser;
static bool parse_nothing(struct parser *p, int count, char **words);
static bool parse_group(struct parser *p, int count, char **words);
static bool parse_get(struct parser *p, int count, char **words);
static bool parse_set_url(struct parser *p, int count, char **words);
static bool parse_limit(struct parser *p, int count, char **words);
static bool parse_pause_all(struct parser *p, int count, char **words);
static bool parse_exchange(struct parser *p, int count, char **words);

struct command {
    const char *name;
    bool (*parse)(struct parser *p, int count, char **words); /* the words behind the command */
    int fewest, most;
    unsigned options; /* besides OPTION_ANYWHERE */
    const char *usage, *summary, *description, *example;
};

static const struct command commands[] = {
#define COMMAND(ID, name, function, operands, fewest, most, options, ...)                          \
    [OQ_COMMAND_##ID] = {name, parse_##operands, fewest, most, options, __VA_ARGS__},
#include "commands.def"
#undef COMMAND
};
#define COMMANDS (sizeof commands / sizeof commands[0])

struct parser {
    struct oq_args args;
    const struct command *command; /* NULL: not known yet */
    unsigned seen;                 /* bits of the options that were given */
    char *message;
};

/* Notes what is wrong; false, for the caller to return. */
static bool OQ_PRINTF(2, 3) refuse(struct parser *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(p->message, OQ_ARGS_MESSAGE, fmt, args);
    va_end(args);
    return false;
}

/* The usage that applies: with --metalink the second one, where there is one. */
static bool refuse_with_usage(struct parser *p)
{
    const char *usage = p->command->usage;
    const char *other = strchr(usage, '\n');

    if (other && p->args.metalink)
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

/* --- options ---------------------------------------------------------------------------------- */

/* A whole number, at most `max`. */
static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || text[digits])
        return false;
    *number = strtoull(text, NULL, 10); /* UINT64_MAX if it is larger */
    return *number <= max;
}

static bool parse_group_id(struct parser *p, const char *text)
{
    return oq_group_id_parse(text, &p->args.group) == OQ_OK ||
           refuse(p,
                  "%.80s is not a GROUP: that is an identifier as 'qmgrctl list' shows it, or at "
                  "least its first %d digits",
                  text, OQ_GROUP_ID_SHORTEST);
}

static bool parse_value(struct parser *p, unsigned option, char *value)
{
    uint64_t seconds = 0;

    switch (option) {
    case OPTION_TIMEOUT:
        if (!parse_number(value, MAX_TIMEOUT_S, &seconds) || seconds < 1)
            return refuse(p, "--timeout requires a whole number of seconds, at least 1");
        p->args.timeout_ms = (int64_t)seconds * 1000;
        return true;
    case OPTION_CLSID:
        p->args.has_clsid = oq_guid_parse(value, &p->args.clsid) == OQ_OK;
        return p->args.has_clsid ||
               refuse(p, "--clsid requires a class identifier like {xxxxxxxx-xxxx-...}");
    case OPTION_SHA256:
        p->args.has_sha256 =
            oq_hex_parse(value, strlen(value), p->args.sha256, OQ_SHA256_BYTES) == OQ_OK;
        return p->args.has_sha256 || refuse(p, "--sha256 requires 64 hexadecimal digits");
    case OPTION_METALINK:
        p->args.metalink = value;
        return true;
    case OPTION_GROUP:
        p->args.has_group = true;
        return parse_group_id(p, value);
    default:
        return true;
    }
}

static bool parse_options(struct parser *p, int argc, char **argv)
{
    struct option longs[OPTIONS + 1] = {0};
    int option, index = 0;

    for (size_t i = 0; i < OPTIONS; i++)
        longs[i] =
            (struct option){options[i].name, options[i].value ? required_argument : no_argument,
                            NULL, (int)options[i].bit};
    opterr = 0;
    optind = 0; /* restart, in glibc and MinGW alike */
    while ((option = getopt_long(argc, argv, ":hqV", longs, &index)) != -1) {
        if (option == ':')
            return refuse(p, "the option %.80s requires a value", argv[optind - 1]);
        if (option == '?')
            return refuse(p, "unknown option %.80s", argv[optind - 1]);
        for (size_t i = 0; i < OPTIONS; i++) {
            if (option == options[i].letter)
                option = (int)options[i].bit;
        }
        p->seen |= (unsigned)option;
        if (!parse_value(p, (unsigned)option, optarg))
            return false;
    }
    p->args.is_quiet = (p->seen & OPTION_QUIET) != 0;
    p->args.is_detached = (p->seen & OPTION_NO_WAIT) != 0;
    p->args.is_foreground = (p->seen & OPTION_FOREGROUND) != 0;
    p->args.is_removing = (p->seen & OPTION_REMOVE) != 0;
    p->args.is_legacy = (p->seen & OPTION_LEGACY) != 0;
    if (p->args.is_detached && p->args.timeout_ms >= 0)
        return refuse(p, "--no-wait and --timeout cannot be combined");
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

static bool parse_group(struct parser *p, int count, char **words)
{
    (void)count;
    return parse_group_id(p, words[0]);
}

/* URL [MIRROR-URL ...] [FILE], or [FILE] with --metalink. The first word is a URL whatever it looks
 * like: the service knows best what is wrong with it. */
static bool parse_get(struct parser *p, int count, char **words)
{
    struct oq_args *args = &p->args;
    int mirrors = args->metalink ? 0 : 1; /* index of the first one */

    if (args->metalink && args->has_sha256)
        return refuse(p, "--metalink and --sha256 cannot be combined: the document has the hashes");
    if (count < mirrors)
        return refuse_with_usage(p);
    if (count > mirrors && oq_url_scheme(words[count - 1]) == OQ_URL_OTHER)
        args->file = words[--count];
    if (args->metalink)
        return count == 0 || refuse_with_usage(p);
    args->url = words[0];
    for (int i = mirrors; i < count; i++) {
        if (oq_url_scheme(words[i]) == OQ_URL_OTHER || args->mirror_count == OQ_SOURCES_MAX - 1)
            return refuse_with_usage(p);
        args->mirrors[args->mirror_count++] = words[i];
    }
    return true;
}

/* GROUP [INDEX] URL */
static bool parse_set_url(struct parser *p, int count, char **words)
{
    uint64_t index = 0;

    if (!parse_group_id(p, words[0]))
        return false;
    if (count == 3 && !parse_number(words[1], OQ_NO_FILE - 1, &index))
        return refuse(p, "%.80s is not the number of a file: they count from 0", words[1]);
    p->args.file_index = (uint32_t)index;
    p->args.url = words[count - 1];
    return true;
}

/* RATE in kbit/s, up to 100 Gbit/s, or none */
static bool parse_limit(struct parser *p, int count, char **words)
{
    uint64_t kbits = 0;

    p->args.is_query = count == 0;
    if (count > 0 && strcmp(words[0], "none") != 0 &&
        (!parse_number(words[0], MAX_KBITS, &kbits) || kbits < 1))
        return refuse_with_usage(p);
    p->args.kbits = (uint32_t)kbits;
    return true;
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
    for (int i = 0; i < p->args.group_count; i++) {
        if (!parse_group_id(p, p->args.groups[i]))
            return false;
    }
    return true;
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

static bool check_options(struct parser *p)
{
    unsigned refused = p->seen & ~(p->command->options | OPTION_ANYWHERE);

    for (size_t i = 0; i < OPTIONS; i++) {
        if (refused & options[i].bit)
            return refuse(p, "%s does not take the option --%s", p->command->name, options[i].name);
    }
    return true;
}

static bool parse(struct parser *p, int argc, char **argv)
{
    if (!parse_options(p, argc, argv))
        return false;
    int count = argc - optind;
    char **words = argv + optind;
    p->command = count > 0 ? find_command(words[0]) : NULL;
    p->args.command = p->command ? (enum oq_command)(p->command - commands) : OQ_COMMAND_COUNT;
    if (p->seen & (OPTION_HELP | OPTION_VERSION)) {
        p->args.help_of = p->args.command;
        p->args.command = p->seen & OPTION_HELP ? OQ_COMMAND_HELP : OQ_COMMAND_VERSION;
        return true;
    }
    if (count == 0)
        return refuse(p, "a command is missing");
    if (!p->command)
        return refuse(p, "unknown command %.80s", words[0]);
    if (!check_options(p))
        return false;
    if (count - 1 < p->command->fewest || count - 1 > p->command->most)
        return refuse_with_usage(p);
    return p->command->parse(p, count - 1, words + 1);
}

enum oq_status oq_args_parse(int argc, char **argv, struct oq_args *args,
                             char message[OQ_ARGS_MESSAGE])
{
    struct parser p = {.args.timeout_ms = -1};
    p.message = message;

    if (!parse(&p, argc, argv))
        return OQ_E_INVALID_ARG;
    *args = p.args;
    return OQ_OK;
}

/* --- help ------------------------------------------------------------------------------------- */

/* Text that grows; NULL once there was no memory. */
static void append(char **text, const char *fmt, ...) OQ_PRINTF(2, 3);

static void append(char **text, const char *fmt, ...)
{
    char part[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(part, sizeof part, fmt, args);
    va_end(args);
    char *longer = *text ? oq_asprintf("%s%s", *text, part) : NULL;
    oq_free(*text);
    *text = longer;
}

/* Words within HELP_COLUMNS, each line indented; the first one begins behind what is there. */
static void append_wrapped(char **text, unsigned indent, unsigned used, const char *words)
{
    for (unsigned column = used; *words; words += *words != '\0') {
        unsigned length = (unsigned)strcspn(words, " \n");
        if (column > indent && column + 1 + length > HELP_COLUMNS) {
            append(text, "\n");
            column = 0;
        }
        append(text, "%*s%.*s", column < indent ? (int)(indent - column) : column > indent, "",
               (int)length, words);
        column = (column < indent ? indent : column + (column > indent)) + length;
        words += length;
        if (*words == '\n') {
            append(text, "\n");
            column = 0;
        }
    }
    append(text, "\n");
}

static void append_options(char **text, unsigned bits)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        char name[40];
        if (!(options[i].bit & bits))
            continue;
        char letter[] = {'-', options[i].letter, ',', '\0'};
        int used = snprintf(name, sizeof name, "  %3s --%s %s", options[i].letter ? letter : "",
                            options[i].name, options[i].value ? options[i].value : "");
        append(text, "%s", name);
        append_wrapped(text, 26, (unsigned)used, options[i].help);
    }
}

static char *help_of_command(const struct command *command)
{
    char *text = oq_strdup("usage:");
    const char *usage = command->usage;

    for (unsigned form = 0;; form++) {
        append(&text, "%sqmgrctl %s%s%.*s\n", form ? "       " : " ", command->name,
               *usage ? " " : "", (int)strcspn(usage, "\n"), usage);
        usage = strchr(usage, '\n');
        if (!usage)
            break;
        usage++;
    }
    append(&text, "\n");
    append_wrapped(&text, 0, 0, command->description);
    append(&text, "\noptions:\n");
    append_options(&text, command->options | OPTION_ANYWHERE);
    append(&text, "\nexample:\n  qmgrctl %s\n", command->example);
    return text;
}

char *oq_args_help(enum oq_command command)
{
    if (command < OQ_COMMAND_COUNT)
        return help_of_command(&commands[command]);
    char *text = oq_strdup("usage: qmgrctl COMMAND [OPTIONS] ...\n\n");
    append_wrapped(&text, 0, 0,
                   "Downloads files through the OpenQMGR service. Each download is a group in the "
                   "service's queue: it continues when this program ends and after a restart of "
                   "the computer. GROUP is the identifier of a download, or at least its first 4 "
                   "digits.");
    append(&text, "\ncommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        append(&text, "  %-11s %s\n", commands[i].name, commands[i].summary);
    append(&text, "\noptions:\n");
    append_options(&text, ~0u);
    append(&text, "\n");
    append_wrapped(&text, 0, 0,
                   "'qmgrctl COMMAND --help' shows the usage of a command and an example.\n"
                   "Exit status: 0 done, 1 failed (one sentence on standard error says why), "
                   "2 wrong usage.");
    return text;
}
