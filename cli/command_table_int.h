/* command_table_int.h - the commands and options of qmgrctl, for args.c and help.c. */
#ifndef OQ_COMMAND_TABLE_INT_H
#define OQ_COMMAND_TABLE_INT_H

#include "args_int.h"

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

extern const struct oq_option oq_options[];
extern const size_t oq_option_count;
extern const struct oq_command_row oq_commands[OQ_COMMAND_COUNT];

/* Every command takes the last OQ_COMMON_OPTIONS of oq_options. */
#define OQ_COMMON_OPTIONS 4
bool oq_command_takes(const struct oq_command_row *command, size_t option);

#endif
