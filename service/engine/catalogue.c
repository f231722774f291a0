/* catalogue.c - the groups in memory: a list in creation order, and two hash tables to find them.
 *
 * Engine thread. Decides nothing and saves nothing.
 */
#include "engine_int.h"

#include "oq_alloc.h"

#include <string.h>

#define BUCKETS 4096 /* chains of 2 or 3 with 10,000 groups */

static size_t id_bucket(const struct oq_catalogue *catalogue, int64_t id)
{
    return (size_t)((uint64_t)id % catalogue->bucket_count);
}

static size_t guid_bucket(const struct oq_catalogue *catalogue, const struct oq_guid *guid)
{
    return (size_t)(oq_guid_hash(guid) % catalogue->bucket_count);
}

enum oq_status oq_catalogue_init(struct oq_catalogue *catalogue)
{
    memset(catalogue, 0, sizeof *catalogue);
    catalogue->bucket_count = BUCKETS;
    catalogue->by_id = oq_calloc(BUCKETS, sizeof *catalogue->by_id);
    catalogue->by_guid = oq_calloc(BUCKETS, sizeof *catalogue->by_guid);
    catalogue->gone = oq_calloc(OQ_GONE_MAX, sizeof *catalogue->gone);
    catalogue->gone_ids = oq_calloc(OQ_GONE_MAX, sizeof *catalogue->gone_ids);
    if (!catalogue->by_id || !catalogue->by_guid || !catalogue->gone || !catalogue->gone_ids) {
        oq_catalogue_release(catalogue);
        return OQ_E_NOMEM;
    }
    return OQ_OK;
}

static void entry_free(struct oq_entry *entry)
{
    oq_group_release(&entry->group);
    oq_failure_release(&entry->last_failure);
    oq_free(entry->runs);
    oq_free(entry);
}

void oq_catalogue_release(struct oq_catalogue *catalogue)
{
    for (struct oq_entry *entry = catalogue->first, *next = NULL; entry; entry = next) {
        next = entry->next;
        entry_free(entry);
    }
    oq_free(catalogue->by_id);
    oq_free(catalogue->by_guid);
    oq_free(catalogue->gone);
    oq_free(catalogue->gone_ids);
    memset(catalogue, 0, sizeof *catalogue);
}

enum oq_status oq_entry_reserve_runs(struct oq_entry *entry, uint32_t count)
{
    uint32_t have = entry->runs ? entry->group.job.file_count : 0;
    if (count <= have)
        return OQ_OK;
    struct oq_file_run *runs = oq_realloc(entry->runs, count * sizeof *runs);
    if (!runs)
        return OQ_E_NOMEM;
    memset(runs + have, 0, (count - have) * sizeof *runs);
    entry->runs = runs;
    return OQ_OK;
}

enum oq_status oq_catalogue_add(struct oq_catalogue *catalogue, struct oq_group *group,
                                struct oq_entry **out)
{
    struct oq_entry *entry = oq_calloc(1, sizeof *entry);
    if (!entry)
        return OQ_E_NOMEM;
    if (oq_entry_reserve_runs(entry, group->job.file_count) != OQ_OK) {
        oq_free(entry);
        return OQ_E_NOMEM;
    }
    entry->group = *group;
    memset(group, 0, sizeof *group);

    entry->prev = catalogue->last;
    *(catalogue->last ? &catalogue->last->next : &catalogue->first) = entry;
    catalogue->last = entry;
    struct oq_entry **bucket = &catalogue->by_id[id_bucket(catalogue, entry->group.id)];
    entry->next_by_id = *bucket;
    *bucket = entry;
    bucket = &catalogue->by_guid[guid_bucket(catalogue, &entry->group.guid)];
    entry->next_by_guid = *bucket;
    *bucket = entry;
    catalogue->count++;
    if (out)
        *out = entry;
    return OQ_OK;
}

void oq_catalogue_remove(struct oq_catalogue *catalogue, struct oq_entry *entry,
                         const struct oq_group_view *last)
{
    if (last) {
        catalogue->gone[catalogue->gone_next] = *last;
        catalogue->gone_ids[catalogue->gone_next] = entry->group.id;
        catalogue->gone_next = (catalogue->gone_next + 1) % OQ_GONE_MAX;
        if (catalogue->gone_count < OQ_GONE_MAX)
            catalogue->gone_count++;
    }
    *(entry->prev ? &entry->prev->next : &catalogue->first) = entry->next;
    *(entry->next ? &entry->next->prev : &catalogue->last) = entry->prev;
    struct oq_entry **link = &catalogue->by_id[id_bucket(catalogue, entry->group.id)];
    while (*link != entry)
        link = &(*link)->next_by_id;
    *link = entry->next_by_id;
    link = &catalogue->by_guid[guid_bucket(catalogue, &entry->group.guid)];
    while (*link != entry)
        link = &(*link)->next_by_guid;
    *link = entry->next_by_guid;
    catalogue->count--;
    entry_free(entry);
}

struct oq_entry *oq_catalogue_find(const struct oq_catalogue *catalogue, int64_t id)
{
    struct oq_entry *entry = catalogue->by_id[id_bucket(catalogue, id)];
    while (entry && entry->group.id != id)
        entry = entry->next_by_id;
    return entry;
}

struct oq_entry *oq_catalogue_find_guid(const struct oq_catalogue *catalogue,
                                        const struct oq_guid *guid)
{
    struct oq_entry *entry = catalogue->by_guid[guid_bucket(catalogue, guid)];
    while (entry && (entry->group.state == OQ_GROUP_CANCELLING ||
                     !oq_guid_is_equal(&entry->group.guid, guid)))
        entry = entry->next_by_guid;
    return entry;
}

const struct oq_group_view *oq_catalogue_find_gone(const struct oq_catalogue *catalogue, int64_t id)
{
    for (size_t i = 0; i < catalogue->gone_count; i++)
        if (catalogue->gone_ids[i] == id)
            return &catalogue->gone[i];
    return NULL;
}
