/* object.c - IUnknown for every object of ours, and the list of those that live.
 *
 * Owns the head of each object (struct oq_object); its place in the context's list is guarded by
 * the context's lock. Any thread.
 */
#include "com_int.h"

void oq_object_init(struct oq_object *object, struct oq_context *context,
                    const struct oq_object_class *class, IUnknown *unknown)
{
    atomic_init(&object->refs, 1);
    object->context = oq_context_ref(context);
    object->class = class;
    object->unknown = unknown;
    object->extension_iid = NULL;
    object->extension = NULL;
    object->is_disconnected = false;
    object->previous = NULL;

    AcquireSRWLockExclusive(&context->lock);
    object->next = context->objects;
    if (object->next)
        object->next->previous = object;
    context->objects = object;
    if (!class->is_uncounted)
        context->live++, context->activations++;
    ReleaseSRWLockExclusive(&context->lock);
}

HRESULT oq_object_query(struct oq_object *object, REFIID iid, void **out)
{
    if (!out)
        return E_POINTER;
    *out = NULL;
    if (!iid)
        return E_INVALIDARG;
    if (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, object->class->iid))
        *out = object->unknown;
    else if (object->extension && IsEqualIID(iid, object->extension_iid))
        *out = object->extension;
    else
        return E_NOINTERFACE;
    oq_object_ref(object);
    return S_OK;
}

ULONG oq_object_ref(struct oq_object *object)
{
    return atomic_fetch_add(&object->refs, 1) + 1;
}

ULONG oq_object_unref(struct oq_object *object)
{
    ULONG refs = atomic_fetch_sub(&object->refs, 1) - 1;
    if (refs > 0)
        return refs;

    struct oq_context *context = object->context;
    AcquireSRWLockExclusive(&context->lock);
    if (object->previous)
        object->previous->next = object->next;
    else
        context->objects = object->next;
    if (object->next)
        object->next->previous = object->previous;
    if (!object->class->is_uncounted)
        context->live--;
    ReleaseSRWLockExclusive(&context->lock);

    object->class->free(object);
    oq_context_unref(context);
    return 0;
}

/* A reference to an object that is still alive, or NULL when all have been dealt with. One whose
 * count is 0 is on its way out, and waits for our lock to leave the list. */
static struct oq_object *take_connected(struct oq_context *context)
{
    struct oq_object *found = NULL;
    AcquireSRWLockExclusive(&context->lock);
    for (struct oq_object *object = context->objects; object && !found; object = object->next) {
        if (object->class->is_uncounted)
            continue;
        unsigned refs = atomic_load(&object->refs);
        while (!object->is_disconnected && refs > 0 && !found) {
            if (atomic_compare_exchange_weak(&object->refs, &refs, refs + 1))
                found = object;
        }
    }
    if (found)
        found->is_disconnected = true;
    ReleaseSRWLockExclusive(&context->lock);
    return found;
}

void oq_objects_disconnect(struct oq_context *context)
{
    struct oq_object *object;
    while ((object = take_connected(context))) {
        CoDisconnectObject(object->unknown, 0);
        oq_object_unref(object);
    }
}
