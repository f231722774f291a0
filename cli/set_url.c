/* set_url.c - the command set-url: another URL for a file of a download that waits or has failed.
 */
#include "commands_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_url.h"
#include "oq_utf.h"
#include "words_int.h"

#include <string.h>

struct replacement {
    struct oq_guid guid;
    uint32_t index;
    BSTR url;
};

/* A download that an error has stopped is resumed: that is what the new URL is for. */
static HRESULT replace_step(struct oq_link *link, void *ctx)
{
    struct replacement *replacement = ctx;
    struct oq_remote remote = {.guid = replacement->guid};
    IOpenQmgrSources *sources = NULL;
    DWORD bits = 0, unused = 0;

    HRESULT hr = oq_remote_open(link, &remote);
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

/* E_INVALIDARG is about the URL; the rules say which one it breaks. */
static int explain(const struct oq_args *args, HRESULT hr)
{
    struct oq_error error;
    char why[sizeof error.text];

    oq_error_init(&error);
    if (hr == E_INVALIDARG && oq_url_check(args->url, &error) != OQ_OK) {
        oq_words_tidy(error.text, why, sizeof why);
        oq_console_complain("that URL cannot be downloaded: %s (0x%08lX)", why, (unsigned long)hr);
        return OQ_EXIT_FAILED;
    }
    if (hr == (HRESULT)QM_E_INVALID_STATE) {
        oq_console_complain("%s: the file is already there, so it needs no other URL (0x%08lX)",
                            args->group.digits, (unsigned long)hr);
        return OQ_EXIT_FAILED;
    }
    return oq_command_failed(args->group.digits, hr);
}

int oq_command_set_url(struct oq_link *link, const struct oq_args *args)
{
    struct replacement replacement = {.index = args->file_index};
    uint16_t *wide = NULL;
    int status = OQ_EXIT_DONE;

    if (!oq_command_find(link, args, &replacement.guid))
        return OQ_EXIT_FAILED;
    if (oq_utf8_to_16(args->url, &wide, NULL) == OQ_OK)
        replacement.url = SysAllocString((const wchar_t *)wide);
    HRESULT hr = replacement.url ? oq_link_run(link, replace_step, &replacement) : E_OUTOFMEMORY;
    if (FAILED(hr))
        status = explain(args, hr);
    SysFreeString(replacement.url);
    oq_free(wide);
    return status;
}
