/* oq_files.h - port: files as a user.
 *
 * Every function that takes `as` does its work with that user's rights and with nothing more. Paths
 * are UTF-8, as in the model. service/win implements it with impersonation and by-handle
 * operations; tests/support has a POSIX one. Each call may block (slow disk, network share): the
 * engine thread uses only write; open, identify, reserve, flush, finish and remove run on the disk
 * worker;
 * check_folder on the caller's thread.
 *
 * Errors of all: OQ_E_ACCESS_DENIED, OQ_E_FILE_MISSING (file or folder gone), OQ_E_FILE_LOCKED
 * (sharing violation), OQ_E_DISK_FULL, OQ_E_IO (anything else), OQ_E_NOMEM; err->win32 is set on
 * all but the last. Links are never followed in the last path segment: a reparse point there is
 * OQ_E_ACCESS_DENIED (CWE-59, CVE-2020-0787).
 */
#ifndef OQ_FILES_H
#define OQ_FILES_H

#include "oq_identity.h"

struct oq_fhandle; /* an open temporary file */

enum oq_open_mode {
    OQ_OPEN_CREATE, /* must not exist (else OQ_E_EXISTS); hidden; read and write; others may read */
    OQ_OPEN_EXISTING, /* must exist (else OQ_E_FILE_MISSING), under this name only (else
                         OQ_E_ACCESS_DENIED): it is going to be cut and written */
};

/* Names a file on this machine for as long as it exists, through every rename: volume and number in
 * it. Opaque text; "" where the file system has nothing that lasts (FAT numbers follow the name).
 */
#define OQ_FILE_ID_TEXT 64

struct oq_file_facts {
    bool exists;
    bool is_regular; /* not a folder, not a link */
    char id[OQ_FILE_ID_TEXT];
    uint64_t size_bytes;
    int64_t modified_at_ms; /* wall clock */
};

struct oq_file_port {
    void *ctx;
    enum oq_status (*open)(void *ctx, struct oq_identity *as, const char *temp_path,
                           enum oq_open_mode mode, struct oq_fhandle **out, uint64_t *size_bytes,
                           struct oq_error *err);
    /* All of data at offset, or an error. */
    enum oq_status (*write)(void *ctx, struct oq_fhandle *file, uint64_t offset, const void *data,
                            size_t length, struct oq_error *err);
    /* Exactly `length` bytes at offset, or OQ_E_IO at the end of the file. */
    enum oq_status (*read)(void *ctx, struct oq_fhandle *file, uint64_t offset, void *data,
                           size_t length, struct oq_error *err);
    /* Cuts or extends. */
    enum oq_status (*set_size)(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                               struct oq_error *err);
    /* Asks the file system to keep room for the file up to size_bytes, which is not below its size;
     * the size stays. OQ_E_NOT_SUPPORTED where there is no such thing. */
    enum oq_status (*reserve)(void *ctx, struct oq_fhandle *file, uint64_t size_bytes,
                              struct oq_error *err);
    /* Returns when the bytes are on stable storage (FlushFileBuffers, fsync). */
    enum oq_status (*flush)(void *ctx, struct oq_fhandle *file, struct oq_error *err);
    /* The same id that stat gives for its path. Nothing known is "". */
    void (*identify)(void *ctx, struct oq_fhandle *file, char id[OQ_FILE_ID_TEXT]);
    void (*close)(void *ctx, struct oq_fhandle *file); /* NULL is allowed */

    /* Gives the temporary file its final name: sets times if modified_at_ms >= 0 (creation =
     * modification, contract A.3), clears the hidden attribute, renames over an existing target on
     * the same volume, flushes the folder where the system can. Repeating it after it has succeeded
     * gives OQ_E_FILE_MISSING, and so does another file than `id` (NULL = not known) in its place,
     * since others may write to the folder: that one is left alone. */
    enum oq_status (*finish)(void *ctx, struct oq_identity *as, const char *temp_path,
                             const char *id, const char *final_path, int64_t modified_at_ms,
                             struct oq_error *err);
    /* Removes a temporary file. Success if it is not there, or another one than `id`. */
    enum oq_status (*remove)(void *ctx, struct oq_identity *as, const char *temp_path,
                             const char *id, struct oq_error *err);
    /* Facts about a path; not existing is a fact, not an error. */
    enum oq_status (*stat)(void *ctx, struct oq_identity *as, const char *path,
                           struct oq_file_facts *out, struct oq_error *err);
    /* May this user create files in the folder of final_path? OQ_E_FILE_MISSING if the folder is
     * not there, OQ_E_ACCESS_DENIED. Leaves nothing behind. */
    enum oq_status (*check_folder)(void *ctx, struct oq_identity *as, const char *final_path,
                                   struct oq_error *err);
    /* Bytes this user may still write to the volume of that path. */
    enum oq_status (*free_space)(void *ctx, struct oq_identity *as, const char *path,
                                 uint64_t *bytes, struct oq_error *err);
};

#endif
