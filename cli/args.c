/* args.c - see args_int.h. */
#include "args_int.h"

#include "oq_ascii.h"
#include "oq_url.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KBITS 100000000u               /* as MaxRateKbits */
#define LONGEST_TIMEOUT_S INT64_C(31536000) /* a year: anything above is a typing error */

enum option_bit {
    OPTION_HELP = 1 << 0,
    OPTION_VERSION = 1 << 1,
    OPTION_QUIET = 1 << 2,
    OPTION_NO_WAIT = 1 << 3,
    OPTION_FOREGROUND = 1 << 4,
    OPTION_REMOVE = 1 << 5,
    OPTION_TIMEOUT = 1 << 6,
    OPTION_CLSID = 1 << 7,
    OPTION_SHA256 = 1 << 8,
    OPTION_METALINK = 1 << 9,
    OPTION_LEGACY = 1 << 10,
    OPTION_GROUP = 1 << 11,
};
#define OPTION_ANYWHERE ((unsigned)(OPTION_HELP | OPTION_VERSION | OPTION_CLSID | OPTION_LEGACY))

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"no-wait", no_argument, NULL, OPTION_NO_WAIT},
    {"foreground", no_argument, NULL, OPTION_FOREGROUND},
    {"remove", no_argument, NULL, OPTION_REMOVE},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"clsid", required_argument, NULL, OPTION_CLSID},
    {"sha256", required_argument, NULL, OPTION_SHA256},
    {"metalink", required_argument, NULL, OPTION_METALINK},
    {"legacy", no_argument, NULL, OPTION_LEGACY},
    {"group", required_argument, NULL, OPTION_GROUP},
    {NULL, 0, NULL, 0},
};

#define MOST_GROUPS 10000
#define GET_TAKES "a URL, perhaps more of them for the same file, and perhaps a FILE"

/* clang-format off */
static const struct {
    const char *name;
    enum oq_command command;
    unsigned options;          /* that it takes, besides OPTION_ANYWHERE */
    int fewest, most;          /* words after the command */
    const char *words;
} commands[] = {
    {"get", OQ_COMMAND_GET,
     OPTION_QUIET | OPTION_NO_WAIT | OPTION_FOREGROUND | OPTION_TIMEOUT | OPTION_SHA256 |
     OPTION_METALINK, 0, OQ_SOURCES_MAX + 1, GET_TAKES},
    {"list", OQ_COMMAND_LIST, 0, 0, 0, "nothing"},
    {"info", OQ_COMMAND_INFO, 0, 1, 1, "one GROUP"},
    {"suspend", OQ_COMMAND_SUSPEND, 0, 1, 1, "one GROUP"},
    {"resume", OQ_COMMAND_RESUME, OPTION_FOREGROUND, 1, 1, "one GROUP"},
    {"cancel", OQ_COMMAND_CANCEL, 0, 1, 1, "one GROUP"},
    {"set-url", OQ_COMMAND_SET_URL, 0, 2, 3, "a GROUP, perhaps the number of a file, and a URL"},
    {"wait", OQ_COMMAND_WAIT, OPTION_QUIET | OPTION_REMOVE | OPTION_TIMEOUT, 1, 1, "one GROUP"},
    {"limit", OQ_COMMAND_LIMIT, OPTION_GROUP, 1, 1, "a RATE in kbit/s, or none"},
    {"pause-all", OQ_COMMAND_PAUSE_ALL, 0, 1, 1, "on or off"},
    {"export", OQ_COMMAND_EXPORT, OPTION_QUIET, 0, MOST_GROUPS + 1,
     "perhaps a FILE, and perhaps GROUPs"},
    {"import", OQ_COMMAND_IMPORT, OPTION_QUIET, 0, 1, "perhaps a FILE"},
};
/* clang-format on */
#define COMMANDS (sizeof commands / sizeof commands[0])

static const char *option_name(unsigned option)
{
    for (const struct option *o = long_options; o->name; o++) {
        if ((unsigned)o->val == option)
            return o->name;
    }
    return "?";
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

/* --- options and words ------------------------------------------------------------------------ */

/* Whole seconds of 1 to a year. */
static bool parse_timeout(const char *text, int64_t *timeout_ms)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    long long seconds = strtoll(text, &end, 10);
    if (*end || seconds < 1 || seconds > LONGEST_TIMEOUT_S)
        return false;
    *timeout_ms = (int64_t)seconds * 1000;
    return true;
}

static bool parse_group(const char *text, struct oq_group_id *name, char *message)
{
    if (oq_group_id_parse(text, name) == OQ_OK)
        return true;
    snprintf(message, OQ_ARGS_MESSAGE,
             "%.80s is not a GROUP: that is an identifier as 'qmgrctl list' shows it, or at "
             "least its first %d digits",
             text, OQ_GROUP_ID_SHORTEST);
    return false;
}

/* Reads the options into args and the set of those seen. */
static enum oq_status parse_options(int argc, char **argv, struct oq_args *args, unsigned *seen,
                                    char *message)
{
    int option, index = 0;

    opterr = 0;
    optind = 0; /* begin anew, in glibc and MinGW alike */
    while ((option = getopt_long(argc, argv, ":hqV", long_options, &index)) != -1) {
        switch (option) {
        case 'h':
            option = OPTION_HELP;
            break;
        case 'q':
            option = OPTION_QUIET;
            break;
        case 'V':
            option = OPTION_VERSION;
            break;
        case OPTION_TIMEOUT:
            if (!parse_timeout(optarg, &args->timeout_ms)) {
                snprintf(message, OQ_ARGS_MESSAGE,
                         "--timeout wants a whole number of seconds, at least 1");
                return OQ_E_INVALID_ARG;
            }
            break;
        case OPTION_CLSID:
            if (oq_guid_parse(optarg, &args->clsid) != OQ_OK) {
                snprintf(message, OQ_ARGS_MESSAGE,
                         "--clsid wants a class identifier like {xxxxxxxx-xxxx-...}");
                return OQ_E_INVALID_ARG;
            }
            args->has_clsid = true;
            break;
        case OPTION_SHA256:
            if (oq_hex_parse(optarg, strlen(optarg), args->sha256, OQ_SHA256_BYTES) != OQ_OK) {
                snprintf(message, OQ_ARGS_MESSAGE, "--sha256 wants 64 hexadecimal digits");
                return OQ_E_INVALID_ARG;
            }
            args->has_sha256 = true;
            break;
        case OPTION_METALINK:
            args->metalink = optarg;
            break;
        case OPTION_GROUP:
            if (!parse_group(optarg, &args->group, message))
                return OQ_E_INVALID_ARG;
            args->has_group = true;
            break;
        case ':':
            snprintf(message, OQ_ARGS_MESSAGE, "the option %.80s wants a value", argv[optind - 1]);
            return OQ_E_INVALID_ARG;
        case '?':
            snprintf(message, OQ_ARGS_MESSAGE, "unknown option %.80s", argv[optind - 1]);
            return OQ_E_INVALID_ARG;
        default:
            break;
        }
        *seen |= (unsigned)option;
    }
    args->is_quiet = (*seen & OPTION_QUIET) != 0;
    args->is_detached = (*seen & OPTION_NO_WAIT) != 0;
    args->is_foreground = (*seen & OPTION_FOREGROUND) != 0;
    args->is_removing = (*seen & OPTION_REMOVE) != 0;
    args->is_legacy = (*seen & OPTION_LEGACY) != 0;
    return OQ_OK;
}

/* URL [URL ...] [FILE], or [FILE] with --metalink. The first word is a URL whatever it looks like:
 * the service says best what is wrong with it. */
static enum oq_status parse_get(int count, char **words, struct oq_args *args, char *message)
{
    int first = args->metalink ? 0 : 1;
    int last = count;

    if (args->metalink && args->has_sha256) {
        snprintf(message, OQ_ARGS_MESSAGE,
                 "--metalink and --sha256 contradict each other: the document has the hashes");
        return OQ_E_INVALID_ARG;
    }
    bool is_good = count >= first;
    if (is_good && count > first && oq_url_scheme(words[count - 1]) == OQ_URL_OTHER)
        args->file = words[--last];
    is_good = is_good && (!args->metalink || last == 0);
    for (int i = first; is_good && i < last; i++) {
        is_good =
            oq_url_scheme(words[i]) != OQ_URL_OTHER && args->mirror_count < OQ_SOURCES_MAX - 1;
        if (is_good)
            args->mirrors[args->mirror_count++] = words[i];
    }
    if (!is_good) {
        snprintf(message, OQ_ARGS_MESSAGE, "get takes %s",
                 args->metalink ? "with --metalink at most a FILE or folder" : GET_TAKES);
        return OQ_E_INVALID_ARG;
    }
    if (!args->metalink)
        args->url = words[0];
    return OQ_OK;
}

/* GROUP [INDEX] URL */
static enum oq_status parse_set_url(int count, char **words, struct oq_args *args, char *message)
{
    if (count == 3) {
        char *end = NULL;
        unsigned long long index = strtoull(words[1], &end, 10);
        if (words[1][0] < '0' || words[1][0] > '9' || *end || index >= OQ_NO_FILE) {
            snprintf(message, OQ_ARGS_MESSAGE,
                     "%.80s is not the number of a file: they count from 0", words[1]);
            return OQ_E_INVALID_ARG;
        }
        args->file_index = (uint32_t)index;
    }
    args->url = words[count - 1];
    return OQ_OK;
}

/* Whole kbit/s of 1 to 100 Gbit/s, or "none". */
static bool parse_rate(const char *text, uint32_t *kbits)
{
    char *end;

    if (strcmp(text, "none") == 0) {
        *kbits = 0;
        return true;
    }
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end || number < 1 || number > MOST_KBITS)
        return false;
    *kbits = (uint32_t)number;
    return true;
}

static bool parse_switch(const char *text, bool *is_on)
{
    *is_on = strcmp(text, "on") == 0;
    return *is_on || strcmp(text, "off") == 0;
}

/* [FILE [GROUP ...]] of export, [FILE] of import */
static enum oq_status parse_exchange(int count, char **words, struct oq_args *args, char *message)
{
    struct oq_group_id name;

    args->file = count > 0 ? words[0] : NULL;
    args->groups = words + 1;
    args->group_count = count > 1 ? count - 1 : 0;
    for (int i = 0; i < args->group_count; i++) {
        if (!parse_group(args->groups[i], &name, message))
            return OQ_E_INVALID_ARG;
    }
    return OQ_OK;
}

static enum oq_status parse_command(int count, char **words, unsigned seen, struct oq_args *args,
                                    char *message)
{
    size_t found = 0;

    if (count == 0) {
        snprintf(message, OQ_ARGS_MESSAGE, "a command is missing");
        return OQ_E_INVALID_ARG;
    }
    while (found < COMMANDS && strcmp(words[0], commands[found].name) != 0)
        found++;
    if (found == COMMANDS) {
        snprintf(message, OQ_ARGS_MESSAGE, "unknown command %.80s", words[0]);
        return OQ_E_INVALID_ARG;
    }
    unsigned refused = seen & ~(commands[found].options | OPTION_ANYWHERE);
    if (refused) {
        refused &= ~refused + 1; /* the lowest of them */
        snprintf(message, OQ_ARGS_MESSAGE, "%s does not take the option --%s", words[0],
                 option_name(refused));
        return OQ_E_INVALID_ARG;
    }
    if (count - 1 < commands[found].fewest || count - 1 > commands[found].most) {
        snprintf(message, OQ_ARGS_MESSAGE, "%s takes %s", words[0], commands[found].words);
        return OQ_E_INVALID_ARG;
    }
    args->command = commands[found].command;
    if ((args->command == OQ_COMMAND_LIMIT && !parse_rate(words[1], &args->kbits)) ||
        (args->command == OQ_COMMAND_PAUSE_ALL && !parse_switch(words[1], &args->is_on))) {
        snprintf(message, OQ_ARGS_MESSAGE, "%s takes %s", words[0], commands[found].words);
        return OQ_E_INVALID_ARG;
    }
    if (args->command == OQ_COMMAND_LIMIT || args->command == OQ_COMMAND_PAUSE_ALL)
        return OQ_OK;
    if (args->command == OQ_COMMAND_EXPORT || args->command == OQ_COMMAND_IMPORT)
        return parse_exchange(count - 1, words + 1, args, message);
    if (args->command == OQ_COMMAND_GET) {
        enum oq_status status = parse_get(count - 1, words + 1, args, message);
        if (status != OQ_OK)
            return status;
    } else if (count > 1 && !parse_group(words[1], &args->group, message)) {
        return OQ_E_INVALID_ARG;
    }
    if (args->command == OQ_COMMAND_SET_URL &&
        parse_set_url(count - 1, words + 1, args, message) != OQ_OK)
        return OQ_E_INVALID_ARG;
    if (args->is_detached && args->timeout_ms >= 0) {
        snprintf(message, OQ_ARGS_MESSAGE, "--no-wait and --timeout contradict each other");
        return OQ_E_INVALID_ARG;
    }
    return OQ_OK;
}

enum oq_status oq_args_parse(int argc, char **argv, struct oq_args *args,
                             char message[OQ_ARGS_MESSAGE])
{
    struct oq_args parsed = {.timeout_ms = -1};
    unsigned seen = 0;
    enum oq_status status = parse_options(argc, argv, &parsed, &seen, message);

    if (status == OQ_OK && (seen & OPTION_HELP))
        parsed.command = OQ_COMMAND_HELP;
    else if (status == OQ_OK && (seen & OPTION_VERSION))
        parsed.command = OQ_COMMAND_VERSION;
    else if (status == OQ_OK)
        status = parse_command(argc - optind, argv + optind, seen, &parsed, message);
    if (status == OQ_OK)
        *args = parsed;
    return status;
}

const char *oq_args_help(void)
{
    return "usage: qmgrctl get [--quiet] [--no-wait] [--foreground] [--timeout SECONDS] "
           "[--sha256 HEX]\n"
           "                   URL [URL ...] [FILE]\n"
           "       qmgrctl get [...] --metalink DOCUMENT [FILE]\n"
           "       qmgrctl list\n"
           "       qmgrctl info | suspend | cancel GROUP\n"
           "       qmgrctl resume [--foreground] GROUP\n"
           "       qmgrctl wait [--quiet] [--remove] [--timeout SECONDS] GROUP\n"
           "       qmgrctl set-url GROUP [INDEX] URL\n"
           "       qmgrctl limit [--group GROUP] RATE | none\n"
           "       qmgrctl pause-all on | off\n"
           "       qmgrctl export [--quiet] [FILE [GROUP ...]]\n"
           "       qmgrctl import [--quiet] [FILE]\n"
           "       qmgrctl --help | --version\n"
           "\n"
           "Downloads files through the OpenQMGR service, which keeps each download in its queue "
           "as a group: it\n"
           "goes on when this program ends, and after a restart of the computer.\n"
           "\n"
           "get      download URL (http or https) to FILE, and take it out of the queue when it is "
           "done.\n"
           "         FILE is by default named as in the URL, in the current folder; it may be a "
           "folder.\n"
           "         Ctrl-C leaves the download in the queue.\n"
           "         Further URLs are mirrors of the same file: they are asked when one fails, is "
           "slow or wrong.\n"
           "         A DOCUMENT (Metalink 4) brings the URLs, sizes and hashes of one or more "
           "files.\n"
           "list     show the downloads in the queue\n"
           "info     show everything about one\n"
           "suspend  pause it\n"
           "resume   go on with it, or try again after an error\n"
           "cancel   take it out of the queue; finished files stay, unfinished ones are deleted\n"
           "wait     wait until it is done\n"
           "set-url  replace the URL of a file, for example an expired one, and go on with the "
           "bytes that\n"
           "         are there; INDEX counts the files of the download from 0\n"
           "limit    let all background downloads together have no more than RATE kbit/s, or one "
           "download,\n"
           "         which then keeps to it in the foreground too\n"
           "pause-all\n"
           "         stop all downloads until it is set off, or let them go on\n"
           "export   write the downloads of the queue, or those named, to FILE (standard output if "
           "it "
           "is -\n"
           "         or missing), one in each line, so that another computer or a new installation "
           "can\n"
           "import   take them over. Those that are in its queue already are left alone, complete "
           "ones are\n"
           "         left out, and bytes that are there already are fetched again.\n"
           "\n"
           "GROUP is the identifier of a download, or the beginning of one: at least 4 digits.\n"
           "\n"
           "-q, --quiet          show no progress\n"
           "    --no-wait        do not wait: print the identifier and leave the rest to the "
           "service\n"
           "    --foreground     do not hold back in favour of other network traffic\n"
           "    --remove         take the download out of the queue when it is done, as get does\n"
           "    --timeout SECONDS\n"
           "                     give up when nothing has come in for so long. What get has "
           "started is then\n"
           "                     taken out of the queue if nothing of it is there yet, otherwise "
           "it stays.\n"
           "    --sha256 HEX     the file must have this SHA-256, or the download fails\n"
           "    --clsid CLSID    use the service that is registered under this class\n"
           "    --legacy         use the QMGR interfaces alone, not OpenQMGR's own: less is shown, "
           "and an\n"
           "                     administrator becomes the owner of each download that is looked "
           "at\n"
           "-h, --help           show this\n"
           "-V, --version        show the version\n"
           "\n"
           "Exit status: 0 done, 1 failed (one sentence on standard error says why), 2 wrong "
           "usage.\n";
}
