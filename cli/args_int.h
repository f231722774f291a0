/* args_int.h - the command line of qmgrctl as a value.
 *
 * Pure but for getopt's own variables, so one thread at a time. Strings are UTF-8 and borrowed from
 * argv.
 */
#ifndef OQ_ARGS_INT_H
#define OQ_ARGS_INT_H

#include "oq_guid.h"
#include "oq_sources.h"

/* --- GROUP: the GUID of a download, its first digits, or a name --- */

#define OQ_GROUP_ID_DIGITS 32  /* hexadecimal digits of a GUID */
#define OQ_GROUP_ID_SHORTEST 4 /* fewer are refused: a typing error would find a group too easily */

struct oq_group_id {
    char digits[OQ_GROUP_ID_DIGITS + 1]; /* lower case, without dashes and braces */
    unsigned count;
};

/* Accepts a GUID in either case with or without braces, or its first 4 or more digits, with or
 * without the dashes where a GUID has them. OQ_E_INVALID_ARG otherwise. */
OQ_MUST_CHECK enum oq_status oq_group_id_parse(const char *text, struct oq_group_id *name);

bool oq_group_id_is_whole(const struct oq_group_id *name);
/* The GUID, if the name is whole. */
void oq_group_id_to_guid(const struct oq_group_id *name, struct oq_guid *guid);
bool oq_group_id_matches(const struct oq_group_id *name, const struct oq_guid *guid);

/* --- the command line --- */

enum oq_exit {
#define EXIT(ID, number, words) OQ_EXIT_##ID = (number),
#include "exits.def"
#undef EXIT
};

enum oq_command {
#define COMMAND(ID, ...) OQ_COMMAND_##ID,
#include "commands.def"
#undef COMMAND
    OQ_COMMAND_COUNT,
    OQ_COMMAND_HELP, /* --help */
    OQ_COMMAND_VERSION
};

/* What becomes of a file that exists already. */
enum oq_existing {
    OQ_EXISTING_REFUSED,
    OQ_EXISTING_SKIPPED,
    OQ_EXISTING_REPLACED,
    OQ_EXISTING_KEPT
};

enum oq_sort {
    OQ_SORT_CREATED,
    OQ_SORT_NAME,
    OQ_SORT_STATE,
    OQ_SORT_SIZE,
    OQ_SORT_DONE,
    OQ_SORT_RATE
};

struct oq_args {
    enum oq_command command;
    enum oq_command help_of; /* --help: of that command; OQ_COMMAND_COUNT: of the program */
    /* get; `urls` has further URLs of set-url and doctor, too */
    char **urls;
    int url_count;
    const char
        *file; /* FILE or FOLDER; NULL: named after the URL (get); NULL or "-": standard output
                         (export) or input (import) */
    const char *name;           /* --name, or NULL */
    const char *folder, *input; /* --folder; --input: a file with URLs, "-" for standard input */
    const char *mirrors[OQ_SOURCES_MAX - 1];
    unsigned mirror_count;
    bool has_sha256;
    uint8_t sha256[OQ_SHA256_BYTES];
    const char *sha256_file; /* a list of hashes instead, or NULL */
    const char *metalink;    /* a document instead of URLs; or NULL */
    enum oq_existing existing;
    uint32_t file_index; /* set-url */
    /* which downloads */
    char **groups; /* GROUP words */
    int group_count;
    const char *group; /* set-url, limit --group; or NULL */
    bool is_all, is_failed, is_complete;
    const char *match; /* a pattern, or NULL */
    uint32_t states;   /* --state: bits of oq_snapshot_state; 0: all */
    const char *user;  /* --user, or NULL */
    enum oq_sort sort;
    const char *shell; /* completion */

    uint64_t bytes_per_s; /* limit; 0 = none */
    bool is_on;           /* pause-all */
    bool is_query;        /* limit, pause-all without an operand: print the setting */
    bool is_quiet, is_json;
    bool is_detached; /* --no-wait */
    bool is_foreground;
    bool is_removing;         /* --remove */
    int64_t stall_timeout_ms; /* -1: none */
    int64_t max_time_ms;      /* -1: none */
    bool is_legacy;           /* no extension interfaces */
    bool has_clsid;
    struct oq_guid clsid;
};

/* Does a command that takes GROUP or --all and the like name a set, not single downloads? */
bool oq_args_has_set(const struct oq_args *args);

#define OQ_ARGS_MESSAGE 256

/* OQ_E_INVALID_ARG with a sentence in `message` (no full stop) that says what is wrong.
 * Options may stand anywhere; "--" ends them. May change the order of argv. */
OQ_MUST_CHECK enum oq_status oq_args_parse(int argc, char **argv, struct oq_args *args,
                                           char message[OQ_ARGS_MESSAGE]);

/* "500k", "2M", "1.5G": times 1024 bytes per second; "8000kbit", "10Mbit": bits; a number alone
 * counts kbit/s. False for anything else, 0, and more than 100 Gbit/s. */
bool oq_args_parse_rate(const char *text, uint64_t *bytes_per_s);

/* Does a text fit a pattern with '*' and '?', without regard to the case of ASCII letters? */
bool oq_args_pattern_fits(const char *pattern, const char *text);

/* The help of a command, or of the program for OQ_COMMAND_COUNT. New string (oq_free); NULL when
 * out of memory. */
char *oq_args_help(enum oq_command command);
/* Likewise the script that completes commands and options in "bash" or "powershell". */
char *oq_args_completion(const char *shell);

#endif
