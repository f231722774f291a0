/* queue_samples.c - groups to put into a queue, ways to compare them, and the database file as
 * bytes. */
#include "queue_samples.h"

#include "oq_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

OQ_PRINTF(1, 2) static char *text_of(const char *fmt, ...)
{
    char buffer[300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(buffer, sizeof(buffer), fmt, args);
    va_end(args);
    char *text = oq_strdup(buffer);
    assert_non_null(text);
    return text;
}

void sample_group(struct oq_group *group, uint32_t number)
{
    *group = (struct oq_group){0};
    group->guid = (struct oq_guid){number, 0x1234, 0xabcd, {0, 1, 2, 3, 4, 5, 6, 0xff}};
    group->owner_sid = text_of("S-1-5-21-%u", (unsigned)number);
    group->state = OQ_GROUP_SUSPENDED;
    group->display_name = text_of("Gr\xc3\xbc\xc3\x9f"
                                  "e \xf0\x9f\x93\xa6 %u",
                                  (unsigned)number);
    group->description = text_of("%s", "");
    group->notify_clsid = text_of("%s", "");
    group->owner_rights =
        (struct oq_rights){number % 2, 0x2000 + number, UINT64_C(0x8000000000000000) + number};
    group->error.file_index = OQ_NO_FILE;
    group->created_at_ms = 1700000000000 + number;
    group->changed_at_ms = 1700000001000 + number;
    assert_null(oq_group_check(group));
}

void sample_job(struct oq_group *group, uint32_t number, uint32_t file_count)
{
    group->job.guid = (struct oq_guid){number, 0x4321, 0xdcba, {9, 8, 7, 6, 5, 4, 3, 2}};
    for (uint32_t i = 0; i < file_count; i++) {
        struct oq_file *file = oq_job_add_file(&group->job);
        assert_non_null(file);
        file->state = OQ_FILE_WAITING;
        file->size_bytes = OQ_SIZE_UNKNOWN;
        file->user_sid = text_of("S-1-5-21-%u-%u", (unsigned)number, (unsigned)i);
        file->user_rights = (struct oq_rights){i % 2, 0x3000 + i, UINT64_MAX - i};
        file->remote = text_of("https://example.com/a/folder/of/normal/length/%u",
                               (unsigned)(number * 1000 + i));
        file->local =
            text_of("C:\\Users\\\xc3\x84nne\\Downloads\\%u.bin", (unsigned)(number * 1000 + i));
    }
}

static char *copy_text(const char *text)
{
    char *copy = oq_strdup(text);
    assert_true(copy || !text);
    return copy;
}

void sample_copy(struct oq_group *copy, const struct oq_group *group)
{
    *copy = *group;
    copy->owner_sid = copy_text(group->owner_sid);
    copy->display_name = copy_text(group->display_name);
    copy->description = copy_text(group->description);
    copy->notify_clsid = copy_text(group->notify_clsid);
    copy->error.text = copy_text(group->error.text);
    copy->job.files = NULL;
    copy->job.file_count = 0;
    copy->job.file_capacity = 0;
    for (uint32_t i = 0; i < group->job.file_count; i++) {
        const struct oq_file *from = &group->job.files[i];
        struct oq_file *to = oq_job_add_file(&copy->job);
        assert_non_null(to);
        *to = *from;
        to->remote = copy_text(from->remote);
        to->local = copy_text(from->local);
        to->temp_path = copy_text(from->temp_path);
        to->etag = copy_text(from->etag);
        to->last_modified = copy_text(from->last_modified);
        to->digest = copy_text(from->digest);
        to->expectations = from->expectations ? oq_expectations_copy(from->expectations) : NULL;
        assert_true(to->expectations || !from->expectations);
        to->temp_id = copy_text(from->temp_id);
        to->user_sid = copy_text(from->user_sid);
    }
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

#define COMPARE(field)                                                                             \
    if (a->field != b->field)                                                                      \
    return #field
#define COMPARE_TEXT(field)                                                                        \
    if (!is_same_text(a->field, b->field))                                                         \
    return #field

static const char *expectations_difference(const struct oq_expectations *a,
                                           const struct oq_expectations *b)
{
    if (!a || !b)
        return a == b ? NULL : "expectations";
    COMPARE(mirror_count);
    for (uint32_t i = 0; i < a->mirror_count; i++)
        COMPARE_TEXT(mirrors[i]);
    COMPARE(has_sha256);
    if (a->has_sha256 && memcmp(a->sha256, b->sha256, sizeof a->sha256) != 0)
        return "sha256";
    COMPARE(size_bytes);
    COMPARE(pieces.kind);
    COMPARE(pieces.piece_bytes);
    COMPARE(pieces.count);
    if (a->pieces.count > 0 && memcmp(a->pieces.hashes, b->pieces.hashes,
                                      a->pieces.count * oq_hash_size(a->pieces.kind)) != 0)
        return "pieces.hashes";
    return NULL;
}

static const char *file_difference(const struct oq_file *a, const struct oq_file *b)
{
    COMPARE(index);
    COMPARE(state);
    COMPARE_TEXT(remote);
    COMPARE_TEXT(local);
    COMPARE_TEXT(temp_path);
    COMPARE(size_bytes);
    COMPARE(done_bytes);
    COMPARE_TEXT(etag);
    COMPARE_TEXT(last_modified);
    COMPARE_TEXT(digest);
    COMPARE(source);
    COMPARE(bad_sources);
    COMPARE(mismatches);
    COMPARE_TEXT(temp_id);
    COMPARE_TEXT(user_sid);
    COMPARE(user_rights.is_admin);
    COMPARE(user_rights.integrity);
    COMPARE(user_rights.marks);
    return expectations_difference(a->expectations, b->expectations);
}

const char *sample_difference(const struct oq_group *a, const struct oq_group *b)
{
    static char text[80];

    if (!oq_guid_is_equal(&a->guid, &b->guid))
        return "guid";
    COMPARE_TEXT(owner_sid);
    COMPARE(owner_rights.is_admin);
    COMPARE(owner_rights.integrity);
    COMPARE(owner_rights.marks);
    COMPARE(state);
    COMPARE(is_foreground);
    COMPARE_TEXT(display_name);
    COMPARE_TEXT(description);
    COMPARE(notify_flags);
    COMPARE_TEXT(notify_clsid);
    COMPARE(event);
    COMPARE(error.code);
    COMPARE(error.win32);
    COMPARE(error.http);
    COMPARE(error.file_index);
    COMPARE_TEXT(error.text);
    COMPARE(retries);
    COMPARE(created_at_ms);
    COMPARE(changed_at_ms);
    COMPARE(no_progress_since_ms);
    if (!oq_guid_is_equal(&a->job.guid, &b->job.guid))
        return "job.guid";
    COMPARE(job.file_count);
    for (uint32_t i = 0; i < a->job.file_count; i++) {
        const char *field = file_difference(&a->job.files[i], &b->job.files[i]);
        if (field) {
            snprintf(text, sizeof(text), "files[%u].%s", (unsigned)i, field);
            return text;
        }
    }
    return NULL;
}

/* Plain realloc: a load that is made to fail must not be confused by its taker. */
enum oq_status sample_queue_take(void *ctx, struct oq_group *group)
{
    struct sample_queue *queue = ctx;
    struct oq_group *groups = realloc(queue->groups, (queue->count + 1) * sizeof(*groups));
    assert_non_null(groups);
    queue->groups = groups;
    queue->groups[queue->count++] = *group;
    return OQ_OK;
}

void sample_queue_release(struct sample_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        oq_group_release(&queue->groups[i]);
    free(queue->groups);
    *queue = (struct sample_queue){0};
}

/* --- files ----------------------------------------------------------------------------------- */

unsigned char *sample_file_read(const char *path, size_t *size)
{
    unsigned char *bytes = NULL;
    FILE *file = fopen(path, "rb");

    *size = 0;
    if (!file)
        return NULL;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    bytes = malloc((size_t)length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

void sample_file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void sample_file_copy(const char *from, const char *to)
{
    size_t size = 0;
    unsigned char *bytes = sample_file_read(from, &size);

    (void)remove(to);
    if (bytes)
        sample_file_write(to, bytes, size);
    free(bytes);
}

bool sample_file_exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

static const char *const suffixes[] = {"", "-wal", "-journal", "-shm"};

void sample_database_remove(const char *path)
{
    char name[300];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)remove(name);
        assert_false(sample_file_exists(name));
    }
}

void sample_database_copy(const char *from, const char *to)
{
    char from_name[300];
    char to_name[300];

    sample_database_remove(to);
    for (size_t i = 0; i < 3; i++) { /* not -shm, which lives in memory */
        snprintf(from_name, sizeof(from_name), "%s%s", from, suffixes[i]);
        snprintf(to_name, sizeof(to_name), "%s%s", to, suffixes[i]);
        sample_file_copy(from_name, to_name);
    }
}
