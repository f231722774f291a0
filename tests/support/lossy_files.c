/* lossy_files.c - see lossy_files.h. Each open file keeps a list of writes and cuts that are not on
 * disk yet. */
#include "lossy_files.h"
#include "posix_files.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512

struct change {
    bool is_cut;
    uint64_t offset, length; /* a cut: the new size is offset */
    uint8_t *data;
    struct change *next;
};

struct oq_fhandle {
    struct oq_fhandle *real;
    struct change *first, **end;
};

/* flush runs on a disk worker while the engine may write more. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t tearing; /* state of the generator; 0 = nothing unflushed arrives */

void lossy_files_tear(uint64_t seed)
{
    tearing = seed;
}

static bool arrives_early(void)
{
    tearing = tearing * 6364136223846793005u + 1442695040888963407u;
    return tearing >> 63 != 0;
}

static enum oq_status lossy_open(void *ctx, struct oq_identity *as, const char *temp_path,
                                 enum oq_open_mode mode, struct oq_fhandle **out,
                                 uint64_t *size_bytes, struct oq_error *err)
{
    const struct oq_file_port *real = posix_files();
    struct oq_fhandle *file = calloc(1, sizeof *file);
    (void)ctx;
    if (!file)
        abort();
    file->end = &file->first;
    enum oq_status status =
        real->open(real->ctx, as, temp_path, mode, &file->real, size_bytes, err);
    if (status != OQ_OK) {
        free(file);
        return status;
    }
    *out = file;
    return OQ_OK;
}

static void add(struct oq_fhandle *file, bool is_cut, uint64_t offset, const void *data,
                size_t length)
{
    struct change *change = calloc(1, sizeof *change);
    uint8_t *copy = malloc(length + 1);
    if (!change || !copy)
        abort();
    if (length > 0)
        memcpy(copy, data, length);
    *change = (struct change){.is_cut = is_cut, .offset = offset, .length = length, .data = copy};
    pthread_mutex_lock(&lock);
    *file->end = change;
    file->end = &change->next;
    pthread_mutex_unlock(&lock);
}

static enum oq_status lossy_write(void *ctx, struct oq_fhandle *file, uint64_t offset,
                                  const void *data, size_t length, struct oq_error *err)
{
    const struct oq_file_port *real = posix_files();
    enum oq_status status = OQ_OK;
    (void)ctx;
    add(file, false, offset, data, length);
    for (size_t at = 0; tearing && status == OQ_OK && at < length; at += SECTOR_BYTES)
        if (arrives_early())
            status = real->write(real->ctx, file->real, offset + at, (const char *)data + at,
                                 length - at < SECTOR_BYTES ? length - at : SECTOR_BYTES, err);
    return status;
}

static enum oq_status lossy_reserve(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                    struct oq_error *err)
{
    (void)ctx;
    (void)file;
    (void)size_bytes;
    return oq_error_set(err, OQ_E_NOT_SUPPORTED, "room cannot be kept here");
}

static enum oq_status lossy_set_size(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                                     struct oq_error *err)
{
    (void)ctx;
    (void)err;
    add(file, true, size_bytes, NULL, 0);
    return OQ_OK;
}

static enum oq_status lossy_flush(void *ctx, struct oq_fhandle *file, struct oq_error *err)
{
    const struct oq_file_port *real = posix_files();
    enum oq_status status = OQ_OK;
    (void)ctx;
    pthread_mutex_lock(&lock);
    struct change *change = file->first;
    file->first = NULL;
    file->end = &file->first;
    pthread_mutex_unlock(&lock);
    while (change && status == OQ_OK) {
        struct change *next = change->next;
        status = change->is_cut ? real->set_size(real->ctx, file->real, change->offset, err)
                                : real->write(real->ctx, file->real, change->offset, change->data,
                                              (size_t)change->length, err);
        free(change->data);
        free(change);
        change = next;
    }
    return status == OQ_OK ? real->flush(real->ctx, file->real, err) : status;
}

/* What the engine reads back it has flushed before: it must see what is on the disk. */
static enum oq_status lossy_read(void *ctx, struct oq_fhandle *file, uint64_t offset, void *data,
                                 size_t length, struct oq_error *err)
{
    const struct oq_file_port *real = posix_files();
    (void)ctx;
    pthread_mutex_lock(&lock);
    bool is_flushed = file->first == NULL;
    pthread_mutex_unlock(&lock);
    if (!is_flushed)
        abort();
    return real->read(real->ctx, file->real, offset, data, length, err);
}

static void lossy_identify(void *ctx, struct oq_fhandle *file, char id[OQ_FILE_ID_TEXT])
{
    const struct oq_file_port *real = posix_files();
    (void)ctx;
    real->identify(real->ctx, file->real, id);
}

static void lossy_close(void *ctx, struct oq_fhandle *file)
{
    const struct oq_file_port *real = posix_files();
    (void)ctx;
    if (file)
        real->close(real->ctx, file->real); /* what was not flushed stays lost */
}

const struct oq_file_port *lossy_files(void)
{
    static struct oq_file_port port;
    port = *posix_files();
    port.open = lossy_open;
    port.write = lossy_write;
    port.set_size = lossy_set_size;
    port.reserve = lossy_reserve;
    port.flush = lossy_flush;
    port.identify = lossy_identify;
    port.close = lossy_close;
    port.read = lossy_read;
    return &port;
}
