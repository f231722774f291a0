/* args_int.h - the command line of qmgrctl as a value.
 *
 * Pure but for getopt's own variables, so one thread at a time. Strings are UTF-8 and borrowed from
 * argv.
 */
#ifndef OQ_ARGS_INT_H
#define OQ_ARGS_INT_H

#include "oq_guid.h"
#include "oq_sources.h"

/* --- GROUP: the GUID of a download, or its first digits --- */

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

enum { OQ_EXIT_DONE = 0, OQ_EXIT_FAILED = 1, OQ_EXIT_USAGE = 2 };

enum oq_command {
#define COMMAND(ID, ...) OQ_COMMAND_##ID,
#include "commands.def"
#undef COMMAND
    OQ_COMMAND_COUNT,
    OQ_COMMAND_HELP, /* --help */
    OQ_COMMAND_VERSION
};

struct oq_args {
    enum oq_command command;
    enum oq_command help_of; /* --help: of that command; OQ_COMMAND_COUNT: of the program */
    const char *url;
    const char *file; /* NULL: named after the URL (get); NULL or "-": standard output (export) or
                         input (import) */
    const char *mirrors[OQ_SOURCES_MAX - 1];
    unsigned mirror_count;
    bool has_sha256;
    uint8_t sha256[OQ_SHA256_BYTES];
    const char *metalink; /* a document instead of URLs; or NULL */
    uint32_t file_index;  /* set-url */
    struct oq_group_id group;
    char **groups; /* export: each is a name of a group */
    int group_count;
    bool has_group; /* limit: of that group alone */
    uint32_t kbits; /* limit: kbit/s, 0 = none */
    bool is_on;     /* pause-all */
    bool is_query;  /* limit, pause-all without an operand: print the setting */
    bool is_quiet;
    bool is_detached; /* --no-wait */
    bool is_foreground;
    bool is_removing;   /* --remove */
    int64_t timeout_ms; /* -1: none */
    bool is_legacy;     /* no extension interfaces */
    bool has_clsid;
    struct oq_guid clsid;
};

#define OQ_ARGS_MESSAGE 256

/* OQ_E_INVALID_ARG with a sentence in `message` (no full stop) that says what is wrong.
 * Options may stand anywhere; "--" ends them. May change the order of argv. */
OQ_MUST_CHECK enum oq_status oq_args_parse(int argc, char **argv, struct oq_args *args,
                                           char message[OQ_ARGS_MESSAGE]);

/* The help of a command, or of the program for OQ_COMMAND_COUNT. New string (oq_free); NULL when
 * out of memory. */
char *oq_args_help(enum oq_command command);

#endif
