/* download_spec.c - see download_spec_int.h. */
#include "download_spec_int.h"

#include "console_int.h"
#include "metalink_int.h"
#include "oq_alloc.h"
#include "oq_model.h"
#include "oq_path.h"
#include "oq_url.h"
#include "oq_utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the name of the file --------------------------------------------------------------------- */

bool oq_file_spec_is_folder(const uint16_t *path)
{
    DWORD attributes = GetFileAttributesW((const wchar_t *)path);

    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

bool oq_file_spec_has_folder(const char *file, char **folder)
{
    uint16_t *wide = NULL;
    bool result = true; /* when that cannot be determined */

    *folder = oq_path_folder(file);
    if (*folder && oq_utf8_to_16(*folder, &wide, NULL) == OQ_OK)
        result = oq_file_spec_is_folder(wide);
    oq_free(wide);
    return result;
}

/* Absolute path of a file, relative to the current folder. New UTF-8 string, NULL on failure. */
static char *full_name(const char *file)
{
    uint16_t *wide = NULL;
    wchar_t *full = NULL;
    char *result = NULL;

    if (oq_utf8_to_16(file, &wide, NULL) != OQ_OK)
        goto out;
    DWORD size = GetFullPathNameW((const wchar_t *)wide, 0, NULL, NULL);
    full = size ? oq_calloc(size + 1, sizeof *full) : NULL;
    if (!full || GetFullPathNameW((const wchar_t *)wide, size + 1, full, NULL) > size)
        goto out;
    result = oq_text_from_bstr(full);
out:
    oq_free(wide);
    oq_free(full);
    return result;
}

/* FILE of get as an absolute path: without it, or if it is a folder, the file is named as in the
 * URL. New string. */
static char *choose_file(const char *url, const char *file)
{
    char *named = NULL, *joined = NULL, *full = NULL;
    uint16_t *wide = NULL;

    if (!file || !*file) {
        named = oq_url_file_name(url);
        full = named ? full_name(named) : NULL;
        goto out;
    }
    char end = file[strlen(file) - 1];
    bool ends_in_separator = end == '\\' || end == '/';
    if (oq_utf8_to_16(file, &wide, NULL) != OQ_OK)
        goto out;
    if (ends_in_separator || oq_file_spec_is_folder(wide)) {
        named = oq_url_file_name(url);
        joined = named ? oq_asprintf("%s%s%s", file, ends_in_separator ? "" : "\\", named) : NULL;
        full = joined ? full_name(joined) : NULL;
    } else {
        full = full_name(file);
    }
out:
    oq_free(named);
    oq_free(joined);
    oq_free(wide);
    return full;
}

/* --- making ----------------------------------------------------------------------------------- */

bool oq_file_spec_convert_names(struct oq_file_spec *file)
{
    file->remote_name = file->url ? oq_text_to_bstr(file->url) : NULL;
    file->local_name = file->file ? oq_text_to_bstr(file->file) : NULL;
    return file->remote_name && file->local_name;
}

static bool make_one(const struct oq_args *args, struct oq_download_spec *spec)
{
    struct oq_file_spec *file = oq_calloc(1, sizeof *file);
    bool is_good = file != NULL;

    spec->files = file;
    spec->count = is_good ? 1 : 0;
    if (is_good) {
        file->url = oq_url_normalize(args->url);
        file->file = file->url ? choose_file(file->url, args->file) : NULL;
        is_good = oq_file_spec_convert_names(file);
    }
    if (is_good && (args->mirror_count > 0 || args->has_sha256)) {
        file->expectations = oq_expectations_new();
        is_good = file->expectations != NULL;
    }
    for (unsigned i = 0; is_good && i < args->mirror_count; i++) {
        char *mirror = oq_url_normalize(args->mirrors[i]);
        is_good = mirror && oq_expectations_add_mirror(file->expectations, mirror) == OQ_OK;
        oq_free(mirror);
    }
    if (is_good && args->has_sha256) {
        file->expectations->has_sha256 = true;
        memcpy(file->expectations->sha256, args->sha256, OQ_SHA256_BYTES);
    }
    if (!is_good)
        oq_console_error("the name of the file is not valid, or there is not enough memory");
    return is_good;
}

/* Makes the folders of a document's name, which is the end of the path. Whether they are there
 * then, AddFiles sees. */
static void make_folders(const char *path, const char *name)
{
    size_t before = strlen(path) - strlen(name);

    for (const char *end = strchr(name, '/'); end; end = strchr(end + 1, '/')) {
        char *folder = oq_strndup(path, before + (size_t)(end - name));
        uint16_t *wide = NULL;
        if (folder && oq_utf8_to_16(folder, &wide, NULL) == OQ_OK)
            (void)CreateDirectoryW((const wchar_t *)wide, NULL);
        oq_free(wide);
        oq_free(folder);
    }
}

/* The path of a file of a document: `to` is the folder, or the file if the document has only
 * one. */
static char *choose_place(const char *name, const char *to, bool is_only)
{
    char *joined = NULL, *full = NULL;
    uint16_t *wide = NULL;
    bool has_end = to && *to && strchr("\\/", to[strlen(to) - 1]);
    bool is_file = to && *to && oq_utf8_to_16(to, &wide, NULL) == OQ_OK && is_only && !has_end &&
                   !oq_file_spec_is_folder(wide);

    if (is_file)
        joined = oq_strdup(to);
    else if (!to || !*to)
        joined = oq_strdup(name);
    else
        joined = oq_asprintf("%s%s%s", to, has_end ? "" : "\\", name);
    if (joined && !is_file)
        make_folders(joined, name);
    full = joined ? full_name(joined) : NULL;
    oq_free(joined);
    oq_free(wide);
    return full;
}

/* The first of the document's URLs is the one the file is added with; the others are mirrors. */
static bool take_file(struct oq_metalink_file *from, const char *to, bool is_only,
                      struct oq_file_spec *file)
{
    struct oq_expectations *expectations = from->expectations;

    file->expectations = expectations;
    file->url = expectations->mirrors[0];
    expectations->mirror_count--;
    memmove(expectations->mirrors, expectations->mirrors + 1,
            expectations->mirror_count * sizeof *expectations->mirrors);
    from->expectations = NULL;
    file->file = choose_place(from->name, to, is_only);
    return oq_file_spec_convert_names(file);
}

static int compare_files(const void *a, const void *b)
{
    const struct oq_file_spec *const *x = a, *const *y = b;

    return CompareStringOrdinal((*x)->local_name, -1, (*y)->local_name, -1, TRUE) - CSTR_EQUAL;
}

/* Two names that differ in case only are one file. */
static bool are_names_distinct(const struct oq_download_spec *spec)
{
    const struct oq_file_spec **list = oq_calloc(spec->count, sizeof *list);
    bool is_good = list != NULL;

    if (!list)
        oq_console_error("there is not enough memory");
    for (uint32_t i = 0; is_good && i < spec->count; i++)
        list[i] = &spec->files[i];
    if (is_good)
        qsort(list, spec->count, sizeof *list, compare_files);
    for (uint32_t i = 1; is_good && i < spec->count; i++) {
        is_good = compare_files(&list[i - 1], &list[i]) != 0;
        if (!is_good)
            oq_console_error("%s and %s are one file to Windows; neither is downloaded",
                             list[i - 1]->file, list[i]->file);
    }
    oq_free(list);
    return is_good;
}

static bool make_from_document(const struct oq_args *args, struct oq_download_spec *spec)
{
    struct oq_metalink metalink = {0};
    struct oq_error error;
    size_t length = 0;
    char *data = oq_console_read_file(args->metalink, OQ_METALINK_MAX_BYTES, &length);
    bool is_good = data != NULL;

    oq_error_init(&error);
    if (is_good && oq_metalink_parse(data, length, &metalink, &error) != OQ_OK) {
        oq_console_error("%s cannot be used: %s", args->metalink, error.text);
        is_good = false;
    }
    oq_free(data);
    if (!is_good)
        return false;
    spec->files = oq_calloc(metalink.count, sizeof *spec->files);
    is_good = spec->files != NULL;
    for (size_t i = 0; is_good && i < metalink.count; i++) {
        spec->count++;
        is_good = take_file(&metalink.files[i], args->file, metalink.count == 1, &spec->files[i]);
    }
    if (metalink.left_out > 0)
        oq_console_error("%zu files have no URL of http or https and are left out, the first is %s",
                         metalink.left_out, metalink.left_out_name);
    oq_metalink_release(&metalink);
    if (!is_good)
        oq_console_error("the name of a file is not valid, or there is not enough memory");
    return is_good && are_names_distinct(spec);
}

bool oq_download_spec_make(const struct oq_args *args, struct oq_download_spec *spec)
{
    return args->metalink ? make_from_document(args, spec) : make_one(args, spec);
}

void oq_download_spec_release(struct oq_download_spec *spec)
{
    for (uint32_t i = 0; i < spec->count; i++) {
        struct oq_file_spec *file = &spec->files[i];
        SysFreeString(file->remote_name);
        SysFreeString(file->local_name);
        oq_expectations_free(file->expectations);
        oq_free(file->url);
        oq_free(file->file);
    }
    oq_free(spec->files);
    *spec = (struct oq_download_spec){0};
}

/* --- sending it to the service ---------------------------------------------------------------- */

HRESULT oq_download_spec_add_files(const struct oq_download_spec *spec, IBackgroundCopyJob1 *job)
{
    FILESETINFO *infos = oq_calloc(spec->count, sizeof *infos);
    FILESETINFO **set = oq_calloc(spec->count, sizeof *set);
    HRESULT hr = infos && set ? S_OK : E_OUTOFMEMORY;

    for (uint32_t i = 0; SUCCEEDED(hr) && i < spec->count; i++) {
        infos[i].bstrRemoteFile = spec->files[i].remote_name;
        infos[i].bstrLocalFile = spec->files[i].local_name;
        set[i] = &infos[i];
    }
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob1_AddFiles(job, spec->count, set);
    oq_free(infos);
    oq_free(set);
    return hr;
}

static HRESULT set_pieces(IOpenQmgrGroup *group, uint32_t index, const struct oq_pieces *pieces)
{
    BSTR bytes = SysAllocStringByteLen((const char *)pieces->hashes,
                                       (UINT)(pieces->count * oq_hash_size(pieces->kind)));
    HRESULT hr = bytes ? IOpenQmgrGroup_SetPieces(group, index, (OPENQMGR_HASH)pieces->kind,
                                                  pieces->piece_bytes, bytes)
                       : E_OUTOFMEMORY;

    SysFreeString(bytes);
    return hr;
}

static HRESULT set_hashes(IOpenQmgrGroup *group, uint32_t index,
                          const struct oq_expectations *expectations)
{
    char hex[OQ_HEX_MAX] = "";
    const struct oq_pieces *pieces = &expectations->pieces;
    HRESULT hr = S_OK;

    if (expectations->has_sha256)
        oq_hex_format(expectations->sha256, OQ_SHA256_BYTES, hex);
    if (expectations->has_sha256 || expectations->size_bytes != OQ_SIZE_UNKNOWN) {
        BSTR text = oq_text_to_bstr(hex);
        hr = text ? IOpenQmgrGroup_SetHash(group, index, text, expectations->size_bytes)
                  : E_OUTOFMEMORY;
        SysFreeString(text);
    }
    if (SUCCEEDED(hr) && pieces->kind != OQ_HASH_NONE)
        hr = set_pieces(group, index, pieces);
    return hr;
}

HRESULT oq_download_spec_set_expectations(const struct oq_download_spec *spec,
                                          IBackgroundCopyJob1 *job)
{
    IOpenQmgrGroup *group = NULL;
    HRESULT hr = S_OK;

    for (uint32_t i = 0; SUCCEEDED(hr) && i < spec->count; i++) {
        const struct oq_expectations *expectations = spec->files[i].expectations;
        if (!expectations)
            continue;
        if (!group)
            hr = IBackgroundCopyJob1_QueryInterface(job, &IID_IOpenQmgrGroup, (void **)&group);
        if (SUCCEEDED(hr))
            hr = set_hashes(group, i, expectations);
        for (uint32_t k = 0; SUCCEEDED(hr) && k < expectations->mirror_count; k++) {
            BSTR url = oq_text_to_bstr(expectations->mirrors[k]);
            hr = url ? IOpenQmgrGroup_AddSource(group, i, url) : E_OUTOFMEMORY;
            SysFreeString(url);
        }
    }
    if (group)
        IOpenQmgrGroup_Release(group);
    return hr;
}
