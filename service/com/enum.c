/* enum.c - IEnumBackgroundCopyGroups and IEnumBackgroundCopyJobs1: a snapshot of identifiers, in
 * creation order (D11).
 *
 * Owns struct enumerator: the identifiers are frozen, the position has the object's own lock,
 * because two threads of a client may call at once. The two interfaces differ in name only, so one
 * implementation stands under two vtables. What was listed may have gone meanwhile: the engine says
 * so when the identifier is used.
 */
#include "com_int.h"

#include "oq_alloc.h"

#include <string.h>

struct enumerator {
    union {
        IEnumBackgroundCopyGroups groups;
        IEnumBackgroundCopyJobs1 jobs;
    } iface;
    struct oq_object object;
    SRWLOCK lock;
    size_t position; /* 0..count */
    size_t count;
    struct oq_guid guids[];
};

/* --- the implementation ----------------------------------------------------------------------- */

static void enumerator_free(struct oq_object *object)
{
    oq_free(CONTAINER_OF(object, struct enumerator, object));
}

/* Not yet an object: the vtable and oq_object_init are the caller's. NULL when out of memory. */
static struct enumerator *new_snapshot(const struct oq_guid *guids, size_t count, size_t position)
{
    struct enumerator *self = oq_calloc(1, sizeof *self + count * sizeof guids[0]);
    if (!self)
        return NULL;
    InitializeSRWLock(&self->lock);
    self->position = position;
    self->count = count;
    if (count > 0)
        memcpy(self->guids, guids, count * sizeof guids[0]);
    return self;
}

/* Moves over up to `wanted` elements; the first one's index in *start. */
static size_t advance(struct enumerator *self, size_t wanted, size_t *start)
{
    AcquireSRWLockExclusive(&self->lock);
    size_t left = self->count - self->position;
    size_t taken = wanted < left ? wanted : left;
    *start = self->position;
    self->position += taken;
    ReleaseSRWLockExclusive(&self->lock);
    return taken;
}

static HRESULT next(struct enumerator *self, ULONG wanted, GUID *guids, ULONG *fetched)
{
    if (fetched)
        *fetched = 0;
    if (!fetched && wanted != 1)
        return E_INVALIDARG;
    if (!guids && wanted > 0)
        return E_INVALIDARG;

    size_t start;
    size_t taken = advance(self, wanted, &start);
    for (size_t i = 0; i < taken; i++)
        guids[i] = oq_convert_to_guid(&self->guids[start + i]);
    if (fetched)
        *fetched = (ULONG)taken;
    return taken == wanted ? S_OK : S_FALSE;
}

static HRESULT skip(struct enumerator *self, ULONG wanted)
{
    size_t start;
    return advance(self, wanted, &start) == wanted ? S_OK : S_FALSE;
}

static HRESULT reset(struct enumerator *self)
{
    AcquireSRWLockExclusive(&self->lock);
    self->position = 0;
    ReleaseSRWLockExclusive(&self->lock);
    return S_OK;
}

static size_t position_of(struct enumerator *self)
{
    AcquireSRWLockShared(&self->lock);
    size_t position = self->position;
    ReleaseSRWLockShared(&self->lock);
    return position;
}

static HRESULT get_count(const struct enumerator *self, ULONG *count)
{
    if (!count)
        return E_INVALIDARG;
    *count = (ULONG)self->count;
    return S_OK;
}

/* --- IEnumBackgroundCopyGroups ---------------------------------------------------------------- */

static enum oq_status new_groups(struct oq_context *context, const struct oq_guid *guids,
                                 size_t count, size_t position, IEnumBackgroundCopyGroups **out);

static struct enumerator *from_groups(IEnumBackgroundCopyGroups *iface)
{
    return CONTAINER_OF(iface, struct enumerator, iface.groups);
}

static HRESULT STDMETHODCALLTYPE enum_groups_QueryInterface(IEnumBackgroundCopyGroups *iface,
                                                            REFIID iid, void **out)
{
    return oq_object_query(&from_groups(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE enum_groups_AddRef(IEnumBackgroundCopyGroups *iface)
{
    return oq_object_ref(&from_groups(iface)->object);
}

static ULONG STDMETHODCALLTYPE enum_groups_Release(IEnumBackgroundCopyGroups *iface)
{
    return oq_object_unref(&from_groups(iface)->object);
}

static HRESULT STDMETHODCALLTYPE enum_groups_Next(IEnumBackgroundCopyGroups *iface, ULONG wanted,
                                                  GUID *guids, ULONG *fetched)
{
    return next(from_groups(iface), wanted, guids, fetched);
}

static HRESULT STDMETHODCALLTYPE enum_groups_Skip(IEnumBackgroundCopyGroups *iface, ULONG wanted)
{
    return skip(from_groups(iface), wanted);
}

static HRESULT STDMETHODCALLTYPE enum_groups_Reset(IEnumBackgroundCopyGroups *iface)
{
    return reset(from_groups(iface));
}

static HRESULT STDMETHODCALLTYPE enum_groups_Clone(IEnumBackgroundCopyGroups *iface,
                                                   IEnumBackgroundCopyGroups **out)
{
    struct enumerator *self = from_groups(iface);
    if (!out)
        return E_INVALIDARG;
    *out = NULL;
    return oq_hresult_of(
        new_groups(self->object.context, self->guids, self->count, position_of(self), out), NULL);
}

static HRESULT STDMETHODCALLTYPE enum_groups_GetCount(IEnumBackgroundCopyGroups *iface,
                                                      ULONG *count)
{
    return get_count(from_groups(iface), count);
}

/* clang-format off */
static const IEnumBackgroundCopyGroupsVtbl enum_groups_vtbl = {
    enum_groups_QueryInterface,
    enum_groups_AddRef,
    enum_groups_Release,
    enum_groups_Next,
    enum_groups_Skip,
    enum_groups_Reset,
    enum_groups_Clone,
    enum_groups_GetCount,
};
/* clang-format on */

static const struct oq_object_class enum_groups_class = {.iid = &IID_IEnumBackgroundCopyGroups,
                                                         .free = enumerator_free};

static enum oq_status new_groups(struct oq_context *context, const struct oq_guid *guids,
                                 size_t count, size_t position, IEnumBackgroundCopyGroups **out)
{
    struct enumerator *self = new_snapshot(guids, count, position);
    if (!self)
        return OQ_E_NOMEM;
    self->iface.groups.lpVtbl = &enum_groups_vtbl;
    oq_object_init(&self->object, context, &enum_groups_class, (IUnknown *)&self->iface.groups);
    *out = &self->iface.groups;
    return OQ_OK;
}

enum oq_status oq_enum_groups_new(struct oq_context *context, const struct oq_guid *guids,
                                  size_t count, IEnumBackgroundCopyGroups **out)
{
    return new_groups(context, guids, count, 0, out);
}

/* --- IEnumBackgroundCopyJobs1 ----------------------------------------------------------------- */

static enum oq_status new_jobs(struct oq_context *context, const struct oq_guid *guids,
                               size_t count, size_t position, IEnumBackgroundCopyJobs1 **out);

static struct enumerator *from_jobs(IEnumBackgroundCopyJobs1 *iface)
{
    return CONTAINER_OF(iface, struct enumerator, iface.jobs);
}

static HRESULT STDMETHODCALLTYPE enum_jobs_QueryInterface(IEnumBackgroundCopyJobs1 *iface,
                                                          REFIID iid, void **out)
{
    return oq_object_query(&from_jobs(iface)->object, iid, out);
}

static ULONG STDMETHODCALLTYPE enum_jobs_AddRef(IEnumBackgroundCopyJobs1 *iface)
{
    return oq_object_ref(&from_jobs(iface)->object);
}

static ULONG STDMETHODCALLTYPE enum_jobs_Release(IEnumBackgroundCopyJobs1 *iface)
{
    return oq_object_unref(&from_jobs(iface)->object);
}

static HRESULT STDMETHODCALLTYPE enum_jobs_Next(IEnumBackgroundCopyJobs1 *iface, ULONG wanted,
                                                GUID *guids, ULONG *fetched)
{
    return next(from_jobs(iface), wanted, guids, fetched);
}

static HRESULT STDMETHODCALLTYPE enum_jobs_Skip(IEnumBackgroundCopyJobs1 *iface, ULONG wanted)
{
    return skip(from_jobs(iface), wanted);
}

static HRESULT STDMETHODCALLTYPE enum_jobs_Reset(IEnumBackgroundCopyJobs1 *iface)
{
    return reset(from_jobs(iface));
}

static HRESULT STDMETHODCALLTYPE enum_jobs_Clone(IEnumBackgroundCopyJobs1 *iface,
                                                 IEnumBackgroundCopyJobs1 **out)
{
    struct enumerator *self = from_jobs(iface);
    if (!out)
        return E_INVALIDARG;
    *out = NULL;
    return oq_hresult_of(
        new_jobs(self->object.context, self->guids, self->count, position_of(self), out), NULL);
}

static HRESULT STDMETHODCALLTYPE enum_jobs_GetCount(IEnumBackgroundCopyJobs1 *iface, ULONG *count)
{
    return get_count(from_jobs(iface), count);
}

/* clang-format off */
static const IEnumBackgroundCopyJobs1Vtbl enum_jobs_vtbl = {
    enum_jobs_QueryInterface,
    enum_jobs_AddRef,
    enum_jobs_Release,
    enum_jobs_Next,
    enum_jobs_Skip,
    enum_jobs_Reset,
    enum_jobs_Clone,
    enum_jobs_GetCount,
};
/* clang-format on */

static const struct oq_object_class enum_jobs_class = {.iid = &IID_IEnumBackgroundCopyJobs1,
                                                       .free = enumerator_free};

static enum oq_status new_jobs(struct oq_context *context, const struct oq_guid *guids,
                               size_t count, size_t position, IEnumBackgroundCopyJobs1 **out)
{
    struct enumerator *self = new_snapshot(guids, count, position);
    if (!self)
        return OQ_E_NOMEM;
    self->iface.jobs.lpVtbl = &enum_jobs_vtbl;
    oq_object_init(&self->object, context, &enum_jobs_class, (IUnknown *)&self->iface.jobs);
    *out = &self->iface.jobs;
    return OQ_OK;
}

enum oq_status oq_enum_jobs_new(struct oq_context *context, const struct oq_guid *guids,
                                size_t count, IEnumBackgroundCopyJobs1 **out)
{
    return new_jobs(context, guids, count, 0, out);
}
