/* file.c - one file of a job: its names from the QMGR interface, its details from our extension. */
#include "group_int.h"

#include "oq_alloc.h"
#include "render_int.h"

#include <string.h>

void oq_remote_file_release(struct oq_remote_file *file)
{
    oq_free(file->remote);
    oq_free(file->local);
    oq_free(file->temporary);
    oq_free(file->validator);
    memset(file, 0, sizeof *file);
}

HRESULT oq_remote_file_names(IBackgroundCopyJob1 *job, ULONG index, struct oq_remote_file *file)
{
    FILESETINFO info = {0};

    HRESULT hr = IBackgroundCopyJob1_GetFile(job, index, &info);
    if (FAILED(hr))
        return hr;
    file->remote = oq_remote_text(info.bstrRemoteFile);
    file->local = oq_remote_text(info.bstrLocalFile);
    SysFreeString(info.bstrRemoteFile);
    SysFreeString(info.bstrLocalFile);
    if (file->remote && file->local)
        return S_OK;
    oq_remote_file_release(file);
    return E_OUTOFMEMORY;
}

HRESULT oq_remote_file_details(IOpenQmgrInfo *info, ULONG index, struct oq_remote_file *file)
{
    BSTR temporary = NULL, validator = NULL;
    UINT64 size = 0, done = 0;

    HRESULT hr = IOpenQmgrInfo_GetFileDetails(info, index, &file->state, &size, &done, &temporary,
                                              &validator);
    if (FAILED(hr))
        return hr;
    file->size_bytes = size == OPENQMGR_SIZE_UNKNOWN ? OQ_RENDER_UNKNOWN : size;
    file->done_bytes = done;
    file->temporary = oq_remote_text(temporary ? temporary : L"");
    file->validator = oq_remote_text(validator ? validator : L"");
    SysFreeString(temporary);
    SysFreeString(validator);
    file->has_details = true;
    return file->temporary && file->validator ? S_OK : E_OUTOFMEMORY;
}
