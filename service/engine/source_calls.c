/* source_calls.c - the calls of oq_engine_sources.h: the caller's side, any thread, and the
 * engine's side of each, below it. */
#include "oq_engine_sources.h"
#include "calls_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_url.h"

#include <string.h>

/* What a call carries both ways. */
struct source_call {
    uint32_t index, source;
    char *url;
    bool has_sha256;
    uint8_t sha256[OQ_SHA256_BYTES];
    uint64_t size_bytes;
    struct oq_extras *extras; /* its pieces */
    struct oq_source_view source_view;
    struct oq_checks_view checks_view;
};

static void call_free(void *data)
{
    struct source_call *call = data;
    oq_free(call->url);
    oq_free(call->source_view.url);
    oq_extras_free(call->extras);
    oq_free(call);
}

static void fail(struct oq_request *request, enum oq_status status, const char *text)
{
    request->status = oq_error_set(&request->error, status, "%s", text);
}

/* New request with an empty call; NULL when out of memory. */
static struct oq_request *make(void (*handle)(struct oq_engine *, struct oq_request *),
                               const struct oq_caller *caller, int64_t group, uint32_t index,
                               struct source_call **call)
{
    struct oq_request *request = oq_request_new(handle, caller, group);
    *call = request ? oq_calloc(1, sizeof **call) : NULL;
    if (!*call) {
        oq_request_unref(request);
        return NULL;
    }
    (*call)->index = index;
    request->data = *call;
    request->free_data = call_free;
    return request;
}

/* --- the engine's side ------------------------------------------------------------------------ */

static struct oq_file *find_file(struct oq_engine *engine, struct oq_request *request,
                                 enum oq_access_verb verb, struct oq_entry **entry)
{
    const struct source_call *call = request->data;
    *entry = oq_request_find(engine, request, verb);
    if (!*entry)
        return NULL;
    if (call->index >= (*entry)->group.job.file_count) {
        fail(request, OQ_E_NOT_FOUND, "the job has no file of that index");
        return NULL;
    }
    struct oq_file *file = &(*entry)->group.job.files[call->index];
    if (verb == OQ_ACCESS_CHANGE && file->state != OQ_FILE_WAITING) {
        fail(request, OQ_E_INVALID_STATE, "the file is already there");
        return NULL;
    }
    return file;
}

static bool is_checking(const struct oq_entry *entry, const struct oq_file *file)
{
    const struct oq_transfer *transfer = entry->runs[file->index].transfer;
    return transfer && oq_transfer_is_checking(transfer);
}

/* The client is alive: the time of its last change, saved. */
static enum oq_status touch(struct oq_engine *engine, struct oq_entry *entry, struct oq_error *err)
{
    struct oq_group next = entry->group;
    next.changed_at_ms = oq_clock_wall_ms(engine->clock);
    return oq_change_group(engine, entry, &next, err);
}

/* A copy of the file's extras to be changed; NULL and a status when out of memory. */
static struct oq_extras *copy_extras(const struct oq_file *file, struct oq_request *request)
{
    struct oq_extras *extras = oq_extras_copy(file->extras);
    if (!extras)
        fail(request, OQ_E_NOMEM, "out of memory");
    return extras;
}

/* Saves the changed extras; what was counted against the old ones is forgotten. */
static void save_expectation(struct oq_engine *engine, struct oq_request *request,
                             struct oq_entry *entry, const struct oq_file *file,
                             struct oq_extras *extras)
{
    struct oq_file next = *file;
    request->status = touch(engine, entry, &request->error);
    if (request->status != OQ_OK) {
        oq_extras_free(extras);
        return;
    }
    next.mismatches = next.bad_sources = 0;
    request->status = oq_change_extras(engine, entry, &next, extras, &request->error);
}

static struct oq_file *find_expecting(struct oq_engine *engine, struct oq_request *request,
                                      struct oq_entry **entry)
{
    struct oq_file *file = find_file(engine, request, OQ_ACCESS_CHANGE, entry);
    if (file && !engine->options.hash) {
        fail(request, OQ_E_NOT_SUPPORTED, "hashes are not available here");
        return NULL;
    }
    if (file && is_checking(*entry, file)) {
        fail(request, OQ_E_INVALID_STATE, "the file is just being checked");
        return NULL;
    }
    return file;
}

static void handle_set_hash(struct oq_engine *engine, struct oq_request *request)
{
    const struct source_call *call = request->data;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_expecting(engine, request, &entry);
    struct oq_extras *extras = file ? copy_extras(file, request) : NULL;
    if (!extras)
        return;
    extras->has_sha256 = call->has_sha256;
    memcpy(extras->sha256, call->sha256, sizeof extras->sha256);
    extras->size_bytes = call->size_bytes;
    if (oq_extras_check(extras)) {
        fail(request, OQ_E_INVALID_ARG, oq_extras_check(extras));
        oq_extras_free(extras);
        return;
    }
    save_expectation(engine, request, entry, file, extras);
}

static void handle_set_pieces(struct oq_engine *engine, struct oq_request *request)
{
    const struct source_call *call = request->data;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_expecting(engine, request, &entry);
    struct oq_extras *extras = file ? copy_extras(file, request) : NULL;
    if (!extras)
        return;
    request->status = oq_extras_set_pieces(extras, &call->extras->pieces, &request->error);
    if (request->status != OQ_OK) {
        oq_extras_free(extras);
        return;
    }
    save_expectation(engine, request, entry, file, extras);
}

static void handle_add_source(struct oq_engine *engine, struct oq_request *request)
{
    const struct source_call *call = request->data;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_file(engine, request, OQ_ACCESS_CHANGE, &entry);
    if (!file)
        return;
    for (uint32_t i = 0; i < oq_sources_count(file); i++)
        if (strcmp(oq_sources_url(file, i), call->url) == 0)
            return;
    if (oq_sources_count(file) >= OQ_SOURCES_MAX) {
        request->status = oq_error_set(&request->error, OQ_E_LIMIT_FILES,
                                       "a file may have at most %d sources", OQ_SOURCES_MAX);
        return;
    }
    struct oq_extras *extras = copy_extras(file, request);
    if (!extras)
        return;
    if (oq_extras_add_mirror(extras, call->url) != OQ_OK) {
        oq_extras_free(extras);
        fail(request, OQ_E_NOMEM, "out of memory");
        return;
    }
    struct oq_file next = *file;
    request->status = touch(engine, entry, &request->error);
    if (request->status == OQ_OK)
        request->status = oq_change_extras(engine, entry, &next, extras, &request->error);
    else
        oq_extras_free(extras);
}

/* Saves the URL; everything else of the source's past is forgotten. */
static enum oq_status save_url(struct oq_engine *engine, struct oq_entry *entry,
                               const struct oq_file *file, const struct source_call *call,
                               struct oq_error *err)
{
    struct oq_file next = *file;
    struct oq_extras *extras = NULL;
    next.bad_sources &= ~(UINT32_C(1) << call->source);
    /* With a hash the bytes need no validator, and the new place may have another one. */
    if (oq_sources_has_hash(file) && file->source == call->source)
        next.source = OQ_NO_SOURCE;
    if (call->source == 0) {
        next.remote = call->url;
        return oq_change_file(engine, entry, &next, err);
    }
    extras = oq_extras_copy(file->extras);
    if (!extras || oq_text_set(&extras->mirrors[call->source - 1], call->url) != OQ_OK) {
        oq_extras_free(extras);
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    }
    return oq_change_extras(engine, entry, &next, extras, err);
}

static void handle_set_url(struct oq_engine *engine, struct oq_request *request)
{
    const struct source_call *call = request->data;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_file(engine, request, OQ_ACCESS_CHANGE, &entry);
    if (!file)
        return;
    if (call->source >= oq_sources_count(file)) {
        fail(request, OQ_E_NOT_FOUND, "the file has no source of that number");
        return;
    }
    request->status = touch(engine, entry, &request->error);
    if (request->status == OQ_OK)
        request->status = save_url(engine, entry, file, call, &request->error);
    if (request->status != OQ_OK)
        return;
    struct oq_file_run *run = &entry->runs[call->index];
    uint32_t bit = UINT32_C(1) << call->source;
    run->sources.failed &= ~bit;
    run->sources.slow &= ~bit;
    run->sources.other &= ~bit;
    run->sources.current = call->source;
    run->sources.is_started = true;
    run->retry_at_ms = 0;
    run->attempts = 0;
    engine->needs_turns = true;
    if (run->transfer && oq_transfer_source(run->transfer) == call->source)
        oq_transfer_stop(engine, run->transfer, false);
}

static void handle_view_source(struct oq_engine *engine, struct oq_request *request)
{
    struct source_call *call = request->data;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_file(engine, request, OQ_ACCESS_READ, &entry);
    if (!file)
        return;
    if (call->source >= oq_sources_count(file)) {
        fail(request, OQ_E_NOT_FOUND, "the file has no source of that number");
        return;
    }
    const struct oq_file_run *run = &entry->runs[call->index];
    uint32_t left = run->sources.failed | run->sources.slow | run->sources.other;
    call->source_view.url = oq_strdup(oq_sources_url(file, call->source));
    if (!call->source_view.url) {
        fail(request, OQ_E_NOMEM, "out of memory");
        return;
    }
    if (run->transfer && oq_transfer_source(run->transfer) == call->source)
        call->source_view.state = OQ_SOURCE_ASKED;
    else if (file->bad_sources >> call->source & 1)
        call->source_view.state = OQ_SOURCE_WRONG;
    else
        call->source_view.state = left >> call->source & 1 ? OQ_SOURCE_LEFT : OQ_SOURCE_READY;
}

static void handle_view_checks(struct oq_engine *engine, struct oq_request *request)
{
    struct source_call *call = request->data;
    struct oq_checks_view *view = &call->checks_view;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_file(engine, request, OQ_ACCESS_READ, &entry);
    if (!file)
        return;
    view->size_bytes = OQ_SIZE_UNKNOWN;
    if (file->extras) {
        view->has_sha256 = file->extras->has_sha256;
        memcpy(view->sha256, file->extras->sha256, sizeof view->sha256);
        view->size_bytes = file->extras->size_bytes;
        view->piece_kind = file->extras->pieces.kind;
        view->piece_bytes = file->extras->pieces.piece_bytes;
        view->piece_count = file->extras->pieces.count;
    }
    view->source_count = oq_sources_count(file);
    view->mismatches = file->mismatches;
    view->is_checking = is_checking(entry, file);
}

static void handle_view_pieces(struct oq_engine *engine, struct oq_request *request)
{
    struct source_call *call = request->data;
    struct oq_entry *entry = NULL;
    const struct oq_file *file = find_file(engine, request, OQ_ACCESS_READ, &entry);
    if (!file)
        return;
    call->extras = oq_extras_copy(file->extras);
    if (!call->extras)
        fail(request, OQ_E_NOMEM, "out of memory");
}

/* --- the caller's side ------------------------------------------------------------------------ */

static enum oq_status ask(struct oq_engine *engine, struct oq_request *request,
                          struct oq_error *err)
{
    enum oq_status status = oq_request_ask(engine, request, err);
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_set_hash(struct oq_engine *engine, const struct oq_caller *caller,
                                  int64_t group, uint32_t index, const uint8_t *sha256,
                                  uint64_t size_bytes, struct oq_error *err)
{
    struct source_call *call = NULL;
    struct oq_request *request = make(handle_set_hash, caller, group, index, &call);
    if (request) {
        call->has_sha256 = sha256 != NULL;
        if (sha256)
            memcpy(call->sha256, sha256, sizeof call->sha256);
        call->size_bytes = size_bytes;
    }
    return ask(engine, request, err);
}

enum oq_status oq_engine_set_pieces(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, uint32_t index, const struct oq_pieces *pieces,
                                    struct oq_error *err)
{
    struct source_call *call = NULL;
    struct oq_extras *extras = oq_extras_new();
    if (!extras)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    enum oq_status status = oq_extras_set_pieces(extras, pieces, err);
    if (status != OQ_OK) {
        oq_extras_free(extras);
        return status;
    }
    struct oq_request *request = make(handle_set_pieces, caller, group, index, &call);
    if (request)
        call->extras = extras;
    else
        oq_extras_free(extras);
    return ask(engine, request, err);
}

static enum oq_status ask_with_url(struct oq_engine *engine,
                                   void (*handle)(struct oq_engine *, struct oq_request *),
                                   const struct oq_caller *caller, int64_t group, uint32_t index,
                                   uint32_t source, const char *url, struct oq_error *err)
{
    struct source_call *call = NULL;
    enum oq_status status = oq_url_check(url, err);
    if (status != OQ_OK)
        return status;
    struct oq_request *request = make(handle, caller, group, index, &call);
    if (request) {
        call->source = source;
        call->url = oq_strdup(url);
        if (!call->url) {
            oq_request_unref(request);
            request = NULL;
        }
    }
    return ask(engine, request, err);
}

enum oq_status oq_engine_add_source(struct oq_engine *engine, const struct oq_caller *caller,
                                    int64_t group, uint32_t index, const char *url,
                                    struct oq_error *err)
{
    return ask_with_url(engine, handle_add_source, caller, group, index, 0, url, err);
}

enum oq_status oq_engine_set_url(struct oq_engine *engine, const struct oq_caller *caller,
                                 int64_t group, uint32_t index, uint32_t source, const char *url,
                                 struct oq_error *err)
{
    return ask_with_url(engine, handle_set_url, caller, group, index, source, url, err);
}

enum oq_status oq_engine_view_source(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, uint32_t source,
                                     struct oq_source_view *view, struct oq_error *err)
{
    struct source_call *call = NULL;
    struct oq_request *request = make(handle_view_source, caller, group, index, &call);
    if (request)
        call->source = source;
    enum oq_status status = oq_request_ask(engine, request, err);
    if (status == OQ_OK && call) {
        *view = call->source_view;
        call->source_view.url = NULL;
    }
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_view_checks(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, struct oq_checks_view *view,
                                     struct oq_error *err)
{
    struct source_call *call = NULL;
    struct oq_request *request = make(handle_view_checks, caller, group, index, &call);
    enum oq_status status = oq_request_ask(engine, request, err);
    if (status == OQ_OK && call)
        *view = call->checks_view;
    oq_request_unref(request);
    return status;
}

enum oq_status oq_engine_view_pieces(struct oq_engine *engine, const struct oq_caller *caller,
                                     int64_t group, uint32_t index, struct oq_pieces *pieces,
                                     struct oq_error *err)
{
    struct source_call *call = NULL;
    struct oq_request *request = make(handle_view_pieces, caller, group, index, &call);
    enum oq_status status = oq_request_ask(engine, request, err);
    if (status == OQ_OK && call) {
        *pieces = call->extras->pieces;
        call->extras->pieces = (struct oq_pieces){.kind = OQ_HASH_NONE};
    }
    oq_request_unref(request);
    return status;
}
