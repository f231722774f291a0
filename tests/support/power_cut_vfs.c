/* power_cut_vfs.c - a SQLite VFS that loses what was not flushed. Test code: it aborts where it has
 * no memory. */
#include "power_cut_vfs.h"

#include "oq_fault.h"

#include <sqlite3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512

/* One unflushed change of a file, in the order made. */
struct change {
    struct change *next;
    bool is_truncate; /* to `offset` */
    int64_t offset;
    int amount;
    unsigned char bytes[];
};

/* A file as the program sees it, and what separates that from the disk. Lives from its first open
 * to power_cut_apply. */
struct image {
    struct image *next;
    const char *path;
    sqlite3_file *real; /* the disk; open as long as the image lives */
    unsigned char *bytes;
    int64_t size;
    int64_t capacity;
    struct change *first, *last;
    bool is_name_flushed;
    bool is_deleted;          /* not yet on disk */
    bool is_folder_flush_due; /* SQLite flushes the folder with the first flush of a new log */
    int open_count;
};

static sqlite3_vfs *disk; /* the default VFS */
static struct image *images;
static bool is_dead;

static void *must(void *block)
{
    if (!block) {
        fputs("power_cut_vfs: out of memory\n", stderr);
        abort();
    }
    return block;
}

static void must_be_ok(int rc, const char *what, const char *path)
{
    if (rc != SQLITE_OK) {
        fprintf(stderr, "power_cut_vfs: %s %s: SQLite %d\n", what, path, rc);
        abort();
    }
}

/* Every changing call comes through here first: is this the one at which the power goes? */
static bool is_power_gone(void)
{
    if (!is_dead && oq_fault_hit(OQ_FAULT_DB_IO))
        is_dead = true;
    return is_dead;
}

/* --- images ---------------------------------------------------------------------------------- */

static void resize(struct image *image, int64_t size)
{
    if (size > image->capacity) {
        int64_t capacity = size + size / 2 + 4096;
        image->bytes = must(realloc(image->bytes, (size_t)capacity));
        image->capacity = capacity;
    }
    if (size > image->size)
        memset(image->bytes + image->size, 0, (size_t)(size - image->size));
    image->size = size;
}

static void remember(struct image *image, bool is_truncate, int64_t offset, const void *bytes,
                     int amount)
{
    struct change *change = must(malloc(sizeof(*change) + (size_t)amount));
    *change = (struct change){NULL, is_truncate, offset, amount};
    if (amount > 0)
        memcpy(change->bytes, bytes, (size_t)amount);
    if (image->last) {
        image->last->next = change;
    } else {
        image->first = change;
    }
    image->last = change;
}

static void forget_changes(struct image *image)
{
    while (image->first) {
        struct change *next = image->first->next;
        free(image->first);
        image->first = next;
    }
    image->last = NULL;
}

static void truncate_disk(struct image *image, int64_t size)
{
    sqlite3_int64 now = 0;
    must_be_ok(image->real->pMethods->xFileSize(image->real, &now), "size of", image->path);
    if (size < now)
        must_be_ok(image->real->pMethods->xTruncate(image->real, size), "truncate", image->path);
}

static void write_disk(struct image *image, const unsigned char *bytes, int amount, int64_t offset)
{
    must_be_ok(image->real->pMethods->xWrite(image->real, bytes, amount, offset), "write",
               image->path);
}

static void flush(struct image *image)
{
    for (const struct change *change = image->first; change; change = change->next) {
        if (change->is_truncate) {
            truncate_disk(image, change->offset);
        } else {
            write_disk(image, change->bytes, change->amount, change->offset);
        }
    }
    forget_changes(image);
    image->is_name_flushed = true;
}

static struct image *find(const char *path)
{
    for (struct image *image = images; image; image = image->next) {
        if (strcmp(image->path, path) == 0)
            return image;
    }
    return NULL;
}

/* Older SQLite has this name as char *, newer as const char *; it wants it back as it gave it. */
static void free_name(struct image *image)
{
    union {
        const char *given;
        char *taken;
    } name = {image->path};
    sqlite3_free_filename(name.taken);
}

static void remove_image(struct image *image)
{
    for (struct image **link = &images; *link; link = &(*link)->next) {
        if (*link == image) {
            *link = image->next;
            break;
        }
    }
    (void)image->real->pMethods->xClose(image->real);
    forget_changes(image);
    free_name(image);
    free(image->real);
    free(image->bytes);
    free(image);
}

/* The file goes from the disk too. Closed first: Windows does not delete an open one. */
static void delete_image(struct image *image)
{
    char *path = must(malloc(strlen(image->path) + 1));

    strcpy(path, image->path);
    remove_image(image);
    int rc = disk->xDelete(disk, path, 0);
    if (rc != SQLITE_IOERR_DELETE_NOENT) /* db/files.c, which goes past this VFS, has renamed it */
        must_be_ok(rc, "delete", path);
    free(path);
}

/* All names are on disk as they are now. */
static void flush_folder(void)
{
    struct image *next = NULL;

    for (struct image *image = images; image; image = next) {
        next = image->next;
        image->is_name_flushed = true;
        if (image->is_deleted && image->open_count == 0)
            delete_image(image);
    }
}

static int add_image(const char *path, int flags, struct image **out)
{
    int was_there = 0;
    sqlite3_int64 size = 0;

    must_be_ok(disk->xAccess(disk, path, SQLITE_ACCESS_EXISTS, &was_there), "access", path);
    struct image *image = must(calloc(1, sizeof(*image)));
    image->real = must(calloc(1, (size_t)disk->szOsFile));
    image->is_name_flushed = was_there != 0;
    /* SQLite's names carry their URI parameters behind the terminator, which xOpen of the default
     * VFS reads. */
    image->path = sqlite3_create_filename(path, "", "", 0, NULL);
    if (!image->path)
        (void)must(NULL);
    int rc = disk->xOpen(disk, image->path, image->real, flags & ~SQLITE_OPEN_DELETEONCLOSE, NULL);
    if (rc != SQLITE_OK) {
        free_name(image);
        free(image->real);
        free(image);
        return rc;
    }
    must_be_ok(image->real->pMethods->xFileSize(image->real, &size), "size of", path);
    resize(image, size);
    if (size > 0) {
        must_be_ok(image->real->pMethods->xRead(image->real, image->bytes, (int)size, 0), "read",
                   path);
    }
    image->next = images;
    images = image;
    *out = image;
    return SQLITE_OK;
}

/* --- files ----------------------------------------------------------------------------------- */

struct cut_file {
    sqlite3_file base;
    struct image *image;
};

static struct image *image_of(sqlite3_file *file)
{
    return ((struct cut_file *)file)->image;
}

static int file_close(sqlite3_file *file)
{
    image_of(file)->open_count--;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *buffer, int amount, sqlite3_int64 offset)
{
    struct image *image = image_of(file);

    if (is_dead)
        return SQLITE_IOERR_READ;
    int64_t there = image->size > offset ? image->size - offset : 0;
    if (there >= amount) {
        memcpy(buffer, image->bytes + offset, (size_t)amount);
        return SQLITE_OK;
    }
    memset(buffer, 0, (size_t)amount);
    if (there > 0)
        memcpy(buffer, image->bytes + offset, (size_t)there);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *buffer, int amount, sqlite3_int64 offset)
{
    struct image *image = image_of(file);

    if (is_dead)
        return SQLITE_IOERR_WRITE;
    remember(image, false, offset, buffer,
             amount); /* also when the power goes now: it may arrive, whole or torn */
    if (is_power_gone())
        return SQLITE_IOERR_WRITE;
    if (offset + amount > image->size)
        resize(image, offset + amount);
    memcpy(image->bytes + offset, buffer, (size_t)amount);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct image *image = image_of(file);

    if (is_dead)
        return SQLITE_IOERR_TRUNCATE;
    remember(image, true, size, NULL, 0);
    if (is_power_gone())
        return SQLITE_IOERR_TRUNCATE;
    if (size < image->size)
        resize(image, size);
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (is_power_gone())
        return SQLITE_IOERR_FSYNC;
    struct image *image = image_of(file);
    flush(image);
    if (image->is_folder_flush_due) {
        image->is_folder_flush_due = false;
        flush_folder();
    }
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = image_of(file)->size;
    return is_dead ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *is_reserved)
{
    (void)file;
    *is_reserved = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    (void)file;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

/* The promise that SQLite assumes by default on Unix and Windows, and that power_cut_apply keeps: a
 * write damages no byte beside it. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* --- the VFS --------------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct cut_file *self = (struct cut_file *)file;
    int rc = SQLITE_OK;

    (void)vfs;
    self->base.pMethods = NULL;
    if (is_dead || !name) { /* the store promises to make no temporary files */
        return SQLITE_CANTOPEN;
    }
    struct image *image = find(name);
    bool is_log = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    if (!image || image->is_deleted) {
        if ((flags & SQLITE_OPEN_CREATE) != 0 && is_power_gone())
            return SQLITE_CANTOPEN;
    }
    if (!image) {
        rc = add_image(name, flags, &image);
        if (rc == SQLITE_OK)
            image->is_folder_flush_due = is_log && !image->is_name_flushed;
    } else if (image->is_deleted) {
        if ((flags & SQLITE_OPEN_CREATE) == 0)
            return SQLITE_CANTOPEN;
        /* A new file of the old name: on disk the old one is there until the new one is flushed. */
        image->is_deleted = false;
        image->is_folder_flush_due = is_log;
        remember(image, true, 0, NULL, 0);
        resize(image, 0);
    }
    if (rc != SQLITE_OK)
        return rc;
    image->open_count++;
    self->image = image;
    self->base.pMethods = &file_methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    if (is_power_gone())
        return SQLITE_IOERR_DELETE;
    struct image *image = find(name);
    if (!image)
        return disk->xDelete(disk, name, sync_folder);
    if (image->is_deleted)
        return SQLITE_IOERR_DELETE_NOENT;
    image->is_deleted = true;
    if (sync_folder)
        flush_folder();
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    const struct image *image = find(name);

    (void)vfs;
    if (is_dead)
        return SQLITE_IOERR_ACCESS;
    if (!image)
        return disk->xAccess(disk, name, flags, result);
    *result = !image->is_deleted && !(flags == SQLITE_ACCESS_EXISTS && image->size == 0);
    return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    return disk->xFullPathname(disk, name, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return disk->xRandomness(disk, size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return disk->xSleep(disk, microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *now)
{
    (void)vfs;
    return disk->xCurrentTime(disk, now);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return disk->xGetLastError(disk, size, out);
}

bool power_cut_register(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 1,
        .szOsFile = sizeof(struct cut_file),
        .zName = POWER_CUT_VFS_NAME,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
    };
    if (disk)
        return true;
    disk = sqlite3_vfs_find(NULL);
    if (!disk)
        return false;
    vfs.mxPathname = disk->mxPathname;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}

/* --- the cut --------------------------------------------------------------------------------- */

void power_cut_now(void)
{
    is_dead = true;
}

bool power_cut_has_happened(void)
{
    return is_dead;
}

/* splitmix64: any seed, 0 too. */
static bool toss(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((z ^ (z >> 31)) & 1) != 0;
}

static void tear(struct image *image, const struct change *change, uint64_t *seed)
{
    if (change->is_truncate) {
        if (toss(seed))
            truncate_disk(image, change->offset);
        return;
    }
    int done = 0;
    while (done < change->amount) {
        int64_t at = change->offset + done;
        int piece = SECTOR - (int)(at % SECTOR);
        if (piece > change->amount - done)
            piece = change->amount - done;
        if (toss(seed))
            write_disk(image, change->bytes + done, piece, at);
        done += piece;
    }
}

/* True if the file's name is on disk afterwards. */
static bool settle(struct image *image, enum power_cut_mode mode, uint64_t *seed)
{
    switch (mode) {
    case POWER_CUT_DROP:
        return image->is_name_flushed;
    case POWER_CUT_KEEP:
        flush(image);
        return !image->is_deleted;
    case POWER_CUT_TEAR:
        for (const struct change *change = image->first; change; change = change->next)
            tear(image, change, seed);
        if (image->is_deleted)
            return image->is_name_flushed && toss(seed);
        return image->is_name_flushed || toss(seed);
    case POWER_CUT_MODE_COUNT:
        break;
    }
    abort();
}

uint64_t power_cut_apply(enum power_cut_mode mode, uint64_t seed)
{
    uint64_t changes = 0;

    while (images) {
        struct image *image = images;
        assert(image->open_count == 0);
        for (const struct change *change = image->first; change; change = change->next)
            changes++;
        changes += image->is_deleted || !image->is_name_flushed;
        if (!settle(image, mode, &seed)) {
            delete_image(image);
        } else {
            remove_image(image);
        }
    }
    is_dead = false;
    return changes;
}
