/* open_manager.c - IOpenQmgrManager, part of the manager's object: many groups in one call, and the
 * settings that hold for all of them.
 *
 * Any thread of the apartment. idl/openqmgr_extension.idl says what each method promises.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_settings.h"

#include <string.h>

static struct oq_open_manager *from_iface(IOpenQmgrManager *iface)
{
    return CONTAINER_OF(iface, struct oq_open_manager, iface);
}

static enum oq_status begin(struct oq_open_manager *part, struct oq_call *call)
{
    return oq_call_begin(call, part->object->context);
}

OQ_IUNKNOWN(IOpenQmgrManager, open_manager, from_iface(iface)->object)

/* --- IOpenQmgrManager: groups ----------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE open_manager_OpenGroup(IOpenQmgrManager *iface, GUID guid,
                                                        IBackgroundCopyGroup **out)
{
    return oq_group_open(from_iface(iface)->object->context, &guid, oq_engine_peek_group, out);
}

static HRESULT STDMETHODCALLTYPE open_manager_GetGroups(IOpenQmgrManager *iface, UINT64 after,
                                                        BSTR *groups)
{
    struct oq_open_manager *part = from_iface(iface);
    if (!groups)
        return E_INVALIDARG;
    *groups = NULL;

    struct oq_call call;
    struct oq_group_summary *summaries = NULL;
    size_t count = 0;
    bool is_more = false;
    BSTR bytes = NULL;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK && after <= INT64_MAX)
        status = oq_engine_summarise_groups(call.engine, call.caller, (int64_t)after,
                                            OPENQMGR_GROUPS_PER_CALL, &summaries, &count, &is_more,
                                            &call.err);
    if (status == OQ_OK)
        status = oq_convert_to_bytes(NULL, count * sizeof(OPENQMGR_GROUP_INFO), &bytes);
    for (size_t i = 0; i < count && status == OQ_OK; i++) {
        OPENQMGR_GROUP_INFO info;
        status = oq_group_info_of(&summaries[i], &info);
        if (status == OQ_OK) /* a BSTR is not aligned for it everywhere */
            memcpy((char *)bytes + i * sizeof info, &info, sizeof info);
    }
    oq_free(summaries);
    if (status == OQ_OK)
        *groups = bytes;
    else
        SysFreeString(bytes);
    HRESULT hr = oq_call_end(&call, status);
    return hr == S_OK && !is_more ? S_FALSE : hr;
}

/* --- IOpenQmgrManager: settings --------------------------------------------------------------- */

static DWORD paused_by(const struct oq_policy_view *policy)
{
    DWORD paused = policy->is_pause_all ? OPENQMGR_PAUSED_ALL : 0;
    if (policy->is_metered_pause)
        paused |= OPENQMGR_PAUSED_METERED;
    if (policy->is_schedule_pause)
        paused |= OPENQMGR_PAUSED_SCHEDULE;
    return paused;
}

static enum oq_status settings_of(const struct oq_policy_view *policy,
                                  const struct oq_settings_view *view, OPENQMGR_SETTINGS *out)
{
    OPENQMGR_SETTINGS settings = {
        .dwPaused = paused_by(policy),
        .dwEnforced = (view->is_limit_enforced ? OPENQMGR_ENFORCED_LIMIT : 0u) |
                      (view->is_pause_enforced ? OPENQMGR_ENFORCED_PAUSE : 0u),
        .dwLimitKbits = policy->max_rate_kbits,
        .fIdleThrottle = policy->idle_throttle,
        .ullLimitNow = policy->limit_bytes_per_s,
    };
    enum oq_status status =
        oq_convert_to_array(view->version, settings.szVersion, ARRAYSIZE(settings.szVersion));
    if (status == OQ_OK)
        *out = settings;
    return status;
}

static HRESULT STDMETHODCALLTYPE open_manager_GetSettings(IOpenQmgrManager *iface,
                                                          OPENQMGR_SETTINGS *settings,
                                                          BSTR *schedule, BSTR *database, BSTR *log)
{
    struct oq_open_manager *part = from_iface(iface);
    const struct oq_settings_port *port = part->object->context->settings;
    if (!settings || !schedule || !database || !log)
        return E_INVALIDARG;
    *settings = (OPENQMGR_SETTINGS){0};
    *schedule = *database = *log = NULL;

    struct oq_call call;
    struct oq_policy_view policy;
    struct oq_settings_view view = {0};
    BSTR texts[3] = {NULL, NULL, NULL};
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK)
        status = port->read(port->ctx, &view, &call.err);
    if (status == OQ_OK)
        status = oq_engine_view_policy(call.engine, call.caller, &policy, &call.err);
    const char *const from[] = {view.schedule, view.database, view.log};
    for (size_t i = 0; i < ARRAYSIZE(texts) && status == OQ_OK; i++)
        status = oq_convert_to_bstr(from[i], &texts[i]);
    if (status == OQ_OK)
        status = settings_of(&policy, &view, settings);
    if (status == OQ_OK) {
        *schedule = texts[0];
        *database = texts[1];
        *log = texts[2];
    } else {
        for (size_t i = 0; i < ARRAYSIZE(texts); i++)
            SysFreeString(texts[i]);
    }
    oq_free(view.schedule);
    return oq_call_end(&call, status);
}

/* Administrators only: it holds for everybody's downloads. */
static HRESULT set_number(IOpenQmgrManager *iface, const char *name, int64_t value)
{
    struct oq_open_manager *part = from_iface(iface);
    const struct oq_settings_port *port = part->object->context->settings;
    struct oq_call call;
    enum oq_status status = begin(part, &call);
    if (status == OQ_OK && !call.caller->rights.is_admin)
        status =
            oq_error_set(&call.err, OQ_E_ACCESS_DENIED, "only an administrator may set %s", name);
    if (status == OQ_OK)
        status = port->set(port->ctx, name, value, &call.err);
    return oq_call_end(&call, status);
}

static HRESULT STDMETHODCALLTYPE open_manager_SetLimit(IOpenQmgrManager *iface, DWORD kbits)
{
    return set_number(iface, "MaxRateKbits", kbits);
}

static HRESULT STDMETHODCALLTYPE open_manager_SetPaused(IOpenQmgrManager *iface, BOOL is_paused)
{
    return set_number(iface, "PauseAll", is_paused ? 1 : 0);
}

/* clang-format off */
static const IOpenQmgrManagerVtbl open_manager_vtbl = {
    open_manager_QueryInterface,
    open_manager_AddRef,
    open_manager_Release,
    open_manager_OpenGroup,
    open_manager_GetGroups,
    open_manager_GetSettings,
    open_manager_SetLimit,
    open_manager_SetPaused,
};
/* clang-format on */

void oq_open_manager_init(struct oq_open_manager *part, struct oq_object *object)
{
    part->iface.lpVtbl = &open_manager_vtbl;
    part->object = object;
    object->extension_iid = &IID_IOpenQmgrManager;
    object->extension = (IUnknown *)&part->iface;
}
