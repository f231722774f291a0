/* command_table.c - see command_table_int.h. */
#include "command_table_int.h"

#include "oq_ascii.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct oq_option oq_options[] = {
    [OPTION_QUIET] = {"quiet", 'q', NULL, "show no progress"},
    [OPTION_INPUT] = {"input", 'i', "LIST", "download the URLs in the file LIST, one in each line; "
     "- is standard input. Lines that begin with # are skipped."},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", "save as FILE"},
    [OPTION_FOLDER] = {"folder", 'd', "FOLDER", "save in FOLDER"},
    [OPTION_NAME] = {"name", 0, "NAME", "the name that list shows and that can stand for GROUP"},
    [OPTION_MIRROR] = {"mirror", 0, "URL", "a further source of the same file; may be repeated"},
    [OPTION_METALINK] = {"metalink", 0, "DOCUMENT",
     "download the files of a Metalink 4 document, a file or a URL"},
    [OPTION_SHA256] = {"sha256", 0, "HASH", "the SHA-256 that the file must have: 64 hexadecimal "
     "digits, sha256:HEX, or a file with a list of hashes such as SHA256SUMS"},
    [OPTION_LIMIT] = {"limit", 0, "RATE", "limit the rate, as 500k or 2M; see limit --help"},
    [OPTION_PRIORITY] = {"priority", 0, "PRIORITY", "background (the default) or foreground"},
    [OPTION_FOREGROUND] = {"foreground", 0, NULL, "do not yield to other network traffic"},
    [OPTION_NO_CLOBBER] = {"no-clobber", 0, NULL, "skip a file that exists already"},
    [OPTION_OVERWRITE] = {"overwrite", 0, NULL, "replace a file that exists already"},
    [OPTION_RENAME] = {"rename", 0, NULL, "save as 'name (1)' if the file exists already"},
    [OPTION_WAIT] = {"wait", 0, NULL, "wait for the end (the default)"},
    [OPTION_NO_WAIT] = {"no-wait", 0, NULL,
     "print the identifier of each download and do not wait for it"},
    [OPTION_STALL_TIMEOUT] = {"stall-timeout", 0, "TIME", "give up when no data was received for "
     "that long: 30 (seconds), 5m, 2h. A download that get has started is removed "
     "from the queue if it has received nothing, and continues otherwise."},
    [OPTION_MAX_TIME] = {"max-time", 0, "TIME", "give up after that time in all; likewise"},
    [OPTION_REMOVE] = {"remove", 0, NULL,
     "remove the downloads from the queue when they are complete, as get does"},
    [OPTION_GROUP] = {"group", 0, "GROUP", "limit this download only"},
    [OPTION_ALL] = {"all", 0, NULL, "all downloads"},
    [OPTION_FAILED] = {"failed", 0, NULL, "those that have failed"},
    [OPTION_COMPLETE] = {"complete", 0, NULL, "those that are complete"},
    [OPTION_MATCH] = {"match", 0, "PATTERN", "those whose name fits, with * and ?"},
    [OPTION_STATE] = {"state", 0, "STATES", "those in these states: suspended, queued, connecting, "
     "downloading, waiting, finishing, failed, complete"},
    [OPTION_USER] = {"user", 0, "USER", "those of a user: a name or a SID"},
    [OPTION_SORT] = {"sort", 0, "KEY", "by created (the default), name, state, size, done or rate"},
    [OPTION_JSON] = {"json", 0, NULL, "print JSON, see docs/qmgrctl.md"},
    [OPTION_CLSID] = {"clsid", 0, "CLSID", "use the service that is registered under this class"},
    [OPTION_LEGACY] = {"legacy", 0, NULL,
     "use only the QMGR interfaces, not OpenQMGR's own: fewer details are shown, and an "
     "administrator becomes the owner of each download that is opened"},
    [OPTION_HELP] = {"help", 'h', NULL, "show the help, or that of one command"},
    [OPTION_VERSION] = {"version", 'V', NULL, "show the version"},
};
/* clang-format on */
_Static_assert(OPTION_COUNT - OPTION_CLSID == OQ_COMMON_OPTIONS, "these are the common ones");

const struct oq_command_row oq_commands[] = {
#define COMMAND(ID, name, function, operands, fewest, most, ...)                                   \
    [OQ_COMMAND_##ID] = {name, __VA_ARGS__},
#include "commands.def"
#undef COMMAND
};

bool oq_command_takes(const struct oq_command_row *command, size_t option)
{
    const char *name = oq_options[option].name;
    size_t length = strlen(name);

    if (option + OQ_COMMON_OPTIONS >= OPTION_COUNT)
        return true;
    for (const char *word = command->options; *word; word += strspn(word, " ")) {
        size_t end = strcspn(word, " ");
        if (end == length && memcmp(word, name, length) == 0)
            return true;
        word += end;
    }
    return false;
}

/* --- near misses ------------------------------------------------------------------------------ */

/* How many letters have to be changed, added, left out or swapped (optimal string alignment), at
 * most LONGEST_MISS letters long. */
#define LONGEST_MISS 20
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][LONGEST_MISS + 1];
    size_t n = strlen(a), m = strlen(b);

    if (n > LONGEST_MISS || m > LONGEST_MISS)
        return UINT32_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3], *before_that = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            char x = oq_ascii_lower(a[i - 1]), y = oq_ascii_lower(b[j - 1]);
            unsigned best = before[j - 1] + (x != y);
            best = before[j] + 1 < best ? before[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && x == oq_ascii_lower(b[j - 2]) && oq_ascii_lower(a[i - 2]) == y &&
                before_that[j - 2] + 1 < best)
                best = before_that[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

static bool is_same_word(const char *a, const char *b)
{
    return oq_ascii_is_same(a, b, strlen(a) + 1);
}

/* What users of other programs type. */
static const struct {
    const char *typed, *meant;
} synonyms[] = {
    {"add", "get"},
    {"download", "get"},
    {"create", "get"},
    {"transfer", "get"},
    {"addfile", "get"},
    {"remove", "cancel"},
    {"delete", "cancel"},
    {"rm", "cancel"},
    {"pause", "suspend"},
    {"stop", "suspend"},
    {"start", "resume"},
    {"retry", "resume"},
    {"ls", "list"},
    {"status", "list"},
    {"queue", "list"},
    {"show", "info"},
    {"monitor", "watch"},
    {"top", "watch"},
    {"clean", "prune"},
    {"purge", "prune"},
    {"throttle", "limit"},
    {"check", "doctor"},
    {"setpriority", "foreground"},
    {"--timeout", "--stall-timeout"},
    {"--checksum", "--sha256"},
    {"--limit-rate", "--limit"},
    {"--output-document", "--output"},
    {"--dir", "--folder"},
    {"--input-file", "--input"},
    {"--directory-prefix", "--folder"},
    {"--background", "--no-wait"},
    {"-O", "--output"},
    {"--max-download-limit", "--limit"},
    {"--continue", "nothing: a download always continues"},
    {"-c", "nothing: a download always continues"},
};

const char *oq_command_guess(const char *typed, bool is_option, char text[40])
{
    size_t count = is_option ? OPTION_COUNT : OQ_COMMAND_COUNT;
    const char *best = NULL;
    unsigned nearest = strlen(typed) > 5 ? 3 : 2; /* that many are too many */

    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (is_same_word(typed, synonyms[i].typed))
            return synonyms[i].meant;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = is_option ? oq_options[i].name : oq_commands[i].name;
        unsigned far = distance(typed + (is_option ? 2 : 0), name);
        if (far < nearest) {
            nearest = far;
            best = name;
        }
    }
    if (best && is_option)
        snprintf(text, 40, "--%s", best);
    return best && is_option ? text : best;
}
