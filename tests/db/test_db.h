/* test_db.h - what every test of db/ includes: CMocka with the headers it wants before it, and
 * shorthands. The test starts in a folder of its own, so database names are relative. */
#ifndef TEST_DB_H
#define TEST_DB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue_samples.h"
#include "store_int.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Fails with the words of `err`. */
#define assert_ok(call, err) check_ok((call), &(err), #call, __FILE__, __LINE__)

static inline void check_ok(enum oq_status status, const struct oq_error *err, const char *what,
                            const char *file, int line)
{
    if (status != OQ_OK) {
        print_error("%s: %s: %s\n", what, oq_status_name(status), err->text);
        _fail(file, line);
    }
}

static inline void check_status(enum oq_status status, enum oq_status wanted,
                                const struct oq_error *err, const char *file, int line)
{
    if (status != wanted) {
        print_error("%s instead of %s: %s\n", oq_status_name(status), oq_status_name(wanted),
                    err->text);
        _fail(file, line);
    }
}

/* Another status than `wanted` fails; so does a failure that err does not name, or does not
 * explain. */
#define assert_status(call, wanted, err)                                                           \
    do {                                                                                           \
        oq_error_init(&(err));                                                                     \
        check_status((call), (wanted), &(err), __FILE__, __LINE__);                                \
        if ((wanted) != OQ_OK) {                                                                   \
            assert_int_equal((err).status, (wanted));                                              \
            assert_string_not_equal((err).text, "");                                               \
        }                                                                                          \
    } while (0)

static inline void assert_same_group(const struct oq_group *found, const struct oq_group *wanted)
{
    const char *field = sample_difference(found, wanted);
    if (field)
        fail_msg("group %lld differs in %s", (long long)wanted->id, field);
}

#define DB "store.db"
#define COPY "copy.db"

extern struct oq_error err;

/* Setups for CMocka: *state is the store, open and empty; or NULL for tests that open by
 * themselves. */
int setup(void **state);
int setup_closed(void **state);
int teardown(void **state);

/* Each fails the test when it does not succeed. */
struct oq_store *open_store(const char *path);
void reopen(void **state);
int64_t query_int(struct oq_store *store, const char *sql);
void run_sql(struct oq_store *store, const char *sql);
struct sample_queue load(struct oq_store *store);
/* In a transaction of its own, with its job if it has one. */
void insert(struct oq_store *store, struct oq_group *group);
/* Inserts sample `number`, with a job if it is to have files; returns its id. */
int64_t insert_sample(struct oq_store *store, uint32_t number, uint32_t file_count);
void set_text(char **field, const char *value);
/* Two mirrors, a hash, a size and three pieces. */
struct oq_expectations *sample_expectations(void);
/* The whole queue is `wanted`, ids included, now and after another open. */
void assert_only_group(void **state, const struct oq_group *wanted);

#endif
