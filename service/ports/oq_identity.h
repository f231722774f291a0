/* oq_identity.h - port: on whose behalf something is done.
 *
 * An oq_identity is what the operating system needs to act as a user (on Windows an impersonation token), reference counted
 * and safe to share between threads. service/win implements the port; tests/support has a scripted one.
 * The identity NULL means "the service itself" and is used for the service's own data only, never for a user's file.
 */
#ifndef OQ_IDENTITY_H
#define OQ_IDENTITY_H

#include "oq_status.h"

struct oq_identity;

/* Who calls. Captured by service/com at the beginning of every method; a plain value that lives as long as the call. */
struct oq_caller {
    const char *sid;               /* "S-1-5-..." */
    bool is_admin;                 /* administrator with an elevated token, or LocalSystem: exempt from limits */
    struct oq_identity *identity;  /* acts as the caller; borrowed. NULL if the caller allowed only identification */
};

struct oq_identity_port {
    void *ctx;
    /* An identity that acts as the user with that SID: LocalSystem itself, a user who is logged on, or one whose token came
     * with an earlier call. OQ_E_OWNER_ABSENT if there is none now; the engine asks again when oq_engine_poke is called and
     * about once a minute. Caller unrefs. Any thread. */
    enum oq_status (*acquire)(void *ctx, const char *sid, struct oq_identity **out, struct oq_error *err);
    struct oq_identity *(*ref)(void *ctx, struct oq_identity *identity); /* NULL gives NULL */
    void (*unref)(void *ctx, struct oq_identity *identity);              /* NULL is allowed */
};

#endif
