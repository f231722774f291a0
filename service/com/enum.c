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

/* --- the two interfaces ----------------------------------------------------------------------- */

/* `name` is the member of struct enumerator's union; oq_enum_<name>_new makes one. */
#define ENUMERATOR(INTERFACE, name)                                                                \
    static const struct oq_object_class name##_class = {.iid = &IID_##INTERFACE,                   \
                                                        .free = enumerator_free};                  \
    static const INTERFACE##Vtbl name##_vtbl;                                                      \
                                                                                                   \
    static enum oq_status name##_new(struct oq_context *context, const struct oq_guid *guids,      \
                                     size_t count, size_t position, INTERFACE **out)               \
    {                                                                                              \
        struct enumerator *self = new_snapshot(guids, count, position);                            \
        if (!self)                                                                                 \
            return OQ_E_NOMEM;                                                                     \
        self->iface.name.lpVtbl = &name##_vtbl;                                                    \
        oq_object_init(&self->object, context, &name##_class, (IUnknown *)&self->iface.name);      \
        *out = &self->iface.name;                                                                  \
        return OQ_OK;                                                                              \
    }                                                                                              \
    static struct enumerator *of_##name(INTERFACE *iface)                                          \
    {                                                                                              \
        return CONTAINER_OF(iface, struct enumerator, iface.name);                                 \
    }                                                                                              \
    OQ_IUNKNOWN(INTERFACE, name, &of_##name(iface)->object)                                        \
    static HRESULT STDMETHODCALLTYPE name##_Next(INTERFACE *iface, ULONG wanted, GUID *guids,      \
                                                 ULONG *fetched)                                   \
    {                                                                                              \
        return next(of_##name(iface), wanted, guids, fetched);                                     \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE name##_Skip(INTERFACE *iface, ULONG wanted)                   \
    {                                                                                              \
        return skip(of_##name(iface), wanted);                                                     \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE name##_Reset(INTERFACE *iface)                                \
    {                                                                                              \
        return reset(of_##name(iface));                                                            \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE name##_Clone(INTERFACE *iface, INTERFACE **out)               \
    {                                                                                              \
        struct enumerator *self = of_##name(iface);                                                \
        if (!out)                                                                                  \
            return E_INVALIDARG;                                                                   \
        *out = NULL;                                                                               \
        return oq_hresult_of(                                                                      \
            name##_new(self->object.context, self->guids, self->count, position_of(self), out),    \
            NULL);                                                                                 \
    }                                                                                              \
    static HRESULT STDMETHODCALLTYPE name##_GetCount(INTERFACE *iface, ULONG *count)               \
    {                                                                                              \
        return get_count(of_##name(iface), count);                                                 \
    }                                                                                              \
                                                                                                   \
    static const INTERFACE##Vtbl name##_vtbl = {                                                   \
        name##_QueryInterface, name##_AddRef, name##_Release, name##_Next,                         \
        name##_Skip,           name##_Reset,  name##_Clone,   name##_GetCount};                    \
                                                                                                   \
    enum oq_status oq_enum_##name##_new(struct oq_context *context, const struct oq_guid *guids,   \
                                        size_t count, INTERFACE **out)                             \
    {                                                                                              \
        return name##_new(context, guids, count, 0, out);                                          \
    }

ENUMERATOR(IEnumBackgroundCopyGroups, groups)
ENUMERATOR(IEnumBackgroundCopyJobs1, jobs)
