/* commands_int.h - the commands of qmgrctl.
 *
 * Each command prints its results and errors and returns the exit status of the program. Main
 * thread only.
 */
#ifndef OQ_COMMANDS_INT_H
#define OQ_COMMANDS_INT_H

#include "args_int.h"
#include "client_int.h"

int oq_command_get(struct oq_client *client, const struct oq_args *args);
int oq_command_wait(struct oq_client *client, const struct oq_args *args);
int oq_command_set_url(struct oq_client *client, const struct oq_args *args);
int oq_command_list(struct oq_client *client, const struct oq_args *args);
int oq_command_info(struct oq_client *client, const struct oq_args *args);
int oq_command_export(struct oq_client *client, const struct oq_args *args);
int oq_command_import(struct oq_client *client, const struct oq_args *args);
/* suspend, resume and cancel */
int oq_command_change(struct oq_client *client, const struct oq_args *args);
int oq_command_limit(struct oq_client *client, const struct oq_args *args);
int oq_command_pause_all(struct oq_client *client, const struct oq_args *args);

#endif
