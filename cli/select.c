/* select.c - see select_int.h. */
#include "select_int.h"

#include "console_int.h"
#include "oq_alloc.h"

#include <sddl.h>

#include <stdio.h>
#include <string.h>

/* --- the queue, filtered ---------------------------------------------------------------------- */

/* The SID of --user, as text; false: there is no such user. */
static bool find_owner(const char *user, char owner[OQ_SNAPSHOT_TEXT])
{
    union {
        SID sid;
        BYTE bytes[SECURITY_MAX_SID_SIZE];
    } sid;
    wchar_t domain[256];
    DWORD size = sizeof sid, domain_size = 256;
    SID_NAME_USE use;
    LPWSTR text = NULL;
    bool is_good = false;

    if (_strnicmp(user, "S-1-", 4) == 0) {
        snprintf(owner, OQ_SNAPSHOT_TEXT, "%s", user);
        return true;
    }
    BSTR name = oq_text_to_bstr(user);
    if (name && LookupAccountNameW(NULL, name, &sid.sid, &size, domain, &domain_size, &use) &&
        ConvertSidToStringSidW(&sid.sid, &text)) {
        char *narrow = oq_text_from_bstr(text);
        snprintf(owner, OQ_SNAPSHOT_TEXT, "%s", narrow ? narrow : "");
        is_good = narrow != NULL;
        oq_free(narrow);
        LocalFree(text);
    }
    SysFreeString(name);
    return is_good;
}

HRESULT oq_queue_step(struct oq_client *client, void *ctx)
{
    struct oq_queue *queue = ctx;
    char owner[OQ_SNAPSHOT_TEXT];
    size_t kept = 0;

    oq_free(queue->list);
    queue->list = NULL;
    queue->count = 0;
    if (queue->args->user && !find_owner(queue->args->user, owner))
        return E_INVALIDARG;
    HRESULT hr = oq_remote_read_all(client, &queue->list, &queue->count);
    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < queue->count; i++) {
        if (oq_snapshot_is_meant(&queue->list[i], queue->args, queue->args->user ? owner : NULL))
            queue->list[kept++] = queue->list[i];
    }
    queue->count = kept;
    oq_snapshot_sort(queue->list, kept, queue->args->sort);
    return S_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

struct lookup {
    struct oq_guid *guids; /* of the queue */
    size_t count;
    bool is_listed;
    struct oq_queue queue; /* read when a word is no identifier */
    bool is_read;
};

static HRESULT list_step(struct oq_client *client, void *ctx)
{
    struct lookup *lookup = ctx;

    oq_free(lookup->guids);
    lookup->guids = NULL;
    return oq_client_list(client, &lookup->guids, &lookup->count);
}

static void release_lookup(struct lookup *lookup)
{
    oq_free(lookup->guids);
    oq_free(lookup->queue.list);
}

/* How many downloads a word names; a failure of the service in *hr. */
static size_t count_ids(struct oq_client *client, struct lookup *lookup,
                        const struct oq_group_id *id, struct oq_guid *guid, HRESULT *hr)
{
    size_t matches = 0;

    if (!lookup->is_listed)
        *hr = oq_client_run(client, list_step, lookup);
    lookup->is_listed = SUCCEEDED(*hr);
    for (size_t i = 0; lookup->is_listed && i < lookup->count; i++) {
        if (oq_group_id_matches(id, &lookup->guids[i])) {
            *guid = lookup->guids[i];
            matches++;
        }
    }
    return matches;
}

static size_t count_names(struct oq_client *client, struct lookup *lookup, const char *word,
                          struct oq_guid *guid, HRESULT *hr)
{
    static const struct oq_args everything;
    size_t matches = 0;

    if (!lookup->is_read) {
        lookup->queue.args = &everything;
        *hr = oq_client_run(client, oq_queue_step, &lookup->queue);
    }
    lookup->is_read = SUCCEEDED(*hr);
    for (size_t i = 0; lookup->is_read && i < lookup->queue.count; i++) {
        if (oq_snapshot_is_named(&lookup->queue.list[i], word)) {
            *guid = lookup->queue.list[i].guid;
            matches++;
        }
    }
    return matches;
}

static int find(struct oq_client *client, struct lookup *lookup, const char *word,
                struct oq_guid *guid)
{
    struct oq_group_id id;
    HRESULT hr = S_OK;
    size_t matches = 0;
    bool is_id = oq_group_id_parse(word, &id) == OQ_OK;

    if (is_id && oq_group_id_is_whole(&id)) {
        oq_group_id_to_guid(&id, guid);
        return OQ_EXIT_DONE;
    }
    if (is_id)
        matches = count_ids(client, lookup, &id, guid, &hr);
    if (matches == 0 && SUCCEEDED(hr))
        matches = count_names(client, lookup, word, guid, &hr);
    if (FAILED(hr))
        return oq_client_report(NULL, hr);
    if (matches == 0)
        return oq_client_report(word, (HRESULT)QM_E_ITEM_NOT_FOUND);
    if (matches > 1) {
        oq_console_error("several downloads in the queue are named %s: 'qmgrctl list' shows their "
                         "identifiers",
                         word);
        return OQ_EXIT_USAGE;
    }
    return OQ_EXIT_DONE;
}

int oq_select_one(struct oq_client *client, const char *word, struct oq_guid *guid)
{
    struct lookup lookup = {0};
    int status = find(client, &lookup, word, guid);

    release_lookup(&lookup);
    return status;
}

static void select_set(struct oq_client *client, const struct oq_args *args,
                       struct oq_selection *out)
{
    struct oq_queue queue = {.args = args};
    HRESULT hr = oq_client_run(client, oq_queue_step, &queue);

    if (SUCCEEDED(hr) && queue.count > 0) {
        out->guids = oq_calloc(queue.count, sizeof *out->guids);
        hr = out->guids ? S_OK : E_OUTOFMEMORY;
    }
    if (FAILED(hr))
        out->status = oq_client_report(NULL, hr);
    for (size_t i = 0; out->guids && i < queue.count; i++)
        out->guids[out->count++] = queue.list[i].guid;
    oq_free(queue.list);
}

void oq_select(struct oq_client *client, const struct oq_args *args, struct oq_selection *out)
{
    struct lookup lookup = {0};

    *out = (struct oq_selection){0};
    if (args->group_count == 0) {
        select_set(client, args, out);
        return;
    }
    out->guids = oq_calloc((size_t)args->group_count, sizeof *out->guids);
    if (!out->guids) {
        out->status = oq_client_report(NULL, E_OUTOFMEMORY);
        return;
    }
    for (int i = 0; i < args->group_count; i++) {
        int status = find(client, &lookup, args->groups[i], &out->guids[out->count]);
        if (status == OQ_EXIT_DONE)
            out->count++;
        else if (out->status == OQ_EXIT_DONE)
            out->status = status;
    }
    release_lookup(&lookup);
}

void oq_selection_release(struct oq_selection *selection)
{
    oq_free(selection->guids);
    *selection = (struct oq_selection){0};
}
