/* group_calls.c - the calls of oq_engine.h that concern groups: caller's side (any thread), and
 * above it what the engine thread does: find the group, ask the access table, change or read.
 */
#include "calls_int.h"
#include "oq_rate_control.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"
#include "oq_utf.h"

#include <string.h>

#define QM_NOTIFY_SUPPORTED 0x44u /* GROUP_DONE | DISABLE_NOTIFY, contract D24 */

/* A change by a client is saved with the time of it: groups expire by that. */
static enum oq_status save(struct oq_engine *engine, struct oq_call *call, struct oq_entry *entry,
                           struct oq_group *next)
{
    next->changed_at_ms = oq_clock_wall_ms(engine->clock);
    return oq_entry_save_group(engine, entry, next, call->err);
}

/* --- CreateGroup, GetGroup, EnumGroups -------------------------------------------------------- */

struct guid_args {
    const struct oq_guid *guid;
    int64_t *group;
};

static enum oq_status check_limits(struct oq_engine *engine, struct oq_call *call)
{
    int64_t of_user = 0;
    const struct oq_config *config = &engine->config;
    if (call->caller->rights.is_admin)
        return OQ_OK;
    for (const struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        of_user += entry->group.state != OQ_GROUP_CANCELLING &&
                   strcmp(entry->group.owner_sid, call->caller->sid) == 0;
    if (config->groups_per_user > 0 && of_user >= config->groups_per_user)
        return oq_error_set(call->err, OQ_E_LIMIT_USER, "a user may have at most %lld groups",
                            (long long)config->groups_per_user);
    if (config->groups_per_machine > 0 &&
        engine->catalogue.count >= (size_t)config->groups_per_machine)
        return oq_error_set(call->err, OQ_E_LIMIT_MACHINE,
                            "this computer may have at most %lld groups",
                            (long long)config->groups_per_machine);
    return OQ_OK;
}

static enum oq_status save_new_group(struct oq_engine *engine, struct oq_call *call,
                                     struct oq_group *group, int64_t *id)
{
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_store_begin(engine->store, call->err);
    if (status == OQ_OK)
        status = oq_store_insert_group(engine->store, group, call->err);
    /* Memory first, since it can still fail; the commit is the last step that can. */
    if (status == OQ_OK && oq_catalogue_add(&engine->catalogue, group, &entry) != OQ_OK)
        status = oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, call->err);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        if (entry)
            oq_catalogue_remove(&engine->catalogue, entry, NULL);
        return status;
    }
    oq_fault_step("save new group");
    *id = entry->group.id;
    return OQ_OK;
}

static enum oq_status run_create_group(struct oq_engine *engine, struct oq_call *call)
{
    const struct guid_args *args = call->args;
    struct oq_group group = {
        .guid = *args->guid, .state = OQ_GROUP_SUSPENDED, .error.file_index = OQ_NO_FILE};
    if (oq_guid_is_null(args->guid))
        return oq_call_fail(call, OQ_E_INVALID_ARG, "the null GUID names no group");
    if (oq_catalogue_find_guid(&engine->catalogue, args->guid))
        return oq_call_fail(call, OQ_E_EXISTS, "a group with this GUID exists");
    enum oq_status status = check_limits(engine, call);
    if (status != OQ_OK)
        return status;
    group.created_at_ms = group.changed_at_ms = oq_clock_wall_ms(engine->clock);
    group.owner_sid = oq_strdup(call->caller->sid);
    group.owner_rights = call->caller->rights;
    group.display_name = oq_strdup("");
    group.description = oq_strdup("");
    group.notify_clsid = oq_strdup("");
    if (!group.owner_sid || !group.display_name || !group.description || !group.notify_clsid)
        status = oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    else
        status = save_new_group(engine, call, &group, args->group);
    oq_group_release(&group);
    return status;
}

enum oq_status oq_engine_create_group(struct oq_engine *engine, const struct oq_caller *caller,
                                      const struct oq_guid *guid, int64_t *group,
                                      struct oq_error *err)
{
    struct guid_args args = {.guid = guid};
    args.group = group;
    return oq_call(engine, run_create_group, caller, 0, &args, err);
}

/* Groups that the caller must not know of do not exist for it. */
static enum oq_status find_by_guid(struct oq_engine *engine, struct oq_call *call,
                                   const struct oq_guid *guid, enum oq_access_verb verb,
                                   struct oq_entry **entry, bool *takes_ownership)
{
    *entry = oq_catalogue_find_guid(&engine->catalogue, guid);
    if (!*entry)
        return oq_call_fail(call, OQ_E_NOT_FOUND, "there is no such group");
    struct oq_access_decision access =
        oq_call_access(call, verb, (*entry)->group.owner_sid, &(*entry)->group.owner_rights);
    *takes_ownership = access.takes_ownership;
    return access.status == OQ_OK ? OQ_OK
                                  : oq_call_fail(call, access.status, "there is no such group");
}

static enum oq_status run_get_group(struct oq_engine *engine, struct oq_call *call)
{
    const struct guid_args *args = call->args;
    char guid[OQ_GUID_TEXT];
    struct oq_entry *entry = NULL;
    bool takes_ownership = false;
    enum oq_status status =
        find_by_guid(engine, call, args->guid, OQ_ACCESS_TAKE, &entry, &takes_ownership);
    if (status == OQ_OK && takes_ownership) {
        struct oq_group next = entry->group;
        char *sid = oq_strdup(call->caller->sid);
        next.owner_sid = sid;
        next.owner_rights = call->caller->rights;
        status = sid ? save(engine, call, entry, &next)
                     : oq_call_fail(call, OQ_E_NOMEM, "out of memory");
        oq_free(sid);
        if (status == OQ_OK) {
            oq_guid_format(&entry->group.guid, guid);
            oq_log_info("group %s: now owned by %s", guid, entry->group.owner_sid);
            engine->needs_schedule = true;
        }
    }
    if (status == OQ_OK)
        *args->group = entry->group.id;
    return status;
}

enum oq_status oq_engine_get_group(struct oq_engine *engine, const struct oq_caller *caller,
                                   const struct oq_guid *guid, int64_t *group, struct oq_error *err)
{
    struct guid_args args = {.guid = guid};
    args.group = group;
    return oq_call(engine, run_get_group, caller, 0, &args, err);
}

static enum oq_status run_peek_group(struct oq_engine *engine, struct oq_call *call)
{
    const struct guid_args *args = call->args;
    struct oq_entry *entry = NULL;
    bool unused = false;
    if (find_by_guid(engine, call, args->guid, OQ_ACCESS_PEEK, &entry, &unused) != OQ_OK)
        return oq_call_fail(call, OQ_E_NOT_FOUND, "there is no such group");
    *args->group = entry->group.id;
    return OQ_OK;
}

enum oq_status oq_engine_peek_group(struct oq_engine *engine, const struct oq_caller *caller,
                                    const struct oq_guid *guid, int64_t *group,
                                    struct oq_error *err)
{
    struct guid_args args = {.guid = guid};
    args.group = group;
    return oq_call(engine, run_peek_group, caller, 0, &args, err);
}

struct list_args {
    struct oq_guid **guids;
    size_t *count;
};

static bool may_list(const struct oq_call *call, const struct oq_entry *entry)
{
    return entry->group.state != OQ_GROUP_CANCELLING &&
           oq_call_access(call, OQ_ACCESS_LIST, entry->group.owner_sid, &entry->group.owner_rights)
                   .status == OQ_OK;
}

static enum oq_status run_list_groups(struct oq_engine *engine, struct oq_call *call)
{
    const struct list_args *args = call->args;
    size_t count = 0;
    struct oq_guid *guids = oq_calloc(engine->catalogue.count + 1, sizeof *guids);
    if (!guids)
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    for (const struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        if (may_list(call, entry))
            guids[count++] = entry->group.guid;
    if (count == 0) {
        oq_free(guids);
        guids = NULL;
    }
    *args->guids = guids;
    *args->count = count;
    return OQ_OK;
}

enum oq_status oq_engine_list_groups(struct oq_engine *engine, const struct oq_caller *caller,
                                     struct oq_guid **guids, size_t *count, struct oq_error *err)
{
    struct list_args args = {.guids = guids};
    args.count = count;
    return oq_call(engine, run_list_groups, caller, 0, &args, err);
}

/* --- reading a group -------------------------------------------------------------------------- */

/* Of a group that is gone, what is remembered of it. */
static enum oq_status view_group(struct oq_engine *engine, struct oq_call *call,
                                 struct oq_group_view *view)
{
    struct oq_entry *entry = NULL;
    const struct oq_group_view *gone = oq_catalogue_find_gone(&engine->catalogue, call->group);
    if (gone) {
        const struct oq_rights any = {0}; /* do not matter to who reads */
        if (oq_call_access(call, OQ_ACCESS_READ, gone->owner_sid, &any).status != OQ_OK)
            return oq_call_fail(call, OQ_E_ACCESS_DENIED, "the group belongs to another user");
        *view = *gone;
        return OQ_OK;
    }
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_READ, &entry);
    if (status == OQ_OK)
        oq_view_of(engine, entry, view);
    return status;
}

static enum oq_status run_view_group(struct oq_engine *engine, struct oq_call *call)
{
    return view_group(engine, call, call->args);
}

enum oq_status oq_engine_view_group(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, struct oq_group_view *view, struct oq_error *err)
{
    return oq_call(engine, run_view_group, caller, group, view, err);
}

struct summary_args {
    uint32_t most;
    struct oq_group_summary **summaries;
    size_t *count;
    bool *is_more;
};

static enum oq_status run_summarise_group(struct oq_engine *engine, struct oq_call *call)
{
    struct oq_group_summary *summary = call->args;
    struct oq_group_view view;
    enum oq_status status = view_group(engine, call, &view);
    if (status != OQ_OK)
        return status;
    struct oq_entry *entry = oq_catalogue_find(&engine->catalogue, call->group);
    if (entry)
        oq_summary_of(engine, entry, summary);
    else
        *summary = (struct oq_group_summary){.group = call->group, .view = view};
    return OQ_OK;
}

enum oq_status oq_engine_summarise_group(struct oq_engine *engine, const struct oq_caller *caller,
                                         int64_t group, struct oq_group_summary *summary,
                                         struct oq_error *err)
{
    return oq_call(engine, run_summarise_group, caller, group, summary, err);
}

static enum oq_status run_summarise_groups(struct oq_engine *engine, struct oq_call *call)
{
    const struct summary_args *args = call->args;
    size_t room = args->most < engine->catalogue.count ? args->most : engine->catalogue.count;
    size_t count = 0;
    bool is_more = false;
    struct oq_group_summary *summaries = room > 0 ? oq_calloc(room, sizeof *summaries) : NULL;
    if (room > 0 && !summaries)
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    for (struct oq_entry *entry = engine->catalogue.first; room > 0 && entry && !is_more;
         entry = entry->next) {
        if (entry->group.id <= call->group || !may_list(call, entry))
            continue;
        if (count == room)
            is_more = true;
        else
            oq_summary_of(engine, entry, &summaries[count++]);
    }
    if (count == 0) {
        oq_free(summaries);
        summaries = NULL;
    }
    *args->summaries = summaries;
    *args->count = count;
    *args->is_more = is_more;
    return OQ_OK;
}

enum oq_status oq_engine_summarise_groups(struct oq_engine *engine, const struct oq_caller *caller,
                                          int64_t after, uint32_t most,
                                          struct oq_group_summary **summaries, size_t *count,
                                          bool *is_more, struct oq_error *err)
{
    struct summary_args args = {.most = most, .summaries = summaries};
    args.count = count;
    args.is_more = is_more;
    return oq_call(engine, run_summarise_groups, caller, after, &args, err);
}

struct text_args {
    enum oq_text_prop prop;
    const char *text; /* to be set */
    char **out;       /* or to be read */
};

static char **text_of(struct oq_group *group, enum oq_text_prop prop, size_t *limit_units)
{
    switch (prop) { /* lengths: ne-qmgr-groupprop; a CLSID is 38 characters */
    case OQ_TEXT_DISPLAY_NAME:
        *limit_units = 256;
        return &group->display_name;
    case OQ_TEXT_DESCRIPTION:
        *limit_units = 1024;
        return &group->description;
    case OQ_TEXT_NOTIFY_CLSID:
        break;
    }
    *limit_units = 38;
    return &group->notify_clsid;
}

static enum oq_status run_get_text(struct oq_engine *engine, struct oq_call *call)
{
    const struct text_args *args = call->args;
    size_t unused = 0;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_READ, &entry);
    if (status != OQ_OK)
        return status;
    char *text = oq_strdup(*text_of(&entry->group, args->prop, &unused));
    if (!text)
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    *args->out = text;
    return OQ_OK;
}

enum oq_status oq_engine_get_text(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, enum oq_text_prop prop, char **text,
                                  struct oq_error *err)
{
    struct text_args args = {.prop = prop, .out = text};
    return oq_call(engine, run_get_text, caller, group, &args, err);
}

/* --- changing a group ------------------------------------------------------------------------- */

static enum oq_status run_set_text(struct oq_engine *engine, struct oq_call *call)
{
    const struct text_args *args = call->args;
    size_t limit_units = 0;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    struct oq_group next = entry->group;
    char **field = text_of(&next, args->prop, &limit_units);
    if (oq_utf8_units(args->text) > limit_units)
        return oq_error_set(call->err, OQ_E_INVALID_ARG, "the text is longer than %zu characters",
                            limit_units);
    char *text = oq_strdup(args->text);
    if (!text)
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    *field = text;
    status = save(engine, call, entry, &next);
    oq_free(text);
    return status;
}

enum oq_status oq_engine_set_text(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, enum oq_text_prop prop, const char *text,
                                  struct oq_error *err)
{
    struct text_args args = {.prop = prop, .text = text};
    return oq_call(engine, run_set_text, caller, group, &args, err);
}

static enum oq_status run_set_notify_flags(struct oq_engine *engine, struct oq_call *call)
{
    const uint32_t *flags = call->args;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    if (*flags & ~QM_NOTIFY_SUPPORTED)
        return oq_call_fail(call, OQ_E_NOT_SUPPORTED,
                            "only QM_NOTIFY_GROUP_DONE and QM_NOTIFY_DISABLE_NOTIFY are supported");
    struct oq_group next = entry->group;
    next.notify_flags = *flags;
    status = save(engine, call, entry, &next);
    if (status == OQ_OK)
        oq_events_post(engine, entry, false);
    return status;
}

enum oq_status oq_engine_set_notify_flags(struct oq_engine *engine, const struct oq_caller *caller,
                                          int64_t group, uint32_t flags, struct oq_error *err)
{
    return oq_call(engine, run_set_notify_flags, caller, group, &flags, err);
}

static void apply_rate(struct oq_engine *engine, struct oq_entry *entry)
{
    oq_rate_control_set_group(engine->rate_control, &entry->bucket, entry->group.is_foreground,
                              entry->group.max_bytes_per_s);
    engine->needs_schedule = true;
}

static enum oq_status run_set_foreground(struct oq_engine *engine, struct oq_call *call)
{
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK || entry->group.is_foreground)
        return status;
    struct oq_group next = entry->group;
    next.is_foreground = true;
    status = save(engine, call, entry, &next);
    apply_rate(engine, entry);
    return status;
}

enum oq_status oq_engine_set_foreground(struct oq_engine *engine, const struct oq_caller *caller,
                                        int64_t group, struct oq_error *err)
{
    return oq_call(engine, run_set_foreground, caller, group, NULL, err);
}

static enum oq_status run_set_max_rate(struct oq_engine *engine, struct oq_call *call)
{
    const uint64_t *bytes_per_s = call->args;
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    if (*bytes_per_s > (uint64_t)OQ_GROUP_RATE_MOST)
        return oq_call_fail(call, OQ_E_INVALID_ARG, "the rate is above 100 Gbit/s");
    struct oq_group next = entry->group;
    next.max_bytes_per_s = *bytes_per_s;
    status = save(engine, call, entry, &next);
    apply_rate(engine, entry);
    return status;
}

enum oq_status oq_engine_set_max_rate(struct oq_engine *engine, const struct oq_caller *caller,
                                      int64_t group, uint64_t bytes_per_s, struct oq_error *err)
{
    return oq_call(engine, run_set_max_rate, caller, group, &bytes_per_s, err);
}

/* --- the state of a group --------------------------------------------------------------------- */

static enum oq_status run_resume(struct oq_engine *engine, struct oq_call *call)
{
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    if (entry->group.job.file_count == 0)
        return oq_call_fail(call, OQ_E_EMPTY, "the group has no files");
    return oq_entry_apply(engine, entry, OQ_EV_RESUME, NULL, call->err);
}

enum oq_status oq_engine_resume(struct oq_engine *engine, const struct oq_caller *caller,
                                int64_t group, struct oq_error *err)
{
    return oq_call(engine, run_resume, caller, group, NULL, err);
}

static enum oq_status run_suspend(struct oq_engine *engine, struct oq_call *call)
{
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status == OQ_OK)
        status = oq_entry_apply(engine, entry, OQ_EV_SUSPEND, NULL, call->err);
    if (status == OQ_OK && entry->group.state == OQ_GROUP_SUSPENDED && entry->running > 0)
        oq_call_wait(entry, call, OQ_WAIT_STOPPED);
    return status;
}

enum oq_status oq_engine_suspend(struct oq_engine *engine, const struct oq_caller *caller,
                                 int64_t group, struct oq_error *err)
{
    return oq_call(engine, run_suspend, caller, group, NULL, err);
}

static enum oq_status run_cancel(struct oq_engine *engine, struct oq_call *call)
{
    struct oq_entry *entry = NULL;
    enum oq_status status = oq_call_find(engine, call, OQ_ACCESS_CHANGE, &entry);
    if (status != OQ_OK)
        return status;
    /* Waits before the change: the group may be gone, and the call answered, when it returns. */
    oq_call_wait(entry, call, OQ_WAIT_REMOVED);
    status = oq_entry_apply(engine, entry, OQ_EV_CANCEL, NULL, call->err);
    if (status != OQ_OK)
        oq_call_wait_no_longer(entry, call);
    return status;
}

enum oq_status oq_engine_cancel(struct oq_engine *engine, const struct oq_caller *caller,
                                int64_t group, struct oq_error *err)
{
    return oq_call(engine, run_cancel, caller, group, NULL, err);
}

/* --- limits of all groups --------------------------------------------------------------------- */

struct policy_args {
    const struct oq_config *config;
    const struct oq_rate_schedule *schedule;
};

static enum oq_status run_set_policy(struct oq_engine *engine, struct oq_call *call)
{
    const struct policy_args *args = call->args;
    engine->config.idle_throttle = args->config->idle_throttle;
    engine->config.max_rate_kbits = args->config->max_rate_kbits;
    engine->config.metered_networks = args->config->metered_networks;
    engine->config.pause_all = args->config->pause_all;
    engine->needs_schedule |=
        oq_rate_control_set_policy(engine->rate_control, &engine->config, args->schedule);
    return OQ_OK;
}

enum oq_status oq_engine_set_policy(struct oq_engine *engine, const struct oq_config *config,
                                    const struct oq_rate_schedule *schedule, struct oq_error *err)
{
    struct policy_args args = {config, schedule};
    return oq_call(engine, run_set_policy, &oq_call_service, 0, &args, err);
}

static enum oq_status run_view_policy(struct oq_engine *engine, struct oq_call *call)
{
    const struct oq_rate_policy *policy = oq_rate_control_policy(engine->rate_control);
    *(struct oq_policy_view *)call->args = (struct oq_policy_view){
        .idle_throttle = engine->config.idle_throttle != 0,
        .max_rate_kbits = (uint32_t)engine->config.max_rate_kbits,
        .is_pause_all = policy->is_paused,
        .is_metered_pause = policy->is_metered_pause,
        .is_schedule_pause = policy->is_schedule_pause,
        .limit_bytes_per_s = policy->limit_bytes_per_s,
    };
    return OQ_OK;
}

enum oq_status oq_engine_view_policy(struct oq_engine *engine, const struct oq_caller *caller,
                                     struct oq_policy_view *view, struct oq_error *err)
{
    return oq_call(engine, run_view_policy, caller, 0, view, err);
}

/* --- calls of the notifier -------------------------------------------------------------------- */

static enum oq_status run_listen(struct oq_engine *engine, struct oq_call *call)
{
    const struct oq_event_port *const *port = call->args;
    engine->events = *port;
    for (struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next) {
        entry->is_event_posted = false;
        oq_events_post(engine, entry, true);
    }
    return OQ_OK;
}

enum oq_status oq_engine_listen(struct oq_engine *engine, const struct oq_event_port *port,
                                struct oq_error *err)
{
    return oq_call(engine, run_listen, &oq_call_service, 0, &port, err);
}

static enum oq_status run_repeat_event(struct oq_engine *engine, struct oq_call *call)
{
    struct oq_entry *entry = oq_catalogue_find(&engine->catalogue, call->group);
    if (!entry)
        return oq_call_fail(call, OQ_E_NOT_FOUND, "there is no such group");
    oq_events_post(engine, entry, true);
    return OQ_OK;
}

enum oq_status oq_engine_repeat_event(struct oq_engine *engine, int64_t group, struct oq_error *err)
{
    return oq_call(engine, run_repeat_event, &oq_call_service, group, NULL, err);
}

static enum oq_status run_acknowledge(struct oq_engine *engine, struct oq_call *call)
{
    const uint32_t *serial = call->args;
    struct oq_entry *entry = oq_catalogue_find(&engine->catalogue, call->group);
    if (!entry || entry->event_serial != *serial || entry->group.event == OQ_EVENT_NONE)
        return OQ_OK;
    struct oq_group next = entry->group;
    next.event = OQ_EVENT_NONE;
    enum oq_status status = oq_entry_save_group(engine, entry, &next, call->err);
    if (status == OQ_OK)
        entry->is_event_posted = false; /* the notifier has dropped it */
    return status;
}

enum oq_status oq_engine_acknowledge(struct oq_engine *engine, int64_t group, uint32_t serial,
                                     struct oq_error *err)
{
    return oq_call(engine, run_acknowledge, &oq_call_service, group, &serial, err);
}
