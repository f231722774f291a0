/* token_cache.c - the table of token_cache_int.h: a linear search over a small array. Not locked.
 */
#include "token_cache_int.h"

#include <string.h>

void oq_token_cache_init(struct oq_token_cache *cache,
                         void (*release)(void *ctx, struct oq_identity *identity), void *ctx)
{
    memset(cache, 0, sizeof *cache);
    cache->release = release;
    cache->ctx = ctx;
}

static void empty(struct oq_token_cache *cache, struct oq_token_entry *entry)
{
    if (entry->identity)
        cache->release(cache->ctx, entry->identity);
    memset(entry, 0, sizeof *entry);
}

void oq_token_cache_release(struct oq_token_cache *cache)
{
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++)
        empty(cache, &cache->entries[i]);
}

static bool is_of(const struct oq_token_entry *entry, const char *sid)
{
    return entry->identity && strcmp(entry->sid, sid) == 0;
}

static struct oq_identity *use(struct oq_token_cache *cache, struct oq_token_entry *entry)
{
    if (!entry)
        return NULL;
    entry->used = ++cache->clock;
    return entry->identity;
}

struct oq_identity *oq_token_cache_find_same(struct oq_token_cache *cache, const char *sid,
                                             const struct oq_token_mark *mark)
{
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && entry->mark.logon_id == mark->logon_id &&
            entry->mark.modified_id == mark->modified_id &&
            entry->mark.integrity == mark->integrity &&
            entry->mark.is_elevated == mark->is_elevated)
            return use(cache, entry);
    }
    return NULL;
}

struct oq_identity *oq_token_cache_find(struct oq_token_cache *cache, const char *sid)
{
    struct oq_token_entry *best = NULL;
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && (!best || !entry->mark.is_elevated))
            best = entry;
    }
    return use(cache, best);
}

void oq_token_cache_save(struct oq_token_cache *cache, const char *sid,
                         const struct oq_token_mark *mark, struct oq_identity *identity)
{
    struct oq_token_entry *place = &cache->entries[0];
    if (strlen(sid) >= sizeof place->sid) {
        cache->release(cache->ctx, identity);
        return;
    }
    for (size_t i = 0; i < OQ_TOKEN_CACHE_ENTRIES; i++) {
        struct oq_token_entry *entry = &cache->entries[i];
        if (is_of(entry, sid) && entry->mark.is_elevated == mark->is_elevated) {
            place = entry;
            break;
        }
        if (entry->used < place->used) /* a free entry was never used */
            place = entry;
    }
    empty(cache, place);
    memcpy(place->sid, sid, strlen(sid) + 1);
    place->mark = *mark;
    place->identity = identity;
    (void)use(cache, place);
}
