/* control.c - the commands that change what is in the queue, or how fast it may be: suspend,
 * resume, cancel, foreground, prune, set-url, limit and pause-all. */
#include "client_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_url.h"
#include "result_int.h"
#include "select_int.h"

/* --- suspend, resume, cancel, foreground, prune ----------------------------------------------- */

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
    bool is_removal = change->command == OQ_COMMAND_CANCEL || change->command == OQ_COMMAND_PRUNE;

    change->attempts++;
    HRESULT hr = oq_remote_open_group(client, &remote);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_SUSPEND)
        hr = IBackgroundCopyGroup_SuspendGroup(remote.group);
    if (SUCCEEDED(hr) && change->is_foreground)
        hr = IBackgroundCopyGroup_SwitchToForeground(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_RESUME)
        hr = IBackgroundCopyGroup_ResumeGroup(remote.group);
    if (SUCCEEDED(hr) && is_removal)
        hr = IBackgroundCopyGroup_CancelGroup(remote.group);
    oq_remote_release(&remote);
    /* Repeated after the result was lost: the group was cancelled the first time. */
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND && is_removal && change->attempts > 1)
        hr = S_OK;
    return hr;
}

static void print_count(enum oq_command command, size_t count)
{
    const char *done = command == OQ_COMMAND_SUSPEND      ? "suspended"
                       : command == OQ_COMMAND_RESUME     ? "resumed"
                       : command == OQ_COMMAND_FOREGROUND ? "in the foreground"
                                                          : "removed from the queue";

    oq_console_print("%zu download%s %s", count, count == 1 ? "" : "s", done);
}

/* Many at once: most of a change is waiting for the service's answers. */
#define WORKERS 8
#define WORKER_PAUSE_MS 20

struct batch {
    struct oq_client *client;
    struct change *changes;
    HRESULT *results; /* S_FALSE: still to do */
    size_t count;
    volatile LONG next; /* index of the next change that a worker takes */
};

static DWORD WINAPI work(void *ctx)
{
    struct batch *batch = ctx;
    bool has_com = SUCCEEDED(CoInitializeEx(NULL, COINIT_MULTITHREADED));

    for (size_t i; (i = (size_t)InterlockedIncrement(&batch->next) - 1) < batch->count;) {
        if (batch->results[i] == S_FALSE || oq_result_is_disconnect((uint32_t)batch->results[i]))
            batch->results[i] = change_step(batch->client, &batch->changes[i]);
    }
    if (has_com)
        CoUninitialize();
    return 0;
}

/* Repeated for those that the loss of the connection has prevented. */
static HRESULT batch_step(struct oq_client *client, void *ctx)
{
    struct batch *batch = ctx;
    HANDLE workers[WORKERS];
    DWORD count = 0;

    batch->client = client;
    batch->next = 0;
    while (count < WORKERS && count < batch->count) {
        workers[count] = CreateThread(NULL, 0, work, batch, 0, NULL);
        if (!workers[count])
            break;
        count++;
    }
    if (count == 0)
        return E_OUTOFMEMORY;
    while (WaitForMultipleObjects(count, workers, TRUE, WORKER_PAUSE_MS) == WAIT_TIMEOUT) {
        if (oq_console_wait(0))
            InterlockedExchange(&batch->next, (LONG)batch->count);
    }
    for (DWORD i = 0; i < count; i++)
        CloseHandle(workers[i]);
    for (size_t i = 0; i < batch->count; i++) {
        if (oq_result_is_disconnect((uint32_t)batch->results[i]))
            return batch->results[i];
    }
    return S_OK;
}

/* Reports the failures; the exit status of the first one. */
static int report_failures(const struct oq_args *args, const struct batch *batch, size_t *changed)
{
    int status = OQ_EXIT_DONE;

    for (size_t i = 0; i < batch->count; i++) {
        HRESULT hr = batch->results[i];
        char name[OQ_RENDER_GROUP_DIGITS + 1];
        *changed += hr == S_OK;
        /* One of a set that has left the queue meanwhile is no failure. */
        if (SUCCEEDED(hr) || (hr == (HRESULT)QM_E_ITEM_NOT_FOUND && args->group_count == 0))
            continue;
        oq_render_group(&batch->changes[i].guid, name);
        int failed = oq_client_report(name, hr);
        status = status ? status : failed;
    }
    return status;
}

int oq_command_change(struct oq_client *client, const struct oq_args *args)
{
    struct oq_args which = *args;
    struct oq_selection selection;
    size_t changed = 0;

    which.is_complete = args->is_complete || args->command == OQ_COMMAND_PRUNE;
    oq_select(client, &which, &selection);
    int status = selection.status;
    struct batch batch = {.changes = oq_calloc(selection.count + 1, sizeof *batch.changes),
                          .results = oq_calloc(selection.count + 1, sizeof *batch.results),
                          .count = selection.count};
    if (!batch.changes || !batch.results) {
        status = oq_client_report(NULL, E_OUTOFMEMORY);
        goto out;
    }
    for (size_t i = 0; i < batch.count; i++) {
        batch.changes[i] = (struct change){.command = args->command,
                                           .is_foreground = args->is_foreground ||
                                                            args->command == OQ_COMMAND_FOREGROUND,
                                           .guid = selection.guids[i]};
        batch.results[i] = S_FALSE;
    }
    HRESULT hr = batch.count > 0 ? oq_client_run(client, batch_step, &batch) : S_OK;
    int failed = FAILED(hr) ? oq_client_report(NULL, hr) : report_failures(args, &batch, &changed);
    status = status ? status : failed;
    if (args->group_count == 0 && !selection.status)
        print_count(args->command, changed);
    if (!status && oq_console_wait(0))
        status = OQ_EXIT_INTERRUPTED;
out:
    oq_free(batch.changes);
    oq_free(batch.results);
    oq_selection_release(&selection);
    return status;
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
    struct oq_snapshot snapshot = {.state = OQ_SNAPSHOT_SUSPENDED};

    HRESULT hr = oq_remote_open(client, &remote);
    if (SUCCEEDED(hr) && !remote.extension)
        hr = E_NOTIMPL;
    if (SUCCEEDED(hr))
        hr = IOpenQmgrGroup_SetUrl(remote.extension, replacement->index, 0, replacement->url);
    replacement->is_file_unknown = remote.extension && hr == (HRESULT)QM_E_ITEM_NOT_FOUND;
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, &snapshot);
    if (SUCCEEDED(hr) && snapshot.state == OQ_SNAPSHOT_FAILED)
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
    if (hr == E_INVALIDARG && oq_url_check(args->urls[0], &error) != OQ_OK) {
        oq_render_sentence(error.text, why, sizeof why);
        oq_console_error("that URL cannot be downloaded: %s (0x%08lX)", why, (unsigned long)hr);
        return OQ_EXIT_USAGE;
    }
    if (replacement->is_file_unknown) {
        oq_console_error("%s: the download has no file %u: they count from 0 (0x%08lX)",
                         args->group, (unsigned)replacement->index, (unsigned long)hr);
        return OQ_EXIT_USAGE;
    }
    if (hr == (HRESULT)QM_E_INVALID_STATE) {
        oq_console_error("%s: the file is already complete and needs no other URL (0x%08lX)",
                         args->group, (unsigned long)hr);
        return OQ_EXIT_FAILED;
    }
    return oq_client_report(args->group, hr);
}

int oq_command_set_url(struct oq_client *client, const struct oq_args *args)
{
    struct replacement replacement = {.index = args->file_index};
    int status = oq_select_one(client, args->group, &replacement.guid);

    if (status)
        return status;
    replacement.url = oq_text_to_bstr(args->urls[0]);
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

/* "800 kbit/s (97.6 KiB/s)"; bytes_per_s 0: none */
static void print_limit(const char *what, uint64_t bytes_per_s, bool is_json)
{
    char rate[OQ_RENDER_TEXT];

    oq_render_size(bytes_per_s, rate);
    if (is_json && bytes_per_s > 0)
        oq_console_print("{\"limit_bytes_per_second\":%llu}", (unsigned long long)bytes_per_s);
    else if (is_json)
        oq_console_print("{\"limit_bytes_per_second\":null}");
    else if (bytes_per_s > 0)
        oq_console_print("%s%llu kbit/s (%s/s)", what,
                         (unsigned long long)(bytes_per_s / OQ_BYTES_PER_KBIT), rate);
    else
        oq_console_print("%snone", what);
}

static int limit_group(struct oq_client *client, const struct oq_args *args)
{
    struct group_limit limit = {.is_query = args->is_query, .bytes_per_s = args->bytes_per_s};
    int status = oq_select_one(client, args->group, &limit.guid);

    if (status)
        return status;
    HRESULT hr = oq_client_run(client, group_limit_step, &limit);
    if (FAILED(hr))
        return oq_client_report(args->group, hr);
    if (limit.is_query)
        print_limit("", limit.bytes_per_s, args->is_json);
    return OQ_EXIT_DONE;
}

static HRESULT set_limit_step(struct oq_client *client, void *ctx)
{
    const struct oq_args *args = ctx;
    /* Rounded up: 0 would be no limit. */
    uint64_t kbits = (args->bytes_per_s + OQ_BYTES_PER_KBIT - 1) / OQ_BYTES_PER_KBIT;

    return client->extension ? IOpenQmgrManager_SetLimit(client->extension, (DWORD)kbits)
                             : E_NOTIMPL;
}

static HRESULT set_paused_step(struct oq_client *client, void *ctx)
{
    const struct oq_args *args = ctx;

    return client->extension ? IOpenQmgrManager_SetPaused(client->extension, args->is_on)
                             : E_NOTIMPL;
}

int oq_command_limit(struct oq_client *client, const struct oq_args *args)
{
    struct oq_args copy = *args;
    struct oq_settings now;

    if (args->group)
        return limit_group(client, args);
    HRESULT hr = args->is_query ? oq_client_run(client, oq_settings_step, &now)
                                : oq_client_run(client, set_limit_step, &copy);
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    if (!args->is_query)
        return OQ_EXIT_DONE;
    print_limit("", (uint64_t)now.all.dwLimitKbits * OQ_BYTES_PER_KBIT, args->is_json);
    if (!args->is_json && now.all.ullLimitNow / OQ_BYTES_PER_KBIT != now.all.dwLimitKbits)
        print_limit("by the schedule now ", now.all.ullLimitNow, false);
    return OQ_EXIT_DONE;
}

int oq_command_pause_all(struct oq_client *client, const struct oq_args *args)
{
    struct oq_args copy = *args;
    struct oq_settings now;
    HRESULT hr = args->is_query ? oq_client_run(client, oq_settings_step, &now)
                                : oq_client_run(client, set_paused_step, &copy);

    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    if (!args->is_query)
        return OQ_EXIT_DONE;
    DWORD paused = now.all.dwPaused;
    if (args->is_json) {
        oq_console_print("{\"all\":%s,\"schedule\":%s,\"metered\":%s}",
                         paused & OPENQMGR_PAUSED_ALL ? "true" : "false",
                         paused & OPENQMGR_PAUSED_SCHEDULE ? "true" : "false",
                         paused & OPENQMGR_PAUSED_METERED ? "true" : "false");
        return OQ_EXIT_DONE;
    }
    oq_console_print(paused & OPENQMGR_PAUSED_ALL ? "on" : "off");
    if (paused & OPENQMGR_PAUSED_SCHEDULE)
        oq_console_print("background downloads are paused by the schedule");
    if (paused & OPENQMGR_PAUSED_METERED)
        oq_console_print("background downloads are paused on a metered network");
    return OQ_EXIT_DONE;
}
