/* command_table_int.h - the commands and options of qmgrctl, for args.c and help.c. Pure; any
 * thread. */
#ifndef OQ_COMMAND_TABLE_INT_H
#define OQ_COMMAND_TABLE_INT_H

#include "args_int.h"

enum option_index {
    OPTION_QUIET,
    OPTION_INPUT,
    OPTION_OUTPUT,
    OPTION_FOLDER,
    OPTION_NAME,
    OPTION_MIRROR,
    OPTION_METALINK,
    OPTION_SHA256,
    OPTION_LIMIT,
    OPTION_PRIORITY,
    OPTION_FOREGROUND,
    OPTION_NO_CLOBBER,
    OPTION_OVERWRITE,
    OPTION_RENAME,
    OPTION_WAIT,
    OPTION_NO_WAIT,
    OPTION_STALL_TIMEOUT,
    OPTION_MAX_TIME,
    OPTION_REMOVE,
    OPTION_GROUP,
    OPTION_ALL,
    OPTION_FAILED,
    OPTION_COMPLETE,
    OPTION_MATCH,
    OPTION_STATE,
    OPTION_USER,
    OPTION_SORT,
    OPTION_JSON,
    OPTION_CLSID,
    OPTION_LEGACY,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
};

struct oq_option {
    const char *name;
    char letter;       /* short form, or 0 */
    const char *value; /* what it takes, or NULL */
    const char *help;
};

struct oq_command_row {
    const char *name;
    const char *options; /* names, divided by blanks */
    const char *usage, *summary, *description, *examples;
};

extern const struct oq_option oq_options[OPTION_COUNT];
extern const struct oq_command_row oq_commands[OQ_COMMAND_COUNT];

/* Every command takes the last OQ_COMMON_OPTIONS of oq_options. */
#define OQ_COMMON_OPTIONS 4
bool oq_command_takes(const struct oq_command_row *command, size_t option);

/* The command (option: the option, with dashes) that was probably meant; NULL: none is near. */
const char *oq_command_guess(const char *typed, bool is_option, char text[40]);

#endif
