/* disk.c - slow file work (open, flush, rename, remove) on a few threads, so that neither a slow
 * disk nor a hanging network share stops the engine.
 *
 * The workers own nothing but the op they hold; they touch no domain object. Results come back
 * through a second queue and are handed to op->done on the engine thread.
 */
#include "engine_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_log.h"

#define WORKERS 4 /* one file on a hanging share must not hold up the others */
#define QUEUE_OPS 16384

struct oq_disk {
    struct oq_engine *engine;
    struct oq_queue *todo, *finished;
    pthread_t threads[WORKERS];
    unsigned thread_count;
    size_t pending; /* engine thread */
};

struct oq_disk_op *oq_disk_op_new(struct oq_engine *engine, enum oq_disk_kind kind,
                                  struct oq_identity *identity, const char *temp_path,
                                  const char *final_path)
{
    struct oq_disk_op *op = oq_calloc(1, sizeof *op);
    if (!op)
        return NULL;
    op->kind = kind;
    op->modified_at_ms = -1;
    oq_error_init(&op->error);
    op->identity = engine->identity->ref(engine->identity->ctx, identity);
    op->temp_path = oq_strdup(temp_path);
    op->final_path = oq_strdup(final_path);
    if ((temp_path && !op->temp_path) || (final_path && !op->final_path)) {
        oq_disk_op_free(engine, op);
        return NULL;
    }
    return op;
}

void oq_disk_op_free(struct oq_engine *engine, struct oq_disk_op *op)
{
    if (!op)
        return;
    if (op->kind == OQ_DISK_OPEN && op->handle)
        engine->files->close(engine->files->ctx, op->handle);
    engine->identity->unref(engine->identity->ctx, op->identity);
    oq_free(op->temp_path);
    oq_free(op->final_path);
    oq_free(op->url);
    oq_free(op->proxy);
    oq_free(op);
}

/* Before the first byte, and again with every flush unless the file system keeps the room: other
 * programs write too. */
static void look_for_room(const struct oq_file_port *files, struct oq_disk_op *op)
{
    struct oq_error ignored;
    uint64_t free_bytes = 0;
    if (op->is_reserved || op->total_bytes == OQ_SIZE_UNKNOWN || op->total_bytes <= op->mark_bytes)
        return;
    uint64_t need_bytes = op->total_bytes - op->mark_bytes;
    oq_error_init(&ignored);
    if (files->free_space(files->ctx, op->identity, op->temp_path, &free_bytes, &ignored) != OQ_OK)
        return; /* the writing will show */
    if (free_bytes < need_bytes)
        op->missing_bytes = need_bytes - free_bytes;
    else
        op->is_reserved =
            files->reserve(files->ctx, op->handle, op->total_bytes, &ignored) == OQ_OK;
}

/* The way out is found here because that may take a while: settings of the user, scripts. */
static void find_proxy(const struct oq_network_port *network, struct oq_disk_op *op)
{
    struct oq_error err;
    oq_error_init(&err);
    if (network && network->find_proxy && op->url &&
        network->find_proxy(network->ctx, op->url, op->identity, op->attempt, &op->proxy, &err) !=
            OQ_OK)
        oq_log_warning("the proxy settings cannot be read: %s", err.text);
}

static void perform(const struct oq_file_port *files, const struct oq_network_port *network,
                    struct oq_disk_op *op)
{
    struct oq_error ignored;
    switch (op->kind) {
    case OQ_DISK_OPEN:
        find_proxy(network, op);
        op->status = files->open(files->ctx, op->identity, op->temp_path, op->mode, &op->handle,
                                 &op->size_bytes, &op->error);
        if (op->status == OQ_OK)
            files->identify(files->ctx, op->handle, op->file_id);
        break;
    case OQ_DISK_FLUSH:
        look_for_room(files, op);
        if (op->mark_bytes > 0)
            op->status = files->flush(files->ctx, op->handle, &op->error);
        break;
    case OQ_DISK_CHECK:
        op->status = oq_check_slice(files, op->handle, op->check, &op->error);
        break;
    case OQ_DISK_FINISH:
        op->status = files->finish(files->ctx, op->identity, op->temp_path, op->final_path,
                                   op->modified_at_ms, &op->error);
        /* Gone already? Perhaps it was renamed before a crash and not recorded: look at what stands
         * there. */
        if (op->status == OQ_E_FILE_MISSING && files->stat(files->ctx, op->identity, op->final_path,
                                                           &op->final_facts, &ignored) != OQ_OK)
            op->final_facts.exists = false;
        break;
    case OQ_DISK_PROXY:
        find_proxy(network, op);
        break;
    case OQ_DISK_REMOVE:
        op->status = files->remove(files->ctx, op->identity, op->temp_path, &op->error);
        break;
    }
    oq_fault_step("act");
}

static void *work(void *ctx)
{
    struct oq_disk *disk = ctx;
    void *item = NULL;
    while (oq_queue_pop(disk->todo, -1, &item) == OQ_OK) {
        struct oq_disk_op *op = item;
        perform(disk->engine->files, disk->engine->options.network, op);
        /* Room is sure: both queues have the same size, and pending ops are bounded by it
         * (oq_disk_submit). */
        if (oq_queue_push(disk->finished, op) != OQ_OK)
            oq_disk_op_free(disk->engine, op);
        oq_net_wakeup(disk->engine->net);
    }
    return NULL;
}

enum oq_status oq_disk_new(struct oq_engine *engine, struct oq_disk **out)
{
    struct oq_disk *disk = oq_calloc(1, sizeof *disk);
    if (!disk)
        return OQ_E_NOMEM;
    disk->engine = engine;
    if (oq_queue_new(QUEUE_OPS, &disk->todo) != OQ_OK ||
        oq_queue_new(QUEUE_OPS, &disk->finished) != OQ_OK)
        goto fail;
    while (disk->thread_count < WORKERS) {
        if (pthread_create(&disk->threads[disk->thread_count], NULL, work, disk) != 0)
            goto fail;
        disk->thread_count++;
    }
    *out = disk;
    return OQ_OK;
fail:
    oq_disk_free(disk);
    return OQ_E_NOMEM;
}

void oq_disk_free(struct oq_disk *disk)
{
    void *item = NULL;
    if (!disk)
        return;
    if (disk->todo)
        oq_queue_close(disk->todo);
    for (unsigned i = 0; i < disk->thread_count; i++)
        pthread_join(disk->threads[i], NULL);
    while (disk->finished && oq_queue_pop(disk->finished, 0, &item) == OQ_OK)
        oq_disk_op_free(disk->engine, item);
    oq_queue_free(disk->todo);
    oq_queue_free(disk->finished);
    oq_free(disk);
}

enum oq_status oq_disk_submit(struct oq_disk *disk, struct oq_disk_op *op)
{
    if (disk->pending >= QUEUE_OPS)
        return OQ_E_BUSY;
    enum oq_status status = oq_queue_push(disk->todo, op);
    if (status == OQ_OK)
        disk->pending++;
    return status;
}

bool oq_disk_drain(struct oq_disk *disk)
{
    void *item = NULL;
    bool any = false;
    while (oq_queue_pop(disk->finished, 0, &item) == OQ_OK) {
        struct oq_disk_op *op = item;
        disk->pending--;
        any = true;
        op->done(disk->engine, op);
    }
    return any;
}

size_t oq_disk_pending(const struct oq_disk *disk)
{
    return disk->pending;
}
