/* oq_identity.h - port: on whose behalf something is done.
 *
 * An oq_identity is what the operating system needs to act as a user (on Windows an impersonation
 * token), reference counted and safe to share between threads. service/win implements the port;
 * tests/support has a scripted one. The identity NULL means "the service itself" and is used for
 * the service's own data only, never for a user's file.
 */
#ifndef OQ_IDENTITY_H
#define OQ_IDENTITY_H

#include "oq_model.h"

struct oq_identity;

/* Who calls. Captured by service/com at the beginning of every method; a plain value that lives as
 * long as the call. */
struct oq_caller {
    const char *sid;         /* "S-1-5-..." */
    struct oq_rights rights; /* an administrator is exempt from limits */
    uint64_t logon_id;       /* logon session of the token */
    struct oq_identity *
        identity; /* acts as the caller; borrowed. NULL if the caller allowed only identification */
};

/* What capture() fills: caller.sid points into sid, so the struct stays where it is until the call
 * ends. When done, give caller.identity to the port's unref. */
struct oq_caller_buffer {
    char sid[192]; /* the longest SID in text form has 184 characters */
    struct oq_caller caller;
};

struct oq_identity_port {
    void *ctx;
    /* Who calls on this thread. The COM layer has impersonated the client just before
     * (CoImpersonateClient) and reverts right after, also when this fails; if its impersonation
     * failed it calls this nevertheless: without a thread token the call is refused, except under
     * Wine, where COM cannot impersonate and the caller is the user Wine runs as.
     * OQ_E_ACCESS_DENIED: not impersonated, an anonymous or a restricted token; OQ_E_NOMEM;
     * OQ_E_IO. A token at impersonation level is also remembered for acquire(). Caller unrefs
     * out->caller.identity (which is NULL at identification level). */
    enum oq_status (*capture)(void *ctx, struct oq_caller_buffer *out, struct oq_error *err);
    /* An identity that acts as the user with that SID, with rights that fit those (oq_rights_fit)
     * and never more: LocalSystem itself, a user who is logged on, or one whose token came with an
     * earlier call. logon_id: of that logon session only; 0 = of any. OQ_E_OWNER_ABSENT if there is
     * none now; the engine asks again when oq_engine_retry_now is called and about once a minute.
     * Caller unrefs. Any thread. */
    enum oq_status (*acquire)(void *ctx, const char *sid, const struct oq_rights *rights,
                              uint64_t logon_id, struct oq_identity **out, struct oq_error *err);
    /* From enter to leave this thread impersonates that user, who is not NULL, so that
     * authentication shows who they are. Never nested. Neither can fail: the process ends
     * instead, since the service's own rights must not be shown to anybody. Engine thread. NULL:
     * no authentication. */
    void (*enter)(void *ctx, struct oq_identity *as);
    void (*leave)(void *ctx);
    struct oq_identity *(*ref)(void *ctx, struct oq_identity *identity); /* NULL gives NULL */
    void (*unref)(void *ctx, struct oq_identity *identity);              /* NULL is allowed */
};

#endif
