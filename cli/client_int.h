/* client_int.h - the connection to the service, which is restored when it is lost.
 *
 * Owns the COM apartment of the program and the manager object. Main thread only. A service that
 * was stopped or killed starts again with the next activation, so a step that fails because the
 * connection is lost is repeated on a new one. Steps are idempotent: they check first what exists.
 */
#ifndef OQ_CLIENT_INT_H
#define OQ_CLIENT_INT_H

#include "args_int.h"

#include <windows.h>

#define COBJMACROS
#include "openqmgr.h"

#define OQ_BYTES_PER_KBIT 125u /* limits are kbit/s for users and bytes/s in the interfaces */

struct oq_client {
    CLSID clsid;
    bool has_com;
    bool is_legacy;               /* as if the service had no extension interfaces */
    IBackgroundCopyQMgr *manager; /* NULL while there is no connection */
    IOpenQmgrManager *extension;  /* or NULL: --legacy, or the service has none */
    unsigned generation; /* number of connections so far; interface pointers are valid within one */
    /* Called with the step's ctx when the connection was lost, before connecting again; may be
     * NULL. */
    void (*on_lost)(void *ctx);
    /* A service that an administrator has stopped is not started again:
     * HRESULT_FROM_WIN32(ERROR_SERVICE_NOT_ACTIVE). */
    bool ends_on_stop;
};

/* clsid NULL: our own class. Does not connect yet. S_OK or a failure of COM; close it in either
 * case. */
HRESULT oq_client_open(struct oq_client *client, const struct oq_guid *clsid);
void oq_client_close(struct oq_client *client);

typedef HRESULT oq_client_step(struct oq_client *client, void *ctx);

/* Connects if necessary and runs the step with client->manager set; repeats both while the
 * connection is lost, for up to a minute from the first loss. The step's result, or the failure to
 * connect; E_ABORT when the user pressed Ctrl-C. */
HRESULT oq_client_run(struct oq_client *client, oq_client_step *step, void *ctx);

/* The sentence for a failure: from result.c, else the system's, else "unknown error". Valid until
 * the next call. */
const char *oq_client_error_text(HRESULT hr);

/* GUIDs of the caller's groups (of all, for an administrator). New array (oq_free), NULL when
 * *count is 0. */
HRESULT oq_client_list(struct oq_client *client, struct oq_guid **guids, size_t *count);

/* The settings in force, as a step with a struct oq_settings; E_NOTIMPL without the extension. */
struct oq_settings {
    OPENQMGR_SETTINGS all;
    char database[1024], log[1024];
};
HRESULT oq_settings_step(struct oq_client *client, void *ctx);

/* UTF-8 of a BSTR, NULL when out of memory or not valid Unicode. Caller frees with oq_free. */
char *oq_text_from_bstr(const wchar_t *bstr);
/* The other way; NULL likewise. Caller frees with SysFreeString. */
BSTR oq_text_to_bstr(const char *text);

/* Prints why something failed: "qmgrctl: SUBJECT: sentence (0x80070005)"; subject may be NULL.
 * Returns the exit status for it. */
int oq_client_report(const char *subject, HRESULT hr);

/* Downloads a small file for a command of its own, quietly; *path is its name, to be deleted by the
 * caller. OQ_EXIT_DONE, or the exit status after a sentence. */
#define OQ_TEMPORARY (MAX_PATH + 64)
int oq_get_temporary(struct oq_client *client, const struct oq_args *args, char *url,
                     wchar_t path[OQ_TEMPORARY]);

/* The commands of commands.def. Each prints its results and errors and returns the exit status of
 * the program. */
#define COMMAND(ID, name, function, ...)                                                           \
    int oq_command_##function(struct oq_client *client, const struct oq_args *args);
#include "commands.def"
#undef COMMAND

#endif
