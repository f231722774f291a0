/* download_spec.c - see download_spec_int.h. */
#include "download_spec_int.h"

#include "console_int.h"
#include "lists_int.h"
#include "metalink_int.h"
#include "oq_alloc.h"
#include "oq_model.h"
#include "oq_path.h"
#include "oq_url.h"
#include "oq_utf.h"
#include "render_int.h"

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

/* A name within a folder, or as it is without one. New string. */
static char *join(const char *folder, const char *name)
{
    bool has_end = folder && *folder && strchr("\\/", folder[strlen(folder) - 1]);

    return folder && *folder ? oq_asprintf("%s%s%s", folder, has_end ? "" : "\\", name)
                             : oq_strdup(name);
}

static bool is_folder(const char *file)
{
    uint16_t *wide = NULL;
    bool result = strchr("\\/", file[strlen(file) - 1]) != NULL ||
                  (oq_utf8_to_16(file, &wide, NULL) == OQ_OK && oq_file_spec_is_folder(wide));

    oq_free(wide);
    return result;
}

/* FILE of get as an absolute path: without it, or if it is a folder (for several URLs it has to be
 * one), the file is named as in the URL. New string. */
static char *choose_file(const char *url, const struct oq_args *args, bool is_alone)
{
    bool has_file = args->file && *args->file;
    bool is_given = has_file && is_alone && !is_folder(args->file);
    char *named = is_given ? oq_strdup(args->file) : oq_url_file_name(url);
    char *joined = named ? join(has_file && !is_given ? args->file : args->folder, named) : NULL;
    char *full = joined ? full_name(joined) : NULL;

    oq_free(named);
    oq_free(joined);
    return full;
}

/* --- making ----------------------------------------------------------------------------------- */

bool oq_file_spec_convert_names(struct oq_file_spec *file)
{
    file->remote_name = file->url ? oq_text_to_bstr(file->url) : NULL;
    file->local_name = file->file ? oq_text_to_bstr(file->file) : NULL;
    return file->remote_name && file->local_name;
}

static bool make_one(const struct oq_args *args, const char *url, bool is_alone,
                     struct oq_download_spec *spec)
{
    struct oq_file_spec *file = oq_calloc(1, sizeof *file);
    bool is_good = file != NULL;

    spec->files = file;
    spec->count = is_good ? 1 : 0;
    if (is_good) {
        file->url = oq_url_normalize(url);
        file->file = file->url ? choose_file(file->url, args, is_alone) : NULL;
        is_good = oq_file_spec_convert_names(file);
    }
    if (is_good && (args->mirror_count > 0 || args->has_sha256 || args->sha256_file)) {
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

/* A file of the user as text. NULL after a sentence. */
static char *read_text(const char *name)
{
    size_t length = 0;
    char *data = oq_console_read_file(name, OQ_LISTS_MAX_BYTES, &length);
    char *text = data ? oq_malloc(length + 1) : NULL;

    if (text) {
        memcpy(text, data, length);
        text[length] = '\0';
    } else if (data) {
        oq_console_error("there is not enough memory");
    }
    oq_free(data);
    return text;
}

/* Gives each file its hash of the list: by the name in its URL, or its own. */
static bool apply_hashes(const char *name, struct oq_download_plan *plan)
{
    char *text = read_text(name);
    bool is_good = text != NULL;

    for (size_t i = 0; is_good && i < plan->count; i++) {
        struct oq_file_spec *file = &plan->specs[i].files[0];
        char *named = oq_url_file_name(file->url);
        is_good = (named && oq_lists_sha256(text, named, file->expectations->sha256)) ||
                  oq_lists_sha256(text, file->file, file->expectations->sha256);
        file->expectations->has_sha256 = is_good;
        if (!is_good)
            oq_console_error("%s has no SHA-256 of %s, or several", name,
                             named ? named : oq_render_file_name(file->file));
        oq_free(named);
    }
    oq_free(text);
    return is_good;
}

static bool make_from_urls(const struct oq_args *args, struct oq_download_plan *plan)
{
    char *text = args->input ? read_text(args->input) : NULL;
    char **listed = NULL;
    int listed_count = 0;
    bool is_good = !args->input || text;

    if (text && oq_lists_urls(text, &listed, &listed_count) != OQ_OK) {
        oq_console_error("%s has no URLs, or more than %u", args->input, OQ_LISTS_MAX_URLS);
        is_good = false;
    }
    size_t given = (size_t)args->url_count, count = given + (size_t)listed_count;
    plan->specs = is_good ? oq_calloc(count, sizeof *plan->specs) : NULL;
    is_good = plan->specs != NULL;
    for (size_t i = 0; is_good && i < count; i++) {
        const char *url = i < given ? args->urls[i] : listed[i - given];
        plan->count++;
        is_good = make_one(args, url, count == 1 && !args->input, &plan->specs[i]);
    }
    oq_free(listed);
    oq_free(text);
    return is_good && (!args->sha256_file || apply_hashes(args->sha256_file, plan));
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
    bool is_file = to && *to && is_only && !is_folder(to);
    char *joined = is_file ? oq_strdup(to) : join(to, name);
    char *full = joined ? full_name(joined) : NULL;

    if (joined && !is_file)
        make_folders(joined, name);

    oq_free(joined);
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

static bool make_from_document(const struct oq_args *args, struct oq_download_spec *spec)
{
    const char *to = args->file ? args->file : args->folder;
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
        is_good = take_file(&metalink.files[i], to, metalink.count == 1, &spec->files[i]);
    }
    if (metalink.left_out > 0)
        oq_console_error("%zu files have no URL of http or https and are left out, the first is %s",
                         metalink.left_out, metalink.left_out_name);
    oq_metalink_release(&metalink);
    if (!is_good)
        oq_console_error("the name of a file is not valid, or there is not enough memory");
    return is_good;
}

static void release_file(struct oq_file_spec *file)
{
    SysFreeString(file->remote_name);
    SysFreeString(file->local_name);
    oq_expectations_free(file->expectations);
    oq_free(file->url);
    oq_free(file->file);
}

void oq_download_spec_release(struct oq_download_spec *spec)
{
    for (uint32_t i = 0; i < spec->count; i++)
        release_file(&spec->files[i]);
    oq_free(spec->files);
    *spec = (struct oq_download_spec){0};
}

void oq_download_plan_release(struct oq_download_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        oq_download_spec_release(&plan->specs[i]);
    oq_free(plan->specs);
    *plan = (struct oq_download_plan){0};
}

/* --- files that exist already ----------------------------------------------------------------- */

#define MOST_COPIES 9999u

static bool exists(const wchar_t *path)
{
    return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

/* "name (1).ext" for "name.ext", and so on. */
static bool rename_copy(struct oq_file_spec *file)
{
    const char *name = oq_render_file_name(file->file), *end = strrchr(name, '.');
    size_t stem = end && end > name ? (size_t)(end - file->file) : strlen(file->file);

    for (unsigned i = 1; i <= MOST_COPIES; i++) {
        char *copy = oq_asprintf("%.*s (%u)%s", (int)stem, file->file, i, file->file + stem);
        BSTR wide = copy ? oq_text_to_bstr(copy) : NULL;
        if (wide && !exists(wide)) {
            SysFreeString(file->local_name);
            oq_free(file->file);
            file->local_name = wide;
            file->file = copy;
            return true;
        }
        SysFreeString(wide);
        oq_free(copy);
    }
    return false;
}

/* A file that another program creates while the download runs is replaced. */
static int check_existing(const struct oq_args *args, struct oq_download_spec *spec)
{
    int status = OQ_EXIT_DONE;

    for (uint32_t i = 0; i < spec->count; i++) {
        struct oq_file_spec *file = &spec->files[i];
        bool is_folder = oq_file_spec_is_folder((const uint16_t *)file->local_name);
        if (!is_folder && (args->existing == OQ_EXISTING_REPLACED || !exists(file->local_name)))
            continue;
        if (args->existing == OQ_EXISTING_KEPT && rename_copy(file))
            continue;
        if (args->existing == OQ_EXISTING_SKIPPED) {
            if (!args->is_quiet)
                oq_console_note("%s exists already: skipped", file->file);
        } else if (is_folder) {
            status = OQ_EXIT_EXISTS;
            oq_console_error("cannot download to %s: there is a folder of that name", file->file);
        } else {
            status = OQ_EXIT_EXISTS;
            oq_console_error("%s exists already: --overwrite replaces it, --rename keeps both, "
                             "--no-clobber skips it",
                             file->file);
        }
        release_file(file);
        memmove(file, file + 1, (spec->count - i - 1) * sizeof *file);
        spec->count--;
        i--;
    }
    return status;
}

static int compare_files(const void *a, const void *b)
{
    const struct oq_file_spec *const *x = a, *const *y = b;

    return CompareStringOrdinal((*x)->local_name, -1, (*y)->local_name, -1, TRUE) - CSTR_EQUAL;
}

/* Two names that differ in case only are one file. */
static bool are_names_distinct(const struct oq_download_plan *plan)
{
    const struct oq_file_spec **list;
    size_t count = 0, used = 0;

    for (size_t i = 0; i < plan->count; i++)
        count += plan->specs[i].count;
    list = oq_calloc(count + 1, sizeof *list);
    bool is_good = list != NULL;
    if (!list)
        oq_console_error("there is not enough memory");
    for (size_t i = 0; is_good && i < plan->count; i++) {
        for (uint32_t k = 0; k < plan->specs[i].count; k++)
            list[used++] = &plan->specs[i].files[k];
    }
    if (is_good)
        qsort(list, used, sizeof *list, compare_files);
    for (size_t i = 1; is_good && i < used; i++) {
        is_good = compare_files(&list[i - 1], &list[i]) != 0;
        if (!is_good)
            oq_console_error("%s and %s are one file to Windows; neither is downloaded",
                             list[i - 1]->file, list[i]->file);
    }
    oq_free(list);
    return is_good;
}

int oq_download_plan_make(const struct oq_args *args, struct oq_download_plan *plan)
{
    int status = OQ_EXIT_DONE;
    bool is_good;

    if (args->metalink) {
        plan->specs = oq_calloc(1, sizeof *plan->specs);
        plan->count = plan->specs ? 1 : 0;
        is_good = plan->specs && make_from_document(args, &plan->specs[0]);
    } else {
        is_good = make_from_urls(args, plan);
    }
    if (!is_good || !are_names_distinct(plan)) {
        oq_download_plan_release(plan);
        return OQ_EXIT_USAGE;
    }
    for (size_t i = 0; i < plan->count; i++) {
        int failed = check_existing(args, &plan->specs[i]);
        status = status ? status : failed;
        if (plan->specs[i].count > 0)
            continue;
        oq_download_spec_release(&plan->specs[i]);
        memmove(&plan->specs[i], &plan->specs[i + 1], (plan->count - i - 1) * sizeof *plan->specs);
        plan->count--;
        i--;
    }
    return status;
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
