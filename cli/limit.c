/* limit.c - the command limit --group: the highest rate of one download. */
#include "commands_int.h"

#define BYTES_PER_KBIT 125u

struct change {
    struct oq_guid guid;
    uint64_t bytes_per_s;
};

static HRESULT limit_step(struct oq_link *link, void *ctx)
{
    const struct change *change = ctx;
    struct oq_remote remote = {.guid = change->guid};
    IOpenQmgrLimit *limit = NULL;

    HRESULT hr = oq_remote_open(link, &remote);
    if (SUCCEEDED(hr))
        hr =
            IBackgroundCopyGroup_QueryInterface(remote.group, &IID_IOpenQmgrLimit, (void **)&limit);
    if (SUCCEEDED(hr))
        hr = IOpenQmgrLimit_SetMaxRate(limit, change->bytes_per_s);
    if (limit)
        IOpenQmgrLimit_Release(limit);
    oq_remote_release(&remote);
    return hr;
}

int oq_command_limit_group(struct oq_link *link, const struct oq_args *args)
{
    struct change change = {.bytes_per_s = (uint64_t)args->kbits * BYTES_PER_KBIT};

    if (!oq_command_find(link, args, &change.guid))
        return OQ_EXIT_FAILED;
    HRESULT hr = oq_link_run(link, limit_step, &change);
    return FAILED(hr) ? oq_command_failed(args->group.digits, hr) : OQ_EXIT_DONE;
}
