/* model.c - owning groups, jobs and files, and the promises that their states make. Pure but for
 * the allocator. */
#include "oq_model.h"

#include "oq_alloc.h"
#include "oq_http.h"
#include "oq_utf.h"

#include <string.h>

#define DISPLAY_NAME_UNITS 256 /* ne-qmgr-groupprop */
#define DESCRIPTION_UNITS 1024
#define NOTIFY_FLAGS 0x44u /* GROUP_DONE and DISABLE_NOTIFY (contract D24) */

static const char *const group_state_texts[OQ_GROUP_STATE_COUNT] = {
#define OQ_GROUP_STATE(name, text, is_final) [OQ_GROUP_##name] = text,
#include "oq_states.def"
#undef OQ_GROUP_STATE
};

static const char *const file_state_texts[OQ_FILE_STATE_COUNT] = {
#define OQ_FILE_STATE(name, text, is_final) [OQ_FILE_##name] = text,
#include "oq_states.def"
#undef OQ_FILE_STATE
};

const char *oq_group_state_text(enum oq_group_state state)
{
    return (unsigned)state < OQ_GROUP_STATE_COUNT ? group_state_texts[state] : "?";
}

const char *oq_file_state_text(enum oq_file_state state)
{
    return (unsigned)state < OQ_FILE_STATE_COUNT ? file_state_texts[state] : "?";
}

static enum oq_status find_text(const char *const *texts, unsigned count, const char *text,
                                unsigned *index)
{
    if (!text)
        return OQ_E_INVALID_ARG;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0) {
            *index = i;
            return OQ_OK;
        }
    }
    return OQ_E_INVALID_ARG;
}

enum oq_status oq_group_state_parse(const char *text, enum oq_group_state *state)
{
    unsigned index;
    enum oq_status status = find_text(group_state_texts, OQ_GROUP_STATE_COUNT, text, &index);
    if (status == OQ_OK)
        *state = (enum oq_group_state)index;
    return status;
}

enum oq_status oq_file_state_parse(const char *text, enum oq_file_state *state)
{
    unsigned index;
    enum oq_status status = find_text(file_state_texts, OQ_FILE_STATE_COUNT, text, &index);
    if (status == OQ_OK)
        *state = (enum oq_file_state)index;
    return status;
}

bool oq_rights_cover(const struct oq_rights *held, const struct oq_rights *wanted)
{
    return held->integrity >= wanted->integrity && held->is_admin >= wanted->is_admin &&
           (held->is_admin || wanted->marks == 0 || held->marks == wanted->marks);
}

bool oq_rights_fit(const struct oq_rights *token, const struct oq_rights *asked)
{
    return token->is_admin == asked->is_admin && token->marks == asked->marks &&
           token->integrity <= asked->integrity;
}

struct oq_rights oq_rights_least(const char *sid)
{
    bool is_system = strcmp(sid, "S-1-5-18") == 0;
    bool is_service = strcmp(sid, "S-1-5-19") == 0 || strcmp(sid, "S-1-5-20") == 0;
    return (struct oq_rights){.is_admin = is_system,
                              .integrity = is_system || is_service ? 0x4000 : 0x2000};
}

void oq_file_release(struct oq_file *file)
{
    oq_free(file->remote);
    oq_free(file->local);
    oq_free(file->temp_path);
    oq_free(file->etag);
    oq_free(file->last_modified);
    oq_free(file->digest);
    oq_expectations_free(file->expectations);
    oq_free(file->temp_id);
    oq_free(file->user_sid);
    memset(file, 0, sizeof *file);
}

void oq_job_release(struct oq_job *job)
{
    for (uint32_t i = 0; i < job->file_count; i++)
        oq_file_release(&job->files[i]);
    oq_free(job->files);
    memset(job, 0, sizeof *job);
}

void oq_failure_release(struct oq_failure *failure)
{
    oq_free(failure->text);
    memset(failure, 0, sizeof *failure);
    failure->file_index = OQ_NO_FILE;
}

void oq_group_release(struct oq_group *group)
{
    oq_free(group->owner_sid);
    oq_free(group->display_name);
    oq_free(group->description);
    oq_free(group->notify_clsid);
    oq_job_release(&group->job);
    oq_failure_release(&group->error);
    memset(group, 0, sizeof *group);
    group->error.file_index = OQ_NO_FILE;
}

void oq_file_forget_bytes(struct oq_file *file, bool owns_strings)
{
    if (owns_strings) {
        oq_free(file->etag);
        oq_free(file->last_modified);
        oq_free(file->digest);
    }
    file->done_bytes = 0;
    file->size_bytes = OQ_SIZE_UNKNOWN;
    file->etag = file->last_modified = file->digest = NULL;
}

struct oq_file *oq_job_add_file(struct oq_job *job)
{
    if (job->file_count == job->file_capacity) {
        if (job->file_capacity > (OQ_NO_FILE - 1) / 2)
            return NULL;
        uint32_t capacity = job->file_capacity ? job->file_capacity * 2 : 8;
        size_t bytes;
        if (__builtin_mul_overflow((size_t)capacity, sizeof *job->files, &bytes))
            return NULL;
        struct oq_file *files = oq_realloc(job->files, bytes);
        if (!files)
            return NULL;
        job->files = files;
        job->file_capacity = capacity;
    }
    struct oq_file *file = &job->files[job->file_count];
    memset(file, 0, sizeof *file);
    file->index = job->file_count++;
    file->state = OQ_FILE_WAITING;
    file->size_bytes = OQ_SIZE_UNKNOWN;
    return file;
}

enum oq_status oq_text_set(char **field, const char *value)
{
    char *copy = NULL;
    if (value) {
        copy = oq_strdup(value);
        if (!copy)
            return OQ_E_NOMEM;
    }
    oq_free(*field); /* after the copy: value may be the old text */
    *field = copy;
    return OQ_OK;
}

static bool is_empty(const char *text)
{
    return !text || !*text;
}

static bool is_text_within(const char *text, size_t units)
{
    return text && oq_utf8_is_valid(text, strlen(text)) && oq_utf8_units(text) <= units;
}

static bool is_braced_guid(const char *text)
{
    struct oq_guid guid;
    return text[0] == '{' && oq_guid_parse(text, &guid) == OQ_OK;
}

/* Older versions saved whatever stood in quotes; oq_http_can_resume looks closer. */
static bool is_quoted(const char *etag)
{
    size_t length = strlen(etag);
    return length >= 2 && etag[0] == '"' && etag[length - 1] == '"';
}

static const char *check_file(const struct oq_file *file)
{
    struct oq_digest digest;

    if (is_empty(file->remote))
        return "a file has no remote name";
    if (is_empty(file->local))
        return "a file has no local name";
    if (is_empty(file->user_sid))
        return "a file has no user";
    if (file->temp_path && !*file->temp_path)
        return "a temporary path is an empty text instead of NULL";
    if (file->etag && !is_quoted(file->etag) && !oq_http_is_strong_tag(file->etag))
        return "an entity tag is not a strong one";
    if (file->last_modified && !*file->last_modified)
        return "a Last-Modified is an empty text instead of NULL";
    if (file->digest && oq_digest_parse_hex(file->digest, &digest) != OQ_OK)
        return "a digest is not one of SHA-256 or SHA-512";
    if (file->source != OQ_NO_SOURCE && file->source >= oq_sources_count(file))
        return "a file has bytes of a source that it does not have";
    if (file->expectations && oq_expectations_check(file->expectations))
        return oq_expectations_check(file->expectations);
    if (file->done_bytes > file->size_bytes)
        return "more bytes of a file are done than it has";
    if (file->done_bytes == OQ_SIZE_UNKNOWN)
        return "the number of done bytes of a file is unknown";

    if (file->temp_id && !file->temp_path)
        return "there is the identity of a temporary file and no path";
    switch (file->state) {
    case OQ_FILE_WAITING:
        if (file->done_bytes > 0 && !file->temp_path)
            return "a WAITING file has bytes but no temporary path";
        return NULL;
    case OQ_FILE_FETCHED:
        if (!file->temp_path)
            return "a FETCHED file has no temporary path";
        break;
    case OQ_FILE_FINAL:
        if (file->temp_path)
            return "a FINAL file has a temporary path";
        break;
    case OQ_FILE_STATE_COUNT:
    default:
        return "a file has an unknown state";
    }
    if (file->size_bytes == OQ_SIZE_UNKNOWN)
        return "a FETCHED or FINAL file has no known size";
    if (file->done_bytes != file->size_bytes)
        return "a FETCHED or FINAL file is not all there";
    return NULL;
}

static const char *check_job(const struct oq_job *job)
{
    if (job->id == 0)
        return job->file_count ? "there are files without a job" : NULL;
    if (oq_guid_is_null(&job->guid))
        return "the job has the null GUID";
    if (job->file_count > job->file_capacity || (job->file_count && !job->files))
        return "the job counts more files than it holds";
    for (uint32_t i = 0; i < job->file_count; i++) {
        if (job->files[i].index != i)
            return "the files are not numbered in order";
        const char *broken = check_file(&job->files[i]);
        if (broken)
            return broken;
    }
    return NULL;
}

static const char *check_failure(const struct oq_failure *error, uint32_t file_count)
{
    if (error->code == 0) {
        if (error->win32 || error->http || error->text)
            return "there is detail of a failure but no failure";
        return NULL;
    }
    if (error->win32 == 0)
        return "a failure has no Win32 code";
    if (error->file_index != OQ_NO_FILE && error->file_index >= file_count)
        return "a failure names a file that is not there";
    return NULL;
}

static const char *check_state(const struct oq_group *group)
{
    const struct oq_job *job = &group->job;
    uint32_t unfinished = 0, not_final = 0;
    for (uint32_t i = 0; i < job->file_count; i++) {
        unfinished += job->files[i].state == OQ_FILE_WAITING;
        not_final += job->files[i].state != OQ_FILE_FINAL;
    }

    if (group->event == OQ_EVENT_COMPLETE && group->state != OQ_GROUP_COMPLETE &&
        group->state != OQ_GROUP_CANCELLING)
        return "completion is to be notified of a group that is not COMPLETE";
    switch (group->state) {
    case OQ_GROUP_SUSPENDED:
    case OQ_GROUP_CANCELLING:
        return NULL;
    case OQ_GROUP_ACTIVE:
        return job->file_count ? NULL : "the group is ACTIVE without files";
    case OQ_GROUP_COMMITTING:
        if (job->file_count == 0)
            return "the group is COMMITTING without files";
        return unfinished ? "the group is COMMITTING and a file is still WAITING" : NULL;
    case OQ_GROUP_ERROR:
        return group->error.code ? NULL : "the group is in ERROR without a code";
    case OQ_GROUP_COMPLETE:
        if (job->file_count == 0)
            return "the group is COMPLETE without files";
        return not_final ? "the group is COMPLETE and a file is not FINAL" : NULL;
    case OQ_GROUP_STATE_COUNT:
    default:
        return "the group has an unknown state";
    }
}

const char *oq_group_check(const struct oq_group *group)
{
    if (oq_guid_is_null(&group->guid))
        return "the group has the null GUID";
    if (is_empty(group->owner_sid))
        return "the group has no owner";
    if (!is_text_within(group->display_name, DISPLAY_NAME_UNITS))
        return "the display name is missing, too long or not UTF-8";
    if (!is_text_within(group->description, DESCRIPTION_UNITS))
        return "the description is missing, too long or not UTF-8";
    if (!group->notify_clsid || (*group->notify_clsid && !is_braced_guid(group->notify_clsid)))
        return "the notification class is not a braced CLSID";
    if (group->notify_flags & ~NOTIFY_FLAGS)
        return "a notification flag is set that QMGR does not support";
    if ((unsigned)group->event > OQ_EVENT_ERROR)
        return "the group has an unknown event";

    const char *broken = check_job(&group->job);
    if (!broken)
        broken = check_failure(&group->error, group->job.file_count);
    if (!broken)
        broken = check_state(group);
    return broken;
}
