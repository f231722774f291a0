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
 * give them the rest. rights.is_admin is "Administrators is enabled in the token", so an
 * administrator's programs that are not elevated are not meant; or LocalSystem. A service's SID, a
 * network logon and a token that was filtered other than by UAC are marks: work of such a
 * caller is done with such a token only.
 *
 * acquire, in this order: the process itself for LocalSystem; a remembered token; the process
 * itself for its own SID; LocalService and NetworkService, which LocalSystem may log on at any
 * time; the sessions of users who are logged on, and their elevated token for what was asked by an
 * elevated program. All of them only if their rights fit. Otherwise OQ_E_OWNER_ABSENT. Under Wine,
 * where COM cannot impersonate, the own SID is always the process itself. */
const struct oq_identity_port *oq_win_identities_port(struct oq_win_identities *identities);

/* A person has logged off: the tokens of that session are of no use any more, also to who holds an
 * identity. session_id 0 (services, scheduled tasks) is nobody's. Any thread. */
void oq_win_identities_logged_off(struct oq_win_identities *identities, uint32_t session_id);

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
