/* oq_win_data.h - the service's own folder: where it is, who may enter it, that only one service
 * uses it.
 *
 * Owns the lock on the folder. The queue names users by SID and paths to write to with their
 * rights: a user who can write to this folder can act as any other. So it is made for LocalSystem
 * and Administrators only (and the user who runs `qmgrsvc run` without being either), and one that
 * somebody else has planted under %ProgramData%, where every user may create folders, is not used.
 */
#ifndef OQ_WIN_DATA_H
#define OQ_WIN_DATA_H

#include "oq_status.h"

enum oq_win_data_source {
    OQ_WIN_DATA_DEFAULT,    /* %ProgramData%\OpenQMGR. Planted by an untrusted owner or a link: set
                               aside under another name, and made new. Otherwise its permissions
                               are set again at each start */
    OQ_WIN_DATA_CONFIGURED, /* DataFolder in the registry. An untrusted owner is refused;
                               permissions of an existing folder are the administrator's */
    OQ_WIN_DATA_GIVEN,      /* `qmgrsvc run --data F`: an existing folder is taken as it is */
};

struct oq_win_data {
    char *folder; /* absolute, no separator at the end */
    char *database;
    char *log;
    void *lock; /* HANDLE of the lock file, which the system closes with the process */
};

/* %ProgramData%\OpenQMGR; new string (oq_free). */
OQ_MUST_CHECK enum oq_status oq_win_data_default(char **out, struct oq_error *err);

/* Creates the folder if need be (its last segment only), checks it, locks it. `folder` is used for
 * the two other sources and may be relative to the current folder with GIVEN. own_sid: who runs
 * this process. OQ_E_BUSY: another service process uses it, for 3 s by now; OQ_E_ACCESS_DENIED: not
 * ours to use, err->text says why; OQ_E_FILE_MISSING, OQ_E_IO, OQ_E_NOMEM. Release the result. */
OQ_MUST_CHECK enum oq_status oq_win_data_open(enum oq_win_data_source source, const char *folder,
                                              const char *own_sid, struct oq_win_data *out,
                                              struct oq_error *err);
void oq_win_data_release(struct oq_win_data *data); /* empty is accepted */

/* Deletes the files a service leaves in its folder, by name, and then the folder if nothing else is
 * in it: *is_gone says so. A folder that is not there is gone. OQ_E_BUSY while a service uses it.
 */
OQ_MUST_CHECK enum oq_status oq_win_data_purge(const char *folder, bool *is_gone,
                                               struct oq_error *err);

#endif
