/* source_calls.c - the calls of oq_engine_sources.h: hashes, pieces, mirrors and URLs of a file.
 * The caller's side (any thread), and above it the engine's.
 */
#include "oq_engine_sources.h"
#include "calls_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_url.h"

#include <string.h>

/* The time of the client's last change, saved: groups expire by that. */
static enum oq_status touch(struct oq_engine *engine, struct oq_call *call, struct oq_entry *entry)
{
    struct oq_group next = entry->group;
    next.changed_at_ms = oq_clock_wall_ms(engine->clock);
    return oq_entry_save_group(engine, entry, &next, call->err);
}

/* Saves the changed expectations, together with the file. Takes them over. */
static enum oq_status save(struct oq_engine *engine, struct oq_call *call, struct oq_entry *entry,
                           struct oq_file *next, struct oq_expectations *expectations)
{
    enum oq_status status = touch(engine, call, entry);
    if (status == OQ_OK)
        return oq_entry_save_expectations(engine, entry, next, expectations, call->err);
    oq_expectations_free(expectations);
    return status;
}

/* --- hash and pieces -------------------------------------------------------------------------- */

struct hash_args {
    uint32_t index;
    const uint8_t *sha256; /* or NULL */
    uint64_t size_bytes;
};

struct pieces_args {
    uint32_t index;
    const struct oq_pieces *pieces; /* to be set */
    struct oq_pieces *out;          /* or to be read */
};

/* The file of the call and a copy of its expectations, to be changed. */
static enum oq_status find_expected(struct oq_engine *engine, struct oq_call *call, uint32_t index,
                                    struct oq_entry **entry, struct oq_file **file,
                                    struct oq_expectations **expectations)
{
    enum oq_status status = oq_call_find_file(engine, call, OQ_ACCESS_CHANGE, index, entry, file);
    if (status != OQ_OK)
        return status;
    if (!engine->options.hash)
        return oq_call_fail(call, OQ_E_NOT_SUPPORTED, "hashes are not available here");
    const struct oq_transfer *transfer = (*entry)->runs[index].transfer;
    if (transfer && oq_transfer_is_verifying(transfer))
        return oq_call_fail(call, OQ_E_INVALID_STATE, "the file is being verified");
    *expectations = oq_expectations_copy((*file)->expectations);
    return *expectations ? OQ_OK : oq_call_fail(call, OQ_E_NOMEM, "out of memory");
}

/* What was counted against the former expectation does not hold for the new one. */
static enum oq_status save_expected(struct oq_engine *engine, struct oq_call *call,
                                    struct oq_entry *entry, const struct oq_file *file,
                                    struct oq_expectations *expectations)
{
    struct oq_file next = *file;
    next.mismatches = next.bad_sources = 0;
    return save(engine, call, entry, &next, expectations);
}

static enum oq_status run_set_hash(struct oq_engine *engine, struct oq_call *call)
{
    const struct hash_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    struct oq_expectations *expectations = NULL;
    enum oq_status status = find_expected(engine, call, args->index, &entry, &file, &expectations);
    if (status != OQ_OK || !expectations)
        return status;
    expectations->has_sha256 = args->sha256 != NULL;
    memset(expectations->sha256, 0, sizeof expectations->sha256);
    if (args->sha256)
        memcpy(expectations->sha256, args->sha256, sizeof expectations->sha256);
    expectations->size_bytes = args->size_bytes;
    const char *fault = oq_expectations_check(expectations);
    if (fault) {
        oq_expectations_free(expectations);
        return oq_call_fail(call, OQ_E_INVALID_ARG, fault);
    }
    return save_expected(engine, call, entry, file, expectations);
}

enum oq_status oq_engine_set_hash(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, uint32_t index, const uint8_t *sha256,
                                  uint64_t size_bytes, struct oq_error *err)
{
    struct hash_args args = {index, sha256, size_bytes};
    return oq_call(engine, run_set_hash, caller, group, &args, err);
}

static enum oq_status run_set_pieces(struct oq_engine *engine, struct oq_call *call)
{
    const struct pieces_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    struct oq_expectations *expectations = NULL;
    enum oq_status status = find_expected(engine, call, args->index, &entry, &file, &expectations);
    if (status != OQ_OK)
        return status;
    status = oq_expectations_set_pieces(expectations, args->pieces, call->err);
    if (status != OQ_OK) {
        oq_expectations_free(expectations);
        return status;
    }
    return save_expected(engine, call, entry, file, expectations);
}

enum oq_status oq_engine_set_pieces(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, uint32_t index, const struct oq_pieces *pieces,
                                    struct oq_error *err)
{
    struct pieces_args args = {.index = index, .pieces = pieces};
    return oq_call(engine, run_set_pieces, caller, group, &args, err);
}

static enum oq_status run_view_pieces(struct oq_engine *engine, struct oq_call *call)
{
    const struct pieces_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    enum oq_status status =
        oq_call_find_file(engine, call, OQ_ACCESS_READ, args->index, &entry, &file);
    if (status != OQ_OK)
        return status;
    struct oq_expectations *expectations = oq_expectations_copy(file->expectations);
    if (!expectations)
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    *args->out = expectations->pieces;
    expectations->pieces = (struct oq_pieces){.kind = OQ_HASH_NONE};
    oq_expectations_free(expectations);
    return OQ_OK;
}

enum oq_status oq_engine_view_pieces(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, struct oq_pieces *pieces,
                                     struct oq_error *err)
{
    struct pieces_args args = {.index = index, .out = pieces};
    return oq_call(engine, run_view_pieces, caller, group, &args, err);
}

/* --- mirrors and URLs ------------------------------------------------------------------------- */

struct source_args {
    uint32_t index, source;
    const char *url;
    struct oq_source_view *view;
};

static enum oq_status run_add_source(struct oq_engine *engine, struct oq_call *call)
{
    const struct source_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    enum oq_status status =
        oq_call_find_file(engine, call, OQ_ACCESS_CHANGE, args->index, &entry, &file);
    if (status != OQ_OK)
        return status;
    for (uint32_t i = 0; i < oq_sources_count(file); i++)
        if (strcmp(oq_sources_url(file, i), args->url) == 0)
            return OQ_OK;
    if (oq_sources_count(file) >= OQ_SOURCES_MAX)
        return oq_error_set(call->err, OQ_E_LIMIT_FILES, "a file may have at most %d sources",
                            OQ_SOURCES_MAX);
    struct oq_expectations *expectations = oq_expectations_copy(file->expectations);
    if (!expectations || oq_expectations_add_mirror(expectations, args->url) != OQ_OK) {
        oq_expectations_free(expectations);
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    }
    struct oq_file next = *file;
    return save(engine, call, entry, &next, expectations);
}

enum oq_status oq_engine_add_source(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, uint32_t index, const char *url,
                                    struct oq_error *err)
{
    struct source_args args = {.index = index, .url = url};
    enum oq_status status = oq_url_check(url, err);
    return status == OQ_OK ? oq_call(engine, run_add_source, caller, group, &args, err) : status;
}

static enum oq_status find_source(struct oq_engine *engine, struct oq_call *call,
                                  enum oq_access_verb verb, struct oq_entry **entry,
                                  struct oq_file **file)
{
    const struct source_args *args = call->args;
    enum oq_status status = oq_call_find_file(engine, call, verb, args->index, entry, file);
    if (status == OQ_OK && args->source >= oq_sources_count(*file))
        status = oq_call_fail(call, OQ_E_NOT_FOUND, "the file has no source of that number");
    return status;
}

/* Saves the URL; what is known of the source's former URL is forgotten. */
static enum oq_status save_url(struct oq_engine *engine, struct oq_call *call,
                               struct oq_entry *entry, const struct oq_file *file)
{
    const struct source_args *args = call->args;
    struct oq_file next = *file;
    next.bad_sources &= ~(UINT32_C(1) << args->source);
    /* With a hash the bytes need no validator, and the new URL may have another one. */
    if (oq_sources_has_hash(file) && file->source == args->source)
        next.source = OQ_NO_SOURCE;
    if (args->source == 0) {
        char *url = oq_strdup(args->url);
        if (!url)
            return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
        next.remote = url;
        enum oq_status status = touch(engine, call, entry);
        if (status == OQ_OK)
            status = oq_entry_save_file(engine, entry, &next, call->err);
        oq_free(url);
        return status;
    }
    struct oq_expectations *expectations = oq_expectations_copy(file->expectations);
    if (!expectations ||
        oq_text_set(&expectations->mirrors[args->source - 1], args->url) != OQ_OK) {
        oq_expectations_free(expectations);
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    }
    return save(engine, call, entry, &next, expectations);
}

static enum oq_status run_set_url(struct oq_engine *engine, struct oq_call *call)
{
    const struct source_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    enum oq_status status = find_source(engine, call, OQ_ACCESS_CHANGE, &entry, &file);
    if (status == OQ_OK)
        status = save_url(engine, call, entry, file);
    if (status != OQ_OK)
        return status;
    struct oq_file_run *run = &entry->runs[args->index];
    uint32_t bit = UINT32_C(1) << args->source;
    struct oq_source_run *sources = &run->history.sources;
    sources->failed &= ~bit;
    sources->slow &= ~bit;
    sources->other &= ~bit;
    sources->current = args->source;
    sources->is_started = true;
    run->retry_at_ms = 0;
    run->history.attempts = 0;
    engine->needs_schedule = true;
    if (run->transfer && oq_transfer_source(run->transfer) == args->source)
        oq_transfer_stop(run->transfer, false);
    return OQ_OK;
}

enum oq_status oq_engine_set_url(struct oq_engine *engine, const struct oq_caller *caller,
                                 int64_t group, uint32_t index, uint32_t source, const char *url,
                                 struct oq_error *err)
{
    struct source_args args = {.index = index, .source = source, .url = url};
    enum oq_status status = oq_url_check(url, err);
    return status == OQ_OK ? oq_call(engine, run_set_url, caller, group, &args, err) : status;
}

static enum oq_status run_view_source(struct oq_engine *engine, struct oq_call *call)
{
    const struct source_args *args = call->args;
    struct oq_entry *entry = NULL;
    struct oq_file *file = NULL;
    enum oq_status status = find_source(engine, call, OQ_ACCESS_READ, &entry, &file);
    if (status != OQ_OK)
        return status;
    const struct oq_file_run *run = &entry->runs[args->index];
    const struct oq_source_run *sources = &run->history.sources;
    uint32_t left = sources->failed | sources->slow | sources->other;
    char *url = oq_strdup(oq_sources_url(file, args->source));
    if (!url)
        return oq_call_fail(call, OQ_E_NOMEM, "out of memory");
    args->view->url = url;
    if (run->transfer && oq_transfer_source(run->transfer) == args->source)
        args->view->state = OQ_SOURCE_ASKED;
    else if (file->bad_sources >> args->source & 1)
        args->view->state = OQ_SOURCE_WRONG;
    else
        args->view->state = left >> args->source & 1 ? OQ_SOURCE_LEFT : OQ_SOURCE_READY;
    return OQ_OK;
}

enum oq_status oq_engine_view_source(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, uint32_t source,
                                     struct oq_source_view *view, struct oq_error *err)
{
    struct source_args args = {.index = index, .source = source, .view = view};
    return oq_call(engine, run_view_source, caller, group, &args, err);
}
