/* control.c - the commands that change what is in the queue, or how fast it may be: suspend,
 * resume, cancel, set-url, limit and pause-all. */
#include "client_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_url.h"
#include "render_int.h"
#include "result_int.h"

/* --- suspend, resume, cancel ------------------------------------------------------------------ */

struct change {
    enum oq_command command;
    bool is_foreground;
    struct oq_guid guid;
    unsigned attempts;
};

static HRESULT change_step(struct oq_client *client, void *ctx)
{
    struct change *change = ctx;
    struct oq_remote remote = {.guid = change->guid};

    change->attempts++;
    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_SUSPEND)
        hr = IBackgroundCopyGroup_SuspendGroup(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_RESUME && change->is_foreground)
        hr = IBackgroundCopyGroup_SwitchToForeground(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_RESUME)
        hr = IBackgroundCopyGroup_ResumeGroup(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_CANCEL)
        hr = IBackgroundCopyGroup_CancelGroup(remote.group);
    oq_remote_release(&remote);
    /* Repeated after the result was lost: the group was cancelled the first time. */
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND && change->command == OQ_COMMAND_CANCEL &&
        change->attempts > 1)
        hr = S_OK;
    return hr;
}

int oq_command_change(struct oq_client *client, const struct oq_args *args)
{
    struct change change = {.command = args->command, .is_foreground = args->is_foreground};

    if (!oq_client_find(client, args, &change.guid))
        return OQ_EXIT_FAILED;
    HRESULT hr = oq_client_run(client, change_step, &change);
    return SUCCEEDED(hr) ? OQ_EXIT_DONE : oq_client_report(args->group.digits, hr);
}

/* --- set-url ---------------------------------------------------------------------------------- */

struct replacement {
    struct oq_guid guid;
    uint32_t index;
    BSTR url;
    bool is_file_unknown; /* the group exists, but has no file of that index */
};

/* A failed download is resumed: that is the purpose of a new URL. */
static HRESULT replace_step(struct oq_client *client, void *ctx)
{
    struct replacement *replacement = ctx;
    struct oq_remote remote = {.guid = replacement->guid};
    struct oq_snapshot snapshot = {.phase = OQ_PHASE_SUSPENDED};

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr) && !remote.extension)
        hr = E_NOTIMPL;
    if (SUCCEEDED(hr))
        hr = IOpenQmgrGroup_SetUrl(remote.extension, replacement->index, 0, replacement->url);
    replacement->is_file_unknown = remote.extension && hr == (HRESULT)QM_E_ITEM_NOT_FOUND;
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, &snapshot);
    if (SUCCEEDED(hr) && snapshot.phase == OQ_PHASE_ERROR)
        hr = IBackgroundCopyGroup_ResumeGroup(remote.group);
    oq_remote_release(&remote);
    return hr;
}

/* E_INVALIDARG is about the URL; oq_url_check knows which rule it violates. */
static int explain(const struct oq_args *args, const struct replacement *replacement, HRESULT hr)
{
    struct oq_error error;
    char why[sizeof error.text];

    oq_error_init(&error);
    if (hr == E_INVALIDARG && oq_url_check(args->url, &error) != OQ_OK) {
        oq_render_sentence(error.text, why, sizeof why);
        oq_console_error("that URL cannot be downloaded: %s (0x%08lX)", why, (unsigned long)hr);
        return OQ_EXIT_FAILED;
    }
    if (replacement->is_file_unknown) {
        oq_console_error("%s: the download has no file %u: they count from 0 (0x%08lX)",
                         args->group.digits, (unsigned)replacement->index, (unsigned long)hr);
        return OQ_EXIT_FAILED;
    }
    if (hr == (HRESULT)QM_E_INVALID_STATE) {
        oq_console_error("%s: the file is already complete and needs no other URL (0x%08lX)",
                         args->group.digits, (unsigned long)hr);
        return OQ_EXIT_FAILED;
    }
    return oq_client_report(args->group.digits, hr);
}

int oq_command_set_url(struct oq_client *client, const struct oq_args *args)
{
    struct replacement replacement = {.index = args->file_index};
    int status = OQ_EXIT_DONE;

    if (!oq_client_find(client, args, &replacement.guid))
        return OQ_EXIT_FAILED;
    replacement.url = oq_text_to_bstr(args->url);
    HRESULT hr =
        replacement.url ? oq_client_run(client, replace_step, &replacement) : E_OUTOFMEMORY;
    if (FAILED(hr))
        status = explain(args, &replacement, hr);
    SysFreeString(replacement.url);
    return status;
}

/* --- limit and pause-all ---------------------------------------------------------------------- */

struct group_limit {
    struct oq_guid guid;
    bool is_query;
    uint64_t bytes_per_s; /* in, or out of a query; 0 = none */
};

static HRESULT group_limit_step(struct oq_client *client, void *ctx)
{
    struct group_limit *limit = ctx;
    struct oq_remote remote = {.guid = limit->guid};
    OPENQMGR_GROUP_INFO info;

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr) && !remote.extension)
        hr = E_NOTIMPL;
    if (SUCCEEDED(hr) && limit->is_query) {
        hr = IOpenQmgrGroup_GetInfo(remote.extension, &info);
        if (SUCCEEDED(hr))
            limit->bytes_per_s = info.ullMaxRate;
    } else if (SUCCEEDED(hr)) {
        hr = IOpenQmgrGroup_SetMaxRate(remote.extension, limit->bytes_per_s);
    }
    oq_remote_release(&remote);
    return hr;
}

static void print_limit(uint64_t kbits)
{
    if (kbits > 0)
        oq_console_print("%llu kbit/s", (unsigned long long)kbits);
    else
        oq_console_print("none");
}

static int limit_group(struct oq_client *client, const struct oq_args *args)
{
    struct group_limit limit = {.is_query = args->is_query,
                                .bytes_per_s = (uint64_t)args->kbits * OQ_BYTES_PER_KBIT};

    if (!oq_client_find(client, args, &limit.guid))
        return OQ_EXIT_FAILED;
    HRESULT hr = oq_client_run(client, group_limit_step, &limit);
    if (FAILED(hr))
        return oq_client_report(args->group.digits, hr);
    if (limit.is_query)
        print_limit(limit.bytes_per_s / OQ_BYTES_PER_KBIT);
    return OQ_EXIT_DONE;
}

struct settings {
    const struct oq_args *args;
    OPENQMGR_SETTINGS now;
};

/* Sets what the arguments say, or reads what is in force. */
static HRESULT settings_step(struct oq_client *client, void *ctx)
{
    struct settings *settings = ctx;
    BSTR schedule = NULL, database = NULL, log = NULL;

    if (!client->extension)
        return E_NOTIMPL;
    if (!settings->args->is_query && settings->args->command == OQ_COMMAND_LIMIT)
        return IOpenQmgrManager_SetLimit(client->extension, settings->args->kbits);
    if (!settings->args->is_query)
        return IOpenQmgrManager_SetPaused(client->extension, settings->args->is_on);
    HRESULT hr =
        IOpenQmgrManager_GetSettings(client->extension, &settings->now, &schedule, &database, &log);
    SysFreeString(schedule);
    SysFreeString(database);
    SysFreeString(log);
    return hr;
}

int oq_command_limit(struct oq_client *client, const struct oq_args *args)
{
    struct settings settings = {.args = args};

    if (args->has_group)
        return limit_group(client, args);
    HRESULT hr = oq_client_run(client, settings_step, &settings);
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    if (!args->is_query)
        return OQ_EXIT_DONE;
    print_limit(settings.now.dwLimitKbits);
    uint64_t now_kbits = settings.now.ullLimitNow / OQ_BYTES_PER_KBIT;
    if (now_kbits != settings.now.dwLimitKbits)
        oq_console_print("by the schedule now %llu kbit/s", (unsigned long long)now_kbits);
    return OQ_EXIT_DONE;
}

int oq_command_pause_all(struct oq_client *client, const struct oq_args *args)
{
    struct settings settings = {.args = args};

    HRESULT hr = oq_client_run(client, settings_step, &settings);
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    if (!args->is_query)
        return OQ_EXIT_DONE;
    oq_console_print(settings.now.dwPaused & OPENQMGR_PAUSED_ALL ? "on" : "off");
    if (settings.now.dwPaused & OPENQMGR_PAUSED_SCHEDULE)
        oq_console_print("background downloads are paused by the schedule");
    if (settings.now.dwPaused & OPENQMGR_PAUSED_METERED)
        oq_console_print("background downloads are paused on a metered network");
    return OQ_EXIT_DONE;
}
