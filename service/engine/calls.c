/* requests.c - the calls of oq_engine.h on the caller's side: copy what goes in, wait, hand out
 * what comes back.
 *
 * Any thread but the engine's. Touches no domain state. What may block (looking at the caller's
 * folder) is done here, as the caller, before the engine is asked.
 */
#include "calls_int.h"

#include "oq_alloc.h"
#include "oq_path.h"
#include "oq_url.h"

#include <string.h>

static void files_free(struct oq_file *files, uint32_t count)
{
    if (!files)
        return;
    for (uint32_t i = 0; i < count; i++)
        oq_file_release(&files[i]);
    oq_free(files);
}

void oq_request_unref(struct oq_request *request)
{
    if (!request || atomic_fetch_sub(&request->references, 1) != 1)
        return;
    oq_free(request->sid);
    oq_free(request->text);
    oq_free(request->policy);
    files_free(request->files, request->file_count);
    oq_free(request->guids);
    oq_free(request->summaries);
    oq_file_view_release(&request->file_view);
    if (request->data)
        request->free_data(request->data);
    oq_queue_free(request->reply);
    oq_free(request);
}

void oq_request_finish(struct oq_request *request)
{
    /* The queue has room for the one push it ever sees. */
    if (oq_queue_push(request->reply, request) != OQ_OK)
        atomic_store(&request->is_abandoned, true);
    oq_request_unref(request);
}

static struct oq_request *request_new(void (*handle)(struct oq_engine *, struct oq_request *),
                                      const struct oq_caller *caller, int64_t group)
{
    struct oq_request *request = oq_calloc(1, sizeof *request);
    if (!request)
        return NULL;
    atomic_init(&request->references, 1);
    atomic_init(&request->is_abandoned, false);
    oq_error_init(&request->error);
    request->handle = handle;
    request->group = group;
    request->is_admin = caller->is_admin;
    request->sid = oq_strdup(caller->sid);
    if (!request->sid || oq_queue_new(1, &request->reply) != OQ_OK) {
        oq_request_unref(request);
        return NULL;
    }
    return request;
}

/* Sends the request and waits. The caller still holds its reference afterwards and may read results
 * if OQ_OK. */
static enum oq_status ask(struct oq_engine *engine, struct oq_request *request,
                          struct oq_error *err)
{
    if (!request)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    if (atomic_load(&engine->is_stopping))
        return oq_error_set(err, OQ_E_STOPPING, "the service is stopping");
    atomic_fetch_add(&request->references, 1);
    enum oq_status status = oq_queue_push(engine->requests, request);
    if (status != OQ_OK) {
        oq_request_unref(request);
        return status == OQ_E_STOPPING ? oq_error_set(err, status, "the service is stopping")
                                       : oq_error_set(err, status, "too many calls at once");
    }
    oq_net_wakeup(engine->net);
    void *answered = NULL;
    if (oq_queue_pop(request->reply, engine->config.reply_timeout_ms, &answered) != OQ_OK) {
        atomic_store(&request->is_abandoned, true);
        return oq_error_set(err, OQ_E_BUSY, "the service did not answer in time");
    }
    if (err && request->status != OQ_OK)
        *err = request->error;
    return request->status;
}

struct oq_request *oq_request_new(void (*handle)(struct oq_engine *, struct oq_request *),
                                  const struct oq_caller *caller, int64_t group)
{
    return request_new(handle, caller, group);
}

enum oq_status oq_request_ask(struct oq_engine *engine, struct oq_request *request,
                              struct oq_error *err)
{
    return ask(engine, request, err);
}

/* For calls without results. */
static enum oq_status ask_and_free(struct oq_engine *engine, struct oq_request *request,
                                   struct oq_error *err)
{
    enum oq_status status = ask(engine, request, err);
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_create_group(struct oq_engine *engine, const struct oq_caller *caller,
                                      const struct oq_guid *guid, int64_t *group,
                                      struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_create_group, caller, 0);
    if (request)
        request->guid = *guid;
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK)
        *group = request->group;
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_get_group(struct oq_engine *engine, const struct oq_caller *caller,
                                   const struct oq_guid *guid, int64_t *group, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_get_group, caller, 0);
    if (request)
        request->guid = *guid;
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK)
        *group = request->group;
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_peek_group(struct oq_engine *engine, const struct oq_caller *caller,
                                    const struct oq_guid *guid, int64_t *group,
                                    struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_peek_group, caller, 0);
    if (request)
        request->guid = *guid;
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK)
        *group = request->group;
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_list_groups(struct oq_engine *engine, const struct oq_caller *caller,
                                     struct oq_guid **guids, size_t *count, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_list_groups, caller, 0);
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK) {
        *guids = request->guids;
        *count = request->guid_count;
        request->guids = NULL;
    }
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_view_group(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, struct oq_group_view *view, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_view_group, caller, group);
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK)
        *view = request->view;
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_summarise_group(struct oq_engine *engine, const struct oq_caller *caller,
                                         int64_t group, struct oq_group_summary *summary,
                                         struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_summarise_group, caller, group);
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK)
        *summary = request->summaries[0];
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_summarise_groups(struct oq_engine *engine, const struct oq_caller *caller,
                                          int64_t after, uint32_t most,
                                          struct oq_group_summary **summaries, size_t *count,
                                          bool *is_more, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_summarise_groups, caller, after);
    if (request)
        request->number = most;
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK) {
        *summaries = request->summaries;
        *count = request->summary_count;
        *is_more = request->is_more;
        request->summaries = NULL;
    }
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_get_text(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, enum oq_text_prop prop, char **text,
                                  struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_get_text, caller, group);
    if (request)
        request->prop = prop;
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK) {
        *text = request->text;
        request->text = NULL;
    }
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_set_text(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, enum oq_text_prop prop, const char *text,
                                  struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_set_text, caller, group);
    if (request) {
        request->prop = prop;
        request->text = oq_strdup(text);
        if (!request->text) {
            oq_request_unref(request);
            request = NULL;
        }
    }
    return ask_and_free(engine, request, err);
}

enum oq_status oq_engine_set_notify_flags(struct oq_engine *engine, const struct oq_caller *caller,
                                          int64_t group, uint32_t flags, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_set_notify_flags, caller, group);
    if (request)
        request->number = flags;
    return ask_and_free(engine, request, err);
}

enum oq_status oq_engine_set_max_rate(struct oq_engine *engine, const struct oq_caller *caller,
                                      int64_t group, uint64_t bytes_per_s, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_set_max_rate, caller, group);
    if (request)
        request->rate = bytes_per_s;
    return ask_and_free(engine, request, err);
}

enum oq_status oq_engine_set_policy(struct oq_engine *engine, const struct oq_config *config,
                                    const struct oq_rate_schedule *schedule, struct oq_error *err)
{
    const struct oq_caller nobody = {.sid = ""};
    struct oq_request *request = request_new(oq_handle_set_policy, &nobody, 0);
    struct oq_policy *policy = request ? oq_malloc(sizeof *policy) : NULL;
    if (!policy) {
        oq_request_unref(request);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    *policy = (struct oq_policy){.config = *config, .rate_schedule = *schedule};
    request->policy = policy;
    return ask_and_free(engine, request, err);
}

enum oq_status oq_engine_view_policy(struct oq_engine *engine, const struct oq_caller *caller,
                                     struct oq_policy_view *view, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_view_policy, caller, 0);
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK)
        *view = request->policy_view;
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_resume(struct oq_engine *engine, const struct oq_caller *caller,
                                int64_t group, struct oq_error *err)
{
    return ask_and_free(engine, request_new(oq_handle_resume, caller, group), err);
}

enum oq_status oq_engine_suspend(struct oq_engine *engine, const struct oq_caller *caller,
                                 int64_t group, struct oq_error *err)
{
    return ask_and_free(engine, request_new(oq_handle_suspend, caller, group), err);
}

enum oq_status oq_engine_cancel(struct oq_engine *engine, const struct oq_caller *caller,
                                int64_t group, struct oq_error *err)
{
    return ask_and_free(engine, request_new(oq_handle_cancel, caller, group), err);
}

enum oq_status oq_engine_set_foreground(struct oq_engine *engine, const struct oq_caller *caller,
                                        int64_t group, struct oq_error *err)
{
    return ask_and_free(engine, request_new(oq_handle_set_foreground, caller, group), err);
}

enum oq_status oq_engine_create_job(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, const struct oq_guid *guid, struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_create_job, caller, group);
    if (request)
        request->guid = *guid;
    return ask_and_free(engine, request, err);
}

enum oq_status oq_engine_view_file(struct oq_engine *engine, const struct oq_caller *caller,
                                   int64_t group, uint32_t index, struct oq_file_view *view,
                                   struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_view_file, caller, group);
    if (request)
        request->number = index;
    enum oq_status status = ask(engine, request, err);
    if (status == OQ_OK) {
        *view = request->file_view;
        memset(&request->file_view, 0, sizeof request->file_view);
    }
    oq_request_unref(request);
    return status;
}

/* Events are between the engine and the notifier: no client calls these. */
static const struct oq_caller nobody = {.sid = "", .is_admin = true};

enum oq_status oq_engine_listen(struct oq_engine *engine, const struct oq_event_port *port,
                                struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_listen, &nobody, 0);
    if (request)
        request->port = port;
    return ask_and_free(engine, request, err);
}

enum oq_status oq_engine_repeat_event(struct oq_engine *engine, int64_t group, struct oq_error *err)
{
    return ask_and_free(engine, request_new(oq_handle_repeat_event, &nobody, group), err);
}

enum oq_status oq_engine_acknowledge(struct oq_engine *engine, int64_t group, uint32_t serial,
                                     struct oq_error *err)
{
    struct oq_request *request = request_new(oq_handle_acknowledge, &nobody, group);
    if (request)
        request->number = serial;
    return ask_and_free(engine, request, err);
}

void oq_file_view_release(struct oq_file_view *view)
{
    oq_free(view->remote);
    oq_free(view->local);
    oq_free(view->temp_path);
    oq_free(view->validator);
    memset(view, 0, sizeof *view);
}

/* --- AddFiles: names and folders are looked at before the engine is asked --------------------- */

static enum oq_status check_names(struct oq_engine *engine, const struct oq_file_spec *spec,
                                  struct oq_error *err)
{
    if (!spec->remote || !spec->remote[0] || !spec->local || !spec->local[0])
        return oq_error_set(err, OQ_E_INVALID_ARG, "a file needs a remote and a local name");
    enum oq_status status = oq_url_check(spec->remote, err);
    if (status != OQ_OK)
        return status;
    return oq_path_check(spec->local, engine->options.allow_posix_paths, err);
}

/* As the caller. A caller who allows identification only is looked up like an owner, since his
 * rights are to be tested, not the service's. */
static enum oq_status check_folders(struct oq_engine *engine, const struct oq_caller *caller,
                                    const struct oq_file_spec *specs, uint32_t count,
                                    struct oq_error *err)
{
    struct oq_identity *as = engine->identity->ref(engine->identity->ctx, caller->identity);
    char *previous = NULL, *folder = NULL;
    enum oq_status status = OQ_OK;
    uint32_t index = 0;

    if (!as) {
        status = engine->identity->acquire(engine->identity->ctx, caller->sid, &as, err);
        if (status != OQ_OK) {
            status = oq_error_set(
                err, OQ_E_ACCESS_DENIED,
                "the service cannot act as the caller: allow impersonation (CoSetProxyBlanket)");
            goto out;
        }
    }
    for (index = 0; index < count; index++) {
        oq_free(folder);
        folder = oq_path_folder(specs[index].local);
        if (!folder) {
            status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
            goto out;
        }
        if (previous && strcmp(previous, folder) == 0)
            continue;
        status = engine->files->check_folder(engine->files->ctx, as, specs[index].local, err);
        if (status == OQ_E_FILE_MISSING)
            status = oq_error_set(err, OQ_E_INVALID_ARG,
                                  "the destination folder does not exist: %s", folder);
        else if (status == OQ_E_ACCESS_DENIED)
            status = oq_error_set(err, OQ_E_ACCESS_DENIED,
                                  "no right to write to the destination folder: %s", folder);
        if (status != OQ_OK)
            goto out;
        oq_free(previous);
        previous = folder;
        folder = NULL;
    }
out:
    if (status != OQ_OK && err && index < count)
        err->file_index = index;
    engine->identity->unref(engine->identity->ctx, as);
    oq_free(folder);
    oq_free(previous);
    return status;
}

enum oq_status oq_engine_add_files(struct oq_engine *engine, const struct oq_caller *caller,
                                   int64_t group, const struct oq_file_spec *specs, uint32_t count,
                                   struct oq_error *err)
{
    struct oq_request *request = NULL;
    enum oq_status status = OQ_OK;

    if (count == 0)
        return oq_error_set(err, OQ_E_INVALID_ARG, "no files given");
    for (uint32_t i = 0; i < count; i++) {
        status = check_names(engine, &specs[i], err);
        if (status != OQ_OK) {
            if (err)
                err->file_index = i;
            return status;
        }
    }
    status = check_folders(engine, caller, specs, count, err);
    if (status != OQ_OK)
        return status;

    request = request_new(oq_handle_add_files, caller, group);
    if (request) {
        request->files = oq_calloc(count, sizeof *request->files);
        request->file_count = request->files ? count : 0;
        bool is_whole = request->files != NULL;
        for (uint32_t i = 0; is_whole && i < count; i++) {
            request->files[i].remote = oq_strdup(specs[i].remote);
            request->files[i].local = oq_strdup(specs[i].local);
            request->files[i].size_bytes = OQ_SIZE_UNKNOWN;
            is_whole = request->files[i].remote && request->files[i].local;
        }
        if (!is_whole) {
            oq_request_unref(request);
            request = NULL;
        }
    }
    return ask_and_free(engine, request, err);
}
