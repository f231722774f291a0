/* queue_samples.h - groups to put into a queue, ways to compare them, and the database file as
 * bytes. For CMocka tests: what cannot be made fails the test. Make samples before a failing
 * allocation is armed (oq_fault.h); sample_queue_take may run while one is.
 */
#ifndef QUEUE_SAMPLES_H
#define QUEUE_SAMPLES_H

#include "oq_model.h"

/* A SUSPENDED group without job that keeps the promises of oq_states.def; GUIDs and texts follow
 * `number` (> 0). The caller releases it with oq_group_release. */
void sample_group(struct oq_group *group, uint32_t number);
/* Gives it a job of `file_count` WAITING files of unknown size; job.id is 0 until inserted. */
void sample_job(struct oq_group *group, uint32_t number, uint32_t file_count);
/* A deep copy. */
void sample_copy(struct oq_group *copy, const struct oq_group *group);

/* The first field in which they differ, e.g. "files[2].etag"; NULL if they are equal. Ids are not
 * compared. */
const char *sample_difference(const struct oq_group *a, const struct oq_group *b);

/* A whole queue as loaded. Start with {0}. */
struct sample_queue {
    struct oq_group *groups;
    size_t count;
};

/* The `take` of oq_store_load; ctx is a struct sample_queue. */
enum oq_status sample_queue_take(void *ctx, struct oq_group *group);
void sample_queue_release(struct sample_queue *queue);

/* The bytes of a file; NULL and size 0 if there is none. Free with free(). */
unsigned char *sample_file_read(const char *path, size_t *size);
void sample_file_write(const char *path, const void *bytes, size_t size);
/* `to` becomes a copy of `from`, or vanishes if that does not exist. */
void sample_file_copy(const char *from, const char *to);
bool sample_file_exists(const char *path);
/* Removes a database with its -wal, -shm and -journal. */
void sample_database_remove(const char *path);
/* Copies a database with its -wal and -journal as they are now: what another process, or the next
 * one, would find. */
void sample_database_copy(const char *from, const char *to);

#endif
