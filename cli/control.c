/* control.c - the commands that change what is in the queue, or how fast it may be: suspend,
 * resume, cancel, set-url, limit and pause-all.
 *
 * limit without a group and pause-all write the registry values that docs/config.md describes,
 * which the service follows; they work while it does not run, and require write access there.
 */
#include "commands_int.h"

#include "console_int.h"
#include "group_int.h"
#include "oq_alloc.h"
#include "oq_url.h"
#include "oq_utf.h"
#include "render_int.h"
#include "result_int.h"

#include <string.h>

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
};

/* A failed download is resumed: that is the purpose of a new URL. */
static HRESULT replace_step(struct oq_client *client, void *ctx)
{
    struct replacement *replacement = ctx;
    struct oq_remote remote = {.guid = replacement->guid};
    IOpenQmgrSources *sources = NULL;
    DWORD bits = 0, unused = 0;

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_QueryInterface(remote.group, &IID_IOpenQmgrSources,
                                                 (void **)&sources);
    if (SUCCEEDED(hr))
        hr = IOpenQmgrSources_SetUrl(sources, replacement->index, 0, replacement->url);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_GetStatus(remote.group, &bits, &unused);
    if (SUCCEEDED(hr) && (bits & QM_STATUS_GROUP_ERROR))
        hr = IBackgroundCopyGroup_ResumeGroup(remote.group);
    if (sources)
        IOpenQmgrSources_Release(sources);
    oq_remote_release(&remote);
    return hr;
}

/* E_INVALIDARG is about the URL; oq_url_check knows which rule it violates. */
static int explain(const struct oq_args *args, HRESULT hr)
{
    struct oq_error error;
    char why[sizeof error.text];

    oq_error_init(&error);
    if (hr == E_INVALIDARG && oq_url_check(args->url, &error) != OQ_OK) {
        oq_render_sentence(error.text, why, sizeof why);
        oq_console_error("that URL cannot be downloaded: %s (0x%08lX)", why, (unsigned long)hr);
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
    uint16_t *wide = NULL;
    int status = OQ_EXIT_DONE;

    if (!oq_client_find(client, args, &replacement.guid))
        return OQ_EXIT_FAILED;
    if (oq_utf8_to_16(args->url, &wide, NULL) == OQ_OK)
        replacement.url = SysAllocString((const wchar_t *)wide);
    HRESULT hr =
        replacement.url ? oq_client_run(client, replace_step, &replacement) : E_OUTOFMEMORY;
    if (FAILED(hr))
        status = explain(args, hr);
    SysFreeString(replacement.url);
    oq_free(wide);
    return status;
}

/* --- limit and pause-all ---------------------------------------------------------------------- */

#define BYTES_PER_KBIT 125u

struct group_limit {
    struct oq_guid guid;
    uint64_t bytes_per_s;
};

static HRESULT limit_step(struct oq_client *client, void *ctx)
{
    const struct group_limit *spec = ctx;
    struct oq_remote remote = {.guid = spec->guid};
    IOpenQmgrLimit *limit = NULL;

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr))
        hr =
            IBackgroundCopyGroup_QueryInterface(remote.group, &IID_IOpenQmgrLimit, (void **)&limit);
    if (SUCCEEDED(hr))
        hr = IOpenQmgrLimit_SetMaxRate(limit, spec->bytes_per_s);
    if (limit)
        IOpenQmgrLimit_Release(limit);
    oq_remote_release(&remote);
    return hr;
}

static int limit_group(struct oq_client *client, const struct oq_args *args)
{
    struct group_limit spec = {.bytes_per_s = (uint64_t)args->kbits * BYTES_PER_KBIT};

    if (!oq_client_find(client, args, &spec.guid))
        return OQ_EXIT_FAILED;
    HRESULT hr = oq_client_run(client, limit_step, &spec);
    return FAILED(hr) ? oq_client_report(args->group.digits, hr) : OQ_EXIT_DONE;
}

#define KEY L"SOFTWARE\\OpenQMGR"
#define KEY_ENFORCED L"SOFTWARE\\Policies\\OpenQMGR"

static bool is_enforced(const wchar_t *name)
{
    return RegGetValueW(HKEY_LOCAL_MACHINE, KEY_ENFORCED, name, RRF_RT_ANY, NULL, NULL, NULL) ==
           ERROR_SUCCESS;
}

/* Sets a number; an error if that fails or has no effect. */
static int set_number(const wchar_t *name, DWORD value)
{
    if (is_enforced(name)) {
        oq_console_error("%ls is set by group policy, which takes precedence", name);
        return OQ_EXIT_FAILED;
    }
    LSTATUS result =
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, KEY, name, REG_DWORD, &value, sizeof value);
    if (result == ERROR_SUCCESS)
        return OQ_EXIT_DONE;
    return oq_client_report(NULL, HRESULT_FROM_WIN32((DWORD)result));
}

int oq_command_limit(struct oq_client *client, const struct oq_args *args)
{
    if (args->has_group)
        return limit_group(client, args);
    return set_number(L"MaxRateKbits", args->kbits);
}

int oq_command_pause_all(struct oq_client *client, const struct oq_args *args)
{
    (void)client;
    return set_number(L"PauseAll", args->is_on);
}
