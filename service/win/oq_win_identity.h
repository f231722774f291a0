/* oq_win_identity.h - who calls, and impersonating a user: tokens.
 *
 * Owns the process's own identity and a bounded memory of the tokens that came with calls, so that
 * work for a user continues after their client has left. Any thread, unless it says otherwise.
 *
 * An identity holds an impersonation token, or nothing: then it is the process itself (LocalSystem
 * in production).
 */
#ifndef OQ_WIN_IDENTITY_H
#define OQ_WIN_IDENTITY_H

#include "oq_identity.h"

struct oq_win_identities;

/* OQ_E_NOMEM, OQ_E_IO. The result ends with oq_win_identities_free, after every identity that came
 * from it was given back. */
OQ_MUST_CHECK enum oq_status oq_win_identities_new(struct oq_win_identities **out,
                                                   struct oq_error *err);
void oq_win_identities_free(struct oq_win_identities *identities); /* NULL is allowed */

/* The port, borrowed; lives as long as `identities`.
 *
 * capture: see oq_identity.h. Refused: no thread token (unless this is Wine), the anonymous user,
 * restricted tokens (contract section 4), programs in an AppContainer or below medium integrity:
 * these run with less than their user's rights, and a queue that answers to the user's SID would
 * give them the rest. is_admin is "Administrators is enabled in the token", so an administrator's
 * programs that are not elevated are not meant; or LocalSystem.
 *
 * acquire, in this order: the process itself for its own SID when it is LocalSystem; a remembered
 * token (if both kinds are known, the one that is not elevated: a queue entry must not give a
 * user's plain programs what only their elevated ones may); the process itself for its own SID;
 * LocalService and NetworkService, which LocalSystem may log on at any time; the sessions of users
 * who are logged on. Otherwise OQ_E_OWNER_ABSENT. */
const struct oq_identity_port *oq_win_identities_port(struct oq_win_identities *identities);

/* SID of the process in text form; borrowed. */
const char *oq_win_identities_own_sid(const struct oq_win_identities *identities);

/* What is done as a user. err may be NULL. */
typedef enum oq_status oq_win_identity_work(void *arg, struct oq_error *err);

/* The one place that impersonates: calls `work` on this thread with the rights of `as` and drops
 * them again. A thread that cannot drop them ends the process, since whatever it did next would be
 * done as that user. The status of work; OQ_E_ACCESS_DENIED when as is NULL (nobody),
 * OQ_E_OWNER_ABSENT or OQ_E_ACCESS_DENIED when the token is of no use any more: work was not called
 * then. The calling thread must not be impersonating. */
OQ_MUST_CHECK enum oq_status oq_win_identity_run(struct oq_identity *as, oq_win_identity_work *work,
                                                 void *arg, struct oq_error *err);

#endif
