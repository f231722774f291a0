/* list.c - the commands that look at the whole queue or change one download: list, suspend, resume,
 * cancel; and what commands have in common. info.c shows one download. */
#include "commands_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "render_int.h"

#include <stdio.h>
#include <string.h>

int oq_command_failed(const char *subject, HRESULT hr)
{
    oq_console_complain("%s%s%s (0x%08lX)", subject ? subject : "", subject ? ": " : "",
                        oq_link_words(hr), (unsigned long)hr);
    return OQ_EXIT_FAILED;
}

/* --- finding, removing ------------------------------------------------------------------------ */

struct find {
    const struct oq_group_name *name;
    struct oq_guid *guid;
};

static HRESULT find_step(struct oq_link *link, void *ctx)
{
    struct find *find = ctx;

    return oq_remote_find(link, find->name, find->guid);
}

bool oq_command_find(struct oq_link *link, const struct oq_args *args, struct oq_guid *guid)
{
    struct find find = {&args->group, guid};
    HRESULT hr = oq_link_run(link, find_step, &find);

    if (hr == S_FALSE)
        oq_console_complain("several downloads in the queue begin with %s: give more digits",
                            args->group.digits);
    else if (FAILED(hr))
        oq_command_failed(args->group.digits, hr);
    return hr == S_OK;
}

static HRESULT remove_step(struct oq_link *link, void *ctx)
{
    struct oq_remote remote = {.guid = *(const struct oq_guid *)ctx};

    HRESULT hr = oq_remote_open(link, &remote);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyGroup_CancelGroup(remote.group);
    oq_remote_release(&remote);
    return hr;
}

HRESULT oq_command_remove(struct oq_link *link, const struct oq_guid *guid)
{
    struct oq_guid copy = *guid;
    HRESULT hr = oq_link_run(link, remove_step, &copy);

    /* It was gone before, or a call went through whose answer was lost. */
    return hr == (HRESULT)QM_E_ITEM_NOT_FOUND ? S_OK : hr;
}

/* --- list ------------------------------------------------------------------------------------- */

struct row {
    struct oq_guid guid;
    bool is_there; /* false: it left the queue between the list and the look at it */
    struct oq_snapshot snapshot;
    char file[256];
};

static HRESULT row_step(struct oq_link *link, void *ctx)
{
    struct row *row = ctx;
    struct oq_remote remote = {.guid = row->guid};
    struct oq_remote_file names = {0};
    IBackgroundCopyJob1 *job = NULL;

    row->is_there = false;
    row->file[0] = '\0';
    HRESULT hr = oq_remote_open(link, &remote);
    if (SUCCEEDED(hr))
        hr = oq_remote_read(&remote, &row->snapshot);
    if (SUCCEEDED(hr))
        hr = oq_remote_job(&remote, &job);
    if (SUCCEEDED(hr) && job && row->snapshot.total_files > 0)
        hr = oq_remote_file_names(job, 0, &names);
    if (SUCCEEDED(hr)) {
        row->is_there = true;
        if (names.local)
            oq_render_fit(oq_names_base(names.local), 200, row->file, sizeof row->file - 32);
        size_t used = strlen(row->file);
        if (row->snapshot.total_files > 1)
            snprintf(row->file + used, sizeof row->file - used, " and %u more",
                     row->snapshot.total_files - 1);
    }
    oq_remote_file_release(&names);
    if (job)
        IBackgroundCopyJob1_Release(job);
    oq_remote_release(&remote);
    return hr == (HRESULT)QM_E_ITEM_NOT_FOUND ? S_OK : hr;
}

static void say_row(const struct row *row)
{
    const struct oq_snapshot *s = &row->snapshot;
    char name[OQ_NAMES_SHOWN + 1], done[OQ_RENDER_TEXT], size[OQ_RENDER_TEXT], percent[16] = "";
    char state[16];

    oq_names_short(&row->guid, name);
    oq_render_size(s->done_bytes, done);
    oq_render_size(s->total_bytes, size);
    if (oq_render_percent(s->total_bytes, s->done_bytes) >= 0)
        snprintf(percent, sizeof percent, "%d %%",
                 oq_render_percent(s->total_bytes, s->done_bytes));
    oq_render_fit(s->state, 13, state, sizeof state);
    oq_console_say("%-8s  %-13s  %10s  %10s  %5s  %s", name, state, done, size, percent, row->file);
}

struct all {
    struct oq_guid *guids;
    size_t count;
};

static HRESULT all_step(struct oq_link *link, void *ctx)
{
    struct all *all = ctx;

    return oq_remote_list(link, &all->guids, &all->count);
}

int oq_command_list(struct oq_link *link)
{
    struct all all = {0};
    int status = OQ_EXIT_DONE;

    HRESULT hr = oq_link_run(link, all_step, &all);
    if (FAILED(hr))
        return oq_command_failed(NULL, hr);
    if (all.count == 0)
        oq_console_say("no downloads in the queue");
    else
        oq_console_say("%-8s  %-13s  %10s  %10s  %5s  %s", "GROUP", "STATE", "DONE", "SIZE", "",
                       "FILE");
    for (size_t i = 0; i < all.count; i++) {
        struct row row = {.guid = all.guids[i]};
        hr = oq_link_run(link, row_step, &row);
        if (FAILED(hr)) {
            status = oq_command_failed(NULL, hr);
            break;
        }
        if (row.is_there)
            say_row(&row);
    }
    oq_free(all.guids);
    return status;
}

/* --- suspend, resume, cancel ------------------------------------------------------------------ */

struct change {
    enum oq_command command;
    bool is_foreground;
    struct oq_guid guid;
    unsigned attempts;
};

static HRESULT change_step(struct oq_link *link, void *ctx)
{
    struct change *change = ctx;
    struct oq_remote remote = {.guid = change->guid};

    change->attempts++;
    HRESULT hr = oq_remote_open(link, &remote);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_SUSPEND)
        hr = IBackgroundCopyGroup_SuspendGroup(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_RESUME && change->is_foreground)
        hr = IBackgroundCopyGroup_SwitchToForeground(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_RESUME)
        hr = IBackgroundCopyGroup_ResumeGroup(remote.group);
    if (SUCCEEDED(hr) && change->command == OQ_COMMAND_CANCEL)
        hr = IBackgroundCopyGroup_CancelGroup(remote.group);
    oq_remote_release(&remote);
    /* Asked for again after the answer was lost, a cancelled group is gone. */
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND && change->command == OQ_COMMAND_CANCEL &&
        change->attempts > 1)
        hr = S_OK;
    return hr;
}

int oq_command_change(struct oq_link *link, const struct oq_args *args)
{
    struct change change = {.command = args->command, .is_foreground = args->is_foreground};

    if (!oq_command_find(link, args, &change.guid))
        return OQ_EXIT_FAILED;
    HRESULT hr = oq_link_run(link, change_step, &change);
    return SUCCEEDED(hr) ? OQ_EXIT_DONE : oq_command_failed(args->group.digits, hr);
}
