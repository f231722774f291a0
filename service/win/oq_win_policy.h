/* oq_win_policy.h - tells when an administrator changes the registry.
 *
 * Owns one thread, which waits for changes below SOFTWARE\OpenQMGR and SOFTWARE\Policies\OpenQMGR
 * of HKEY_LOCAL_MACHINE. A key that does not exist yet is looked
 * for once a second.
 */
#ifndef OQ_WIN_POLICY_H
#define OQ_WIN_POLICY_H

#include "oq_status.h"

struct oq_win_policy;

/* On the watching thread. */
typedef void oq_win_policy_changed(void *ctx);

/* From now on `changed` is called within 1.2 s of any change of those keys. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_policy_start(oq_win_policy_changed *changed, void *ctx,
                                                 struct oq_win_policy **out, struct oq_error *err);
/* Returns when no callback runs and none will come. Not from the callback. NULL is allowed. */
void oq_win_policy_stop(struct oq_win_policy *policy);

#endif
