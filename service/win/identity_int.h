/* identity_int.h - which identity was seen last for which SID: a bounded table, without Windows
 * in it.
 *
 * Not locked: identity.c does that. Holds one reference to each identity inside, given back by the
 * release function.
 */
#ifndef IDENTITY_INT_H
#define IDENTITY_INT_H

#include "oq_identity.h"

/* Each entry is a few hundred bytes and one kernel token; more users than that at once on one
 * machine are few, and an entry that is pushed out comes back with the next call or from their
 * session.
 */
#define OQ_TOKEN_CACHE_ENTRIES 128
/* So that one user, with a logon for each call, does not push out the tokens of the others. */
#define OQ_TOKEN_CACHE_OF_USER 16

/* What tells two tokens of one user apart. */
struct oq_token_mark {
    struct oq_rights rights;
    uint64_t logon_id;    /* logon session */
    uint64_t modified_id; /* changes whenever privileges or groups of the token are changed */
    uint32_t session_id;  /* Remote Desktop Services session: a person's; 0 = services, scheduled
                             tasks, remote shells, of whose end Windows does not tell */
};

struct oq_token_entry {
    char sid[192]; /* "" = free */
    struct oq_token_mark mark;
    struct oq_identity *identity;
    uint64_t used; /* ordinal of the last use */
};

struct oq_token_cache {
    struct oq_token_entry entries[OQ_TOKEN_CACHE_ENTRIES];
    uint64_t clock;
    void (*release)(void *ctx, struct oq_identity *identity);
    void *ctx;
};

void oq_token_cache_init(struct oq_token_cache *cache,
                         void (*release)(void *ctx, struct oq_identity *identity), void *ctx);
void oq_token_cache_release(
    struct oq_token_cache *cache); /* gives everything back; empty is accepted */

/* The identity remembered for exactly that token, or NULL. Borrowed. Counts as a use. */
struct oq_identity *oq_token_cache_find_same(struct oq_token_cache *cache, const char *sid,
                                             const struct oq_token_mark *mark);

/* An identity to act as that user with rights that fit (oq_rights_fit), the fullest of them and of
 * these the one used last, or NULL. logon_id: of that logon session only; 0 = of any. Borrowed.
 * Counts as a use. */
struct oq_identity *oq_token_cache_find(struct oq_token_cache *cache, const char *sid,
                                        const struct oq_rights *rights, uint64_t logon_id);

/* Takes an identity of that session (not 0) out of the table; the caller owns its reference. NULL:
 * there is none left. */
struct oq_identity *oq_token_cache_take(struct oq_token_cache *cache, uint32_t session_id);

/* Remembers; takes over the caller's reference. The latest token of the same user, logon session
 * and rights replaces the former. When the table or the user's share of it is full, the entry
 * unused for longest goes. A SID that is too long is given back at once. */
void oq_token_cache_save(struct oq_token_cache *cache, const char *sid,
                         const struct oq_token_mark *mark, struct oq_identity *identity);

#endif
