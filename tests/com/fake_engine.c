/* fake_engine.c - the functions of oq_engine.h that service/com calls, scripted by struct oq_engine
 * of com_fixture.h.
 *
 * Each checks what every caller promises: a caller with a SID, an error that was initialised, and
 * that the thread has given back its client's identity.
 */
#include "com_fixture.h"

#include "oq_alloc.h"

static enum oq_status asked(struct oq_engine *engine, enum fake_function function,
                            const struct oq_caller *caller, struct oq_error *err)
{
    assert_non_null(engine);
    assert_non_null(caller);
    assert_non_null(caller->sid);
    assert_non_null(err);
    assert_int_equal(err->status, OQ_OK);
    assert_int_equal(err->file_index, OQ_NO_FILE);
    assert_false(impersonation.is_on);

    engine->calls++;
    engine->count[function]++;
    engine->last = function;
    snprintf(engine->sid, sizeof engine->sid, "%s", caller->sid);
    engine->is_admin = caller->rights.is_admin;
    if (engine->entered) {
        SetEvent(engine->entered);
        WaitForSingleObject(engine->leave, 30000);
    }
    if (engine->status == OQ_OK ||
        (engine->fails_only != FAKE_NONE && engine->fails_only != function))
        return OQ_OK;
    return oq_error_win32(err, engine->status, engine->win32, "scripted failure");
}

static enum oq_status asked_about(struct oq_engine *engine, enum fake_function function,
                                  const struct oq_caller *caller, int64_t group,
                                  struct oq_error *err)
{
    enum oq_status status = asked(engine, function, caller, err);
    engine->group_id = group;
    return status;
}

enum oq_status fake_engine_asked(struct oq_engine *engine, enum fake_function function,
                                 const struct oq_caller *caller, int64_t group,
                                 struct oq_error *err)
{
    return asked_about(engine, function, caller, group, err);
}

enum oq_status oq_engine_create_group(struct oq_engine *engine, const struct oq_caller *caller,
                                      const struct oq_guid *guid, int64_t *group,
                                      struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_CREATE_GROUP, caller, err);
    engine->guid = *guid;
    if (status == OQ_OK)
        *group = FAKE_GROUP;
    return status;
}

enum oq_status oq_engine_get_group(struct oq_engine *engine, const struct oq_caller *caller,
                                   const struct oq_guid *guid, int64_t *group, struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_GET_GROUP, caller, err);
    engine->guid = *guid;
    if (status == OQ_OK)
        *group = FAKE_GROUP;
    return status;
}

enum oq_status oq_engine_peek_group(struct oq_engine *engine, const struct oq_caller *caller,
                                    const struct oq_guid *guid, int64_t *group,
                                    struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_PEEK_GROUP, caller, err);
    engine->guid = *guid;
    if (status == OQ_OK)
        *group = FAKE_GROUP;
    return status;
}

enum oq_status oq_engine_list_groups(struct oq_engine *engine, const struct oq_caller *caller,
                                     struct oq_guid **guids, size_t *count, struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_LIST_GROUPS, caller, err);
    if (status != OQ_OK)
        return status;
    struct oq_guid *copy = NULL;
    if (engine->guid_count > 0) {
        copy = oq_malloc(engine->guid_count * sizeof *copy);
        if (!copy)
            return OQ_E_NOMEM;
        memcpy(copy, engine->guids, engine->guid_count * sizeof *copy);
    }
    *guids = copy;
    *count = engine->guid_count;
    return OQ_OK;
}

enum oq_status oq_engine_view_group(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, struct oq_group_view *view, struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_VIEW_GROUP, caller, group, err);
    if (status == OQ_OK)
        *view = engine->view;
    return status;
}

enum oq_status oq_engine_summarise_group(struct oq_engine *engine, const struct oq_caller *caller,
                                         int64_t group, struct oq_group_summary *summary,
                                         struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_SUMMARISE_GROUP, caller, group, err);
    if (status != OQ_OK)
        return status;
    *summary = (struct oq_group_summary){.group = group, .view = engine->view};
    snprintf(summary->display_name, sizeof summary->display_name, "%s", engine->text);
    snprintf(summary->first_file, sizeof summary->first_file, "%s", engine->first_file);
    return OQ_OK;
}

enum oq_status oq_engine_summarise_groups(struct oq_engine *engine, const struct oq_caller *caller,
                                          int64_t after, uint32_t most,
                                          struct oq_group_summary **summaries, size_t *count,
                                          bool *is_more, struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_SUMMARISE_GROUPS, caller, err);
    engine->after = after;
    engine->most = most;
    if (status != OQ_OK)
        return status;
    struct oq_group_summary *copy = NULL;
    if (engine->summary_count > 0) {
        copy = oq_calloc(engine->summary_count, sizeof *copy);
        if (!copy)
            return OQ_E_NOMEM;
        memcpy(copy, engine->summaries, engine->summary_count * sizeof *copy);
    }
    *summaries = copy;
    *count = engine->summary_count;
    *is_more = engine->is_more;
    return OQ_OK;
}

enum oq_status oq_engine_view_policy(struct oq_engine *engine, const struct oq_caller *caller,
                                     struct oq_policy_view *view, struct oq_error *err)
{
    enum oq_status status = asked(engine, FAKE_VIEW_POLICY, caller, err);
    if (status == OQ_OK)
        *view = engine->policy;
    return status;
}

enum oq_status oq_engine_set_max_rate(struct oq_engine *engine, const struct oq_caller *caller,
                                      int64_t group, uint64_t bytes_per_s, struct oq_error *err)
{
    engine->max_rate = bytes_per_s;
    return asked_about(engine, FAKE_SET_MAX_RATE, caller, group, err);
}

enum oq_status oq_engine_get_text(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, enum oq_text_prop prop, char **text,
                                  struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_GET_TEXT, caller, group, err);
    engine->prop = prop;
    if (status != OQ_OK)
        return status;
    char *copy = oq_strdup(engine->text);
    if (!copy)
        return OQ_E_NOMEM;
    *text = copy;
    return OQ_OK;
}

enum oq_status oq_engine_set_text(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, enum oq_text_prop prop, const char *text,
                                  struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_SET_TEXT, caller, group, err);
    engine->prop = prop;
    snprintf(engine->prop_text, sizeof engine->prop_text, "%s", text);
    return status;
}

enum oq_status oq_engine_set_notify_flags(struct oq_engine *engine, const struct oq_caller *caller,
                                          int64_t group, uint32_t flags, struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_SET_NOTIFY_FLAGS, caller, group, err);
    engine->flags = flags;
    return status;
}

enum oq_status oq_engine_resume(struct oq_engine *engine, const struct oq_caller *caller,
                                int64_t group, struct oq_error *err)
{
    return asked_about(engine, FAKE_RESUME, caller, group, err);
}

enum oq_status oq_engine_suspend(struct oq_engine *engine, const struct oq_caller *caller,
                                 int64_t group, struct oq_error *err)
{
    return asked_about(engine, FAKE_SUSPEND, caller, group, err);
}

enum oq_status oq_engine_cancel(struct oq_engine *engine, const struct oq_caller *caller,
                                int64_t group, struct oq_error *err)
{
    return asked_about(engine, FAKE_CANCEL, caller, group, err);
}

enum oq_status oq_engine_set_foreground(struct oq_engine *engine, const struct oq_caller *caller,
                                        int64_t group, struct oq_error *err)
{
    return asked_about(engine, FAKE_SET_FOREGROUND, caller, group, err);
}

enum oq_status oq_engine_create_job(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, const struct oq_guid *guid, struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_CREATE_JOB, caller, group, err);
    engine->guid = *guid;
    return status;
}

enum oq_status oq_engine_add_files(struct oq_engine *engine, const struct oq_caller *caller,
                                   int64_t group, const struct oq_file_spec *specs, uint32_t count,
                                   struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_ADD_FILES, caller, group, err);
    engine->spec_count = count;
    for (uint32_t i = 0; i < count && i < FAKE_MAX_SPECS; i++) {
        snprintf(engine->remote[i], sizeof engine->remote[i], "%s", specs[i].remote);
        snprintf(engine->local[i], sizeof engine->local[i], "%s", specs[i].local);
    }
    return status;
}

enum oq_status oq_engine_view_file(struct oq_engine *engine, const struct oq_caller *caller,
                                   int64_t group, uint32_t index, struct oq_file_view *view,
                                   struct oq_error *err)
{
    enum oq_status status = asked_about(engine, FAKE_VIEW_FILE, caller, group, err);
    engine->index = index;
    if (status != OQ_OK)
        return status;
    struct oq_file_view copy = engine->file;
    copy.remote = oq_strdup(engine->file_remote);
    copy.local = oq_strdup(engine->file_local);
    copy.temp_path = oq_strdup(engine->file_temp);
    copy.validator = oq_strdup(engine->file_validator);
    if (!copy.remote || !copy.local || (engine->file_temp && !copy.temp_path) ||
        (engine->file_validator && !copy.validator)) {
        oq_file_view_release(&copy);
        return OQ_E_NOMEM;
    }
    *view = copy;
    return OQ_OK;
}

/* --- events: no client asks ------------------------------------------------------------------- */

static enum oq_status answer_event(struct oq_engine *engine, struct oq_error *err)
{
    assert_non_null(err);
    assert_int_equal(err->status, OQ_OK);
    assert_false(impersonation.is_on);
    return engine->event_status == OQ_OK ? OQ_OK
                                         : oq_error_set(err, engine->event_status, "scripted");
}

enum oq_status oq_engine_listen(struct oq_engine *engine, const struct oq_event_port *port,
                                struct oq_error *err)
{
    enum oq_status status = answer_event(engine, err);
    InterlockedIncrement(&engine->listens);
    if (status == OQ_OK)
        engine->events = port;
    return status;
}

enum oq_status oq_engine_repeat_event(struct oq_engine *engine, int64_t group, struct oq_error *err)
{
    (void)group;
    InterlockedIncrement(&engine->repeats);
    return answer_event(engine, err);
}

enum oq_status oq_engine_acknowledge(struct oq_engine *engine, int64_t group, uint32_t serial,
                                     struct oq_error *err)
{
    (void)group;
    assert_in_range(serial, 0, FAKE_MAX_SERIALS - 1);
    InterlockedIncrement(&engine->acknowledged_serials[serial]);
    InterlockedIncrement(&engine->acknowledgements);
    if (engine->acknowledged)
        SetEvent(engine->acknowledged);
    return answer_event(engine, err);
}

void oq_file_view_release(struct oq_file_view *view)
{
    oq_free(view->remote);
    oq_free(view->local);
    oq_free(view->temp_path);
    oq_free(view->validator);
    *view = (struct oq_file_view){0};
}
