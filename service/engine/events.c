/* events.c - posts the events of groups to the notifier (service/com), which notifies clients.
 *
 * Engine thread. The pending event is part of the group and in the database; it goes when the
 * client has acknowledged it, when the group is resumed after an error, and with the group. Which
 * flags let it through is decided here, at the time of posting, so that a client may set them, or
 * register, after the event (contract D24, D28).
 */
#include "engine_int.h"

#include <string.h>

#define QM_NOTIFY_GROUP_DONE 0x04u
#define QM_NOTIFY_DISABLE_NOTIFY 0x40u

/* ne-qmgr-groupprop: completion only if asked for, errors by default, nothing when disabled. */
static bool is_wanted(uint32_t flags, enum oq_event_kind kind)
{
    if (flags & QM_NOTIFY_DISABLE_NOTIFY)
        return false;
    return kind == OQ_EVENT_ERROR || (kind == OQ_EVENT_COMPLETE && (flags & QM_NOTIFY_GROUP_DONE));
}

void oq_events_post(struct oq_engine *engine, struct oq_entry *entry, bool again)
{
    const struct oq_group *group = &entry->group;
    struct oq_event event = {.group = group->id,
                             .group_guid = group->guid,
                             .job_guid = group->job.guid,
                             .has_job = group->job.id != 0,
                             .is_gone = group->state == OQ_GROUP_CANCELLING,
                             .serial = entry->event_serial,
                             .kind = OQ_EVENT_NONE,
                             .file_index = OQ_NO_FILE};
    if (!engine->events)
        return;
    if (is_wanted(group->notify_flags, group->event))
        event.kind = group->event;
    if (event.kind == OQ_EVENT_ERROR) {
        event.file_index = group->error.file_index;
        event.retries = group->retries;
        event.win32 = group->error.win32;
        event.http = group->error.http;
    }
    bool is_news = event.kind == OQ_EVENT_NONE
                       ? entry->is_event_posted
                       : again || !entry->is_event_posted || entry->posted_serial != event.serial;
    if (!is_news && !event.is_gone)
        return;
    entry->is_event_posted = event.kind != OQ_EVENT_NONE;
    entry->posted_serial = event.serial;
    engine->events->post(engine->events->ctx, &event);
}
