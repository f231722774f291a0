/* handlers.c - the calls of oq_engine.h on the engine's side: find the group, ask the access table,
 * change or read.
 *
 * Engine thread. Each handler sets request->status (and error) or leaves the request with
 * entry->waiters.
 */
#include "calls_int.h"
#include "oq_rate_control.h"

#include "oq_group_machine.h"
#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"
#include "oq_utf.h"

#include <string.h>

#define QM_NOTIFY_SUPPORTED 0x44u /* GROUP_DONE | DISABLE_NOTIFY, contract D24 */

static void fail(struct oq_request *request, enum oq_status status, const char *text)
{
    request->status = oq_error_set(&request->error, status, "%s", text);
}

/* The group of the request, if the caller may do that with it; else NULL and the status is set. A
 * group that is gone is found only by calls that read it: see oq_handle_view_group. */
static struct oq_entry *find(struct oq_engine *engine, struct oq_request *request,
                             enum oq_access_verb verb)
{
    struct oq_entry *entry = oq_catalogue_find(&engine->catalogue, request->group);
    if (!entry) {
        if (oq_catalogue_find_gone(&engine->catalogue, request->group))
            fail(request, OQ_E_INVALID_STATE, "the group was cancelled or has expired");
        else
            fail(request, OQ_E_NOT_FOUND, "there is no such group");
        return NULL;
    }
    struct oq_access_decision access =
        oq_access_decide(verb, request->sid, request->is_admin, entry->group.owner_sid);
    if (access.status != OQ_OK) {
        fail(request, access.status, "the group belongs to another user");
        return NULL;
    }
    if (verb == OQ_ACCESS_CHANGE && entry->group.state == OQ_GROUP_CANCELLING) {
        fail(request, OQ_E_INVALID_STATE, "the group was cancelled or has expired");
        return NULL;
    }
    return entry;
}

struct oq_entry *oq_request_find(struct oq_engine *engine, struct oq_request *request,
                                 enum oq_access_verb verb)
{
    return find(engine, request, verb);
}

static void wait_for(struct oq_entry *entry, struct oq_request *request, enum oq_wait what)
{
    request->waits_for = what;
    request->next_waiter = entry->waiters;
    entry->waiters = request;
}

static void stop_waiting(struct oq_entry *entry, struct oq_request *request)
{
    struct oq_request **link = &entry->waiters;
    while (*link && *link != request)
        link = &(*link)->next_waiter;
    if (*link)
        *link = request->next_waiter;
    request->waits_for = OQ_WAIT_NOTHING;
}

void oq_waiters_check(struct oq_engine *engine, struct oq_entry *entry, bool is_removed)
{
    struct oq_request **link = &entry->waiters;
    (void)engine;
    while (*link) {
        struct oq_request *request = *link;
        bool is_due = is_removed || (request->waits_for == OQ_WAIT_STOPPED && entry->running == 0);
        if (!is_due) {
            link = &request->next_waiter;
            continue;
        }
        *link = request->next_waiter;
        request->status = OQ_OK;
        oq_request_finish(request);
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

static enum oq_status check_limits(struct oq_engine *engine, const struct oq_request *request,
                                   struct oq_error *err)
{
    int64_t of_user = 0;
    const struct oq_config *config = &engine->config;
    if (request->is_admin)
        return OQ_OK;
    for (const struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        of_user += entry->group.state != OQ_GROUP_CANCELLING &&
                   strcmp(entry->group.owner_sid, request->sid) == 0;
    if (config->groups_per_user > 0 && of_user >= config->groups_per_user)
        return oq_error_set(err, OQ_E_LIMIT_USER, "a user may have at most %lld groups",
                            (long long)config->groups_per_user);
    if (config->groups_per_machine > 0 &&
        engine->catalogue.count >= (size_t)config->groups_per_machine)
        return oq_error_set(err, OQ_E_LIMIT_MACHINE, "this computer may have at most %lld groups",
                            (long long)config->groups_per_machine);
    return OQ_OK;
}

void oq_handle_create_group(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_group group = {
        .guid = request->guid, .state = OQ_GROUP_SUSPENDED, .error.file_index = OQ_NO_FILE};
    enum oq_status status = OQ_OK;
    struct oq_entry *entry = NULL;
    if (oq_guid_is_null(&request->guid)) {
        fail(request, OQ_E_INVALID_ARG, "the null GUID names no group");
        return;
    }
    if (oq_catalogue_find_guid(&engine->catalogue, &request->guid)) {
        fail(request, OQ_E_EXISTS, "a group with this GUID exists");
        return;
    }
    request->status = check_limits(engine, request, &request->error);
    if (request->status != OQ_OK)
        return;
    group.created_at_ms = group.changed_at_ms = oq_clock_wall_ms(engine->clock);
    group.owner_sid = oq_strdup(request->sid);
    group.display_name = oq_strdup("");
    group.description = oq_strdup("");
    group.notify_clsid = oq_strdup("");
    if (!group.owner_sid || !group.display_name || !group.description || !group.notify_clsid) {
        status = oq_error_set(&request->error, OQ_E_NOMEM, "out of memory");
        goto out;
    }
    status = oq_store_begin(engine->store, &request->error);
    if (status == OQ_OK)
        status = oq_store_insert_group(engine->store, &group, &request->error);
    /* Memory first, since it can still fail; the commit is the last step that can. */
    if (status == OQ_OK && oq_catalogue_add(&engine->catalogue, &group, &entry) != OQ_OK)
        status = oq_error_set(&request->error, OQ_E_NOMEM, "out of memory");
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, &request->error);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        if (entry)
            oq_catalogue_remove(&engine->catalogue, entry, NULL);
        goto out;
    }
    oq_fault_step("save new group");
    request->group = entry->group.id;
out:
    oq_group_release(&group);
    request->status = status;
}

void oq_handle_get_group(struct oq_engine *engine, struct oq_request *request)
{
    char guid[OQ_GUID_TEXT];
    struct oq_entry *entry = oq_catalogue_find_guid(&engine->catalogue, &request->guid);
    if (!entry) {
        fail(request, OQ_E_NOT_FOUND, "there is no such group");
        return;
    }
    struct oq_access_decision access =
        oq_access_decide(OQ_ACCESS_TAKE, request->sid, request->is_admin, entry->group.owner_sid);
    if (access.status != OQ_OK) {
        fail(request, access.status, "there is no such group");
        return;
    }
    if (access.takes_ownership) {
        struct oq_group next = entry->group;
        next.owner_sid = request->sid;
        next.changed_at_ms = oq_clock_wall_ms(engine->clock);
        request->status = oq_change_group(engine, entry, &next, &request->error);
        if (request->status != OQ_OK)
            return;
        oq_guid_format(&entry->group.guid, guid);
        oq_log_info("group %s: now owned by %s", guid, entry->group.owner_sid);
        engine->needs_turns = true;
    }
    request->group = entry->group.id;
}

void oq_handle_peek_group(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = oq_catalogue_find_guid(&engine->catalogue, &request->guid);
    if (!entry ||
        oq_access_decide(OQ_ACCESS_PEEK, request->sid, request->is_admin, entry->group.owner_sid)
                .status != OQ_OK) {
        fail(request, OQ_E_NOT_FOUND, "there is no such group");
        return;
    }
    request->group = entry->group.id;
}

void oq_handle_list_groups(struct oq_engine *engine, struct oq_request *request)
{
    size_t count = 0;
    struct oq_guid *guids = oq_calloc(engine->catalogue.count + 1, sizeof *guids);
    if (!guids) {
        fail(request, OQ_E_NOMEM, "out of memory");
        return;
    }
    for (const struct oq_entry *entry = engine->catalogue.first; entry; entry = entry->next)
        if (entry->group.state != OQ_GROUP_CANCELLING &&
            oq_access_decide(OQ_ACCESS_LIST, request->sid, request->is_admin,
                             entry->group.owner_sid)
                    .status == OQ_OK)
            guids[count++] = entry->group.guid;
    if (count == 0) {
        oq_free(guids);
        guids = NULL;
    }
    request->guids = guids;
    request->guid_count = count;
}

void oq_handle_view_group(struct oq_engine *engine, struct oq_request *request)
{
    const struct oq_group_view *gone = oq_catalogue_find_gone(&engine->catalogue, request->group);
    if (gone) {
        if (oq_access_decide(OQ_ACCESS_READ, request->sid, request->is_admin, gone->owner_sid)
                .status != OQ_OK)
            fail(request, OQ_E_ACCESS_DENIED, "the group belongs to another user");
        else
            request->view = *gone;
        return;
    }
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_READ);
    if (entry)
        oq_view_of(engine, entry, &request->view);
}

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

void oq_handle_get_text(struct oq_engine *engine, struct oq_request *request)
{
    size_t unused = 0;
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_READ);
    if (!entry)
        return;
    request->text = oq_strdup(*text_of(&entry->group, request->prop, &unused));
    if (!request->text)
        fail(request, OQ_E_NOMEM, "out of memory");
}

void oq_handle_set_text(struct oq_engine *engine, struct oq_request *request)
{
    size_t limit_units = 0;
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    struct oq_group next = entry->group;
    char **field = text_of(&next, request->prop, &limit_units);
    if (oq_utf8_units(request->text) > limit_units) {
        request->status = oq_error_set(&request->error, OQ_E_INVALID_ARG,
                                       "the text is longer than %zu characters", limit_units);
        return;
    }
    *field = request->text;
    next.changed_at_ms = oq_clock_wall_ms(engine->clock);
    request->status = oq_change_group(engine, entry, &next, &request->error);
}

void oq_handle_set_notify_flags(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    if (request->number & ~QM_NOTIFY_SUPPORTED) {
        fail(request, OQ_E_NOT_SUPPORTED,
             "only QM_NOTIFY_GROUP_DONE and QM_NOTIFY_DISABLE_NOTIFY are supported");
        return;
    }
    struct oq_group next = entry->group;
    next.notify_flags = request->number;
    next.changed_at_ms = oq_clock_wall_ms(engine->clock);
    request->status = oq_change_group(engine, entry, &next, &request->error);
    if (request->status == OQ_OK)
        oq_events_post(engine, entry, false);
}

void oq_handle_resume(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    if (entry->group.job.file_count == 0) {
        fail(request, OQ_E_EMPTY, "the group has no files");
        return;
    }
    request->status = oq_change_state(engine, entry, OQ_EV_RESUME, NULL, &request->error);
}

void oq_handle_suspend(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    request->status = oq_change_state(engine, entry, OQ_EV_SUSPEND, NULL, &request->error);
    if (request->status == OQ_OK && entry->group.state == OQ_GROUP_SUSPENDED && entry->running > 0)
        wait_for(entry, request, OQ_WAIT_STOPPED);
}

void oq_handle_cancel(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    /* Waits before it asks: the group may be gone, and the request answered, when oq_change_state
     * returns. */
    wait_for(entry, request, OQ_WAIT_REMOVED);
    enum oq_status status = oq_change_state(engine, entry, OQ_EV_CANCEL, NULL, &request->error);
    if (status != OQ_OK) {
        stop_waiting(entry, request);
        request->status = status;
    }
}

static void apply_rate(struct oq_engine *engine, struct oq_entry *entry)
{
    oq_rate_control_set_group(engine->rate_control, &entry->bucket, entry->group.is_foreground,
                              entry->group.max_bytes_per_s);
    engine->needs_turns = true;
}

void oq_handle_set_foreground(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry || entry->group.is_foreground)
        return;
    struct oq_group next = entry->group;
    next.is_foreground = true;
    next.changed_at_ms = oq_clock_wall_ms(engine->clock);
    request->status = oq_change_group(engine, entry, &next, &request->error);
    apply_rate(engine, entry);
}

void oq_handle_set_max_rate(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    if (request->rate > (uint64_t)OQ_GROUP_RATE_MOST) {
        fail(request, OQ_E_INVALID_ARG, "the rate is above 100 Gbit/s");
        return;
    }
    struct oq_group next = entry->group;
    next.max_bytes_per_s = request->rate;
    next.changed_at_ms = oq_clock_wall_ms(engine->clock);
    request->status = oq_change_group(engine, entry, &next, &request->error);
    apply_rate(engine, entry);
}

void oq_handle_set_policy(struct oq_engine *engine, struct oq_request *request)
{
    const struct oq_config *config = &request->policy->config;
    engine->config.idle_throttle = config->idle_throttle;
    engine->config.handshake_probes = config->handshake_probes;
    engine->config.max_rate_kbits = config->max_rate_kbits;
    engine->config.metered_networks = config->metered_networks;
    engine->config.pause_all = config->pause_all;
    engine->needs_turns |= oq_rate_control_set_policy(engine->rate_control, &engine->config,
                                                      &request->policy->rate_schedule);
}

void oq_handle_view_policy(struct oq_engine *engine, struct oq_request *request)
{
    const struct oq_rate_policy *policy = oq_rate_control_policy(engine->rate_control);
    request->policy_view = (struct oq_policy_view){
        .idle_throttle = engine->config.idle_throttle != 0,
        .max_rate_kbits = (uint32_t)engine->config.max_rate_kbits,
        .is_pause_all = policy->is_paused,
        .is_metered_pause = policy->is_metered_pause,
        .is_schedule_pause = policy->is_schedule_pause,
        .limit_bytes_per_s = policy->limit_bytes_per_s,
    };
}

/* --- jobs and files --------------------------------------------------------------------------- */

void oq_handle_create_job(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    if (entry->group.job.id != 0) {
        if (entry->group.state == OQ_GROUP_ACTIVE || entry->group.state == OQ_GROUP_COMMITTING)
            fail(request, OQ_E_INVALID_STATE, "the group's job is running");
        else
            fail(request, OQ_E_NOT_SUPPORTED, "a group has at most one job");
        return;
    }
    if (oq_guid_is_null(&request->guid)) {
        fail(request, OQ_E_INVALID_ARG, "the null GUID names no job");
        return;
    }
    entry->group.job.guid = request->guid;
    enum oq_status status = oq_store_begin(engine->store, &request->error);
    if (status == OQ_OK)
        status = oq_store_insert_job(engine->store, &entry->group, &request->error);
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, &request->error);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        memset(&entry->group.job, 0, sizeof entry->group.job);
        if (status == OQ_E_EXISTS)
            status = oq_error_set(&request->error, OQ_E_INVALID_ARG,
                                  "a job with this GUID exists in the queue");
    } else {
        oq_fault_step("save job");
    }
    request->status = status;
}

/* Moves the names into the group's job and saves them; on failure the job is as before. */
static enum oq_status append_files(struct oq_engine *engine, struct oq_entry *entry,
                                   struct oq_request *request)
{
    struct oq_job *job = &entry->group.job;
    uint32_t before = job->file_count;
    enum oq_status status = oq_entry_reserve_runs(entry, before + request->file_count);
    if (status != OQ_OK)
        return oq_error_set(&request->error, status, "out of memory");
    status = oq_store_begin(engine->store, &request->error);
    for (uint32_t i = 0; status == OQ_OK && i < request->file_count; i++) {
        struct oq_file *file = oq_job_add_file(job);
        if (!file) {
            status = oq_error_set(&request->error, OQ_E_NOMEM, "out of memory");
            break;
        }
        file->remote = request->files[i].remote;
        file->local = request->files[i].local;
        request->files[i].remote = request->files[i].local = NULL;
        file->state = OQ_FILE_WAITING;
        file->size_bytes = OQ_SIZE_UNKNOWN;
        file->done_bytes = 0;
        status = oq_store_insert_file(engine->store, job->id, file, &request->error);
    }
    if (status == OQ_OK)
        status = oq_store_commit(engine->store, &request->error);
    if (status != OQ_OK) {
        oq_store_rollback(engine->store);
        while (job->file_count > before)
            oq_file_release(&job->files[--job->file_count]);
        return status;
    }
    oq_fault_step("save files");
    entry->may_percent_fall = true;
    return OQ_OK;
}

void oq_handle_add_files(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_transition unused;
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_CHANGE);
    if (!entry)
        return;
    if (entry->group.job.id == 0) {
        fail(request, OQ_E_NOT_FOUND, "the group has no job");
        return;
    }
    if (oq_group_transition(entry->group.state, OQ_EV_FILES_ADDED, &unused) != OQ_OK) {
        fail(request, OQ_E_INVALID_STATE, "files can be added until the group is complete");
        return;
    }
    int64_t limit = engine->config.files_per_job;
    if (!request->is_admin && limit > 0 &&
        (int64_t)entry->group.job.file_count + request->file_count > limit) {
        request->status = oq_error_set(&request->error, OQ_E_LIMIT_FILES,
                                       "a job may have at most %lld files", (long long)limit);
        return;
    }
    request->status = append_files(engine, entry, request);
    if (request->status == OQ_OK)
        request->status = oq_change_state(engine, entry, OQ_EV_FILES_ADDED, NULL, &request->error);
}

void oq_handle_view_file(struct oq_engine *engine, struct oq_request *request)
{
    struct oq_file_view *view = &request->file_view;
    struct oq_entry *entry = find(engine, request, OQ_ACCESS_READ);
    if (!entry)
        return;
    if (request->number >= entry->group.job.file_count) {
        fail(request, OQ_E_NOT_FOUND, "the job has no file of that index");
        return;
    }
    const struct oq_file *file = &entry->group.job.files[request->number];
    struct oq_transfer *transfer = entry->runs[request->number].transfer;
    const char *validator = file->etag ? file->etag : file->last_modified;
    view->remote = oq_strdup(file->remote);
    view->local = oq_strdup(file->local);
    view->temp_path = oq_strdup(file->temp_path);
    view->validator = oq_strdup(validator);
    if (!view->remote || !view->local || (file->temp_path && !view->temp_path) ||
        (validator && !view->validator)) {
        fail(request, OQ_E_NOMEM, "out of memory");
        return;
    }
    view->state = file->state;
    view->is_running = transfer != NULL;
    view->is_waiting = entry->group.state == OQ_GROUP_ACTIVE && !transfer &&
                       entry->runs[request->number].retry_at_ms > oq_now_ms(engine);
    view->size_bytes = file->size_bytes;
    view->done_bytes = file->done_bytes;
    if (transfer && oq_transfer_received(transfer) > view->done_bytes)
        view->done_bytes = oq_transfer_received(transfer);
    view->rate_bytes_per_s = transfer ? oq_transfer_rate(transfer, oq_now_ms(engine)) : 0;
}
