/* store_scenario.c - a short life of a queue in whole transactions, to be disturbed at any point.
 */
#include "store_scenario.h"

#include "oq_log.h"

#define FILES_OF_THE_BIG_GROUP 24

/* The groups as the transactions write them. `changed` is `first` later in its life. */
static struct oq_group first, changed, big, again;

static void set_text(char **field, const char *value)
{
    assert_int_equal(oq_text_set(field, value), OQ_OK);
}

/* Faults are logged where they are handled; here they are what is wanted. */
static void drop_line(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

int scenario_setup(void **state)
{
    char text[901];

    (void)state;
    oq_log_set_sink(drop_line, NULL);
    sample_group(&first, 1);
    sample_job(&first, 1, 3);
    sample_copy(&changed, &first);
    changed.state = OQ_GROUP_ACTIVE;
    changed.retries = 3;
    set_text(&changed.display_name, "changed");
    changed.job.files[1].size_bytes = 1000000;
    changed.job.files[1].done_bytes = 500000;
    set_text(&changed.job.files[1].temp_path, "C:\\Users\\OQ1.tmp");
    set_text(&changed.job.files[1].etag, "\"tag\"");
    sample_group(&big, 2);
    sample_job(&big, 2, FILES_OF_THE_BIG_GROUP);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (uint32_t i = 0; i < FILES_OF_THE_BIG_GROUP; i++)
        set_text(&big.job.files[i].remote, text);
    sample_group(&again, 1); /* the identifiers of the first one, which is gone by then */
    sample_job(&again, 1, 1);
    set_text(&again.display_name, "again");
    return 0;
}

int scenario_teardown(void **state)
{
    (void)state;
    oq_group_release(&first);
    oq_group_release(&changed);
    oq_group_release(&big);
    oq_group_release(&again);
    sample_database_remove(SCENARIO_DB);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

/* --- the transactions ------------------------------------------------------------------------ */

static enum oq_status insert(struct oq_store *store, struct oq_group *group, struct oq_error *err)
{
    enum oq_status status = oq_store_insert_group(store, group, err);
    return status == OQ_OK ? oq_store_insert_job(store, group, err) : status;
}

static enum oq_status change(struct oq_store *store, struct oq_error *err)
{
    enum oq_status status = oq_store_update_group(store, &changed, err);
    return status == OQ_OK ? oq_store_update_file(store, changed.job.id, &changed.job.files[1], err)
                           : status;
}

static enum oq_status replace(struct oq_store *store, struct oq_error *err)
{
    enum oq_status status = oq_store_delete_group(store, changed.id, err);
    return status == OQ_OK ? insert(store, &again, err) : status;
}

static enum oq_status write_step(struct oq_store *store, size_t step, struct oq_error *err)
{
    enum oq_status status = OQ_E_BUG;

    switch (step) {
    case 0:
        status = insert(store, &first, err);
        changed.id = first.id;
        changed.job.id = first.job.id;
        break;
    case 1:
        status = change(store, err);
        break;
    case 2:
        status = insert(store, &big, err);
        break;
    case 3:
        status = replace(store, err);
        break;
    case 4:
        status = oq_store_delete_group(store, big.id, err);
        break;
    default:
        break;
    }
    return status;
}

enum oq_status scenario_step(struct oq_store *store, struct scenario_ledger *ledger,
                             struct oq_error *err)
{
    enum oq_status status = oq_store_begin(store, err);
    if (status == OQ_OK)
        status = write_step(store, ledger->acknowledged, err);
    if (status == OQ_OK) {
        status = oq_store_commit(store, err);
        ledger->is_doubtful = status != OQ_OK;
    }
    if (status == OQ_OK)
        ledger->acknowledged++;
    else
        oq_store_rollback(store);
    return status;
}

enum oq_status scenario_open(const char *vfs, struct oq_store **out, struct oq_error *err)
{
    struct oq_store *store = NULL;

    enum oq_status status =
        oq_store_open(&(struct oq_store_options){.path = SCENARIO_DB, .vfs = vfs}, &store, err);
    if (status == OQ_OK) {
        /* Pages leave the cache within a transaction, and a checkpoint follows most of them. */
        (void)sqlite3_wal_autocheckpoint(store->db, 8);
        status = oq_store_exec(store, "PRAGMA cache_size = 6", "scenario", err);
    }
    if (status == OQ_OK)
        *out = store;
    else
        oq_store_close(store);
    return status;
}

/* --- looking --------------------------------------------------------------------------------- */

const char *scenario_difference(const struct sample_queue *queue, size_t steps)
{
    static const struct oq_group *const wanted[SCENARIO_STEPS + 1][2] = {
        {NULL, NULL},     {&first, NULL}, {&changed, NULL},
        {&changed, &big}, {&big, &again}, {&again, NULL},
    };
    size_t count = 0;

    while (count < 2 && wanted[steps][count])
        count++;
    if (queue->count != count)
        return "number of groups";
    for (size_t i = 0; i < count; i++) {
        const char *field = sample_difference(&queue->groups[i], wanted[steps][i]);
        if (field)
            return field;
    }
    return NULL;
}

void scenario_check(struct oq_store *store, const struct scenario_ledger *ledger)
{
    struct sample_queue queue = {0};
    struct oq_error err;

    oq_error_init(&err);
    enum oq_status status = oq_store_load(store, sample_queue_take, &queue, &err);
    if (status != OQ_OK)
        fail_msg("load: %s: %s", oq_status_name(status), err.text);
    const char *field = scenario_difference(&queue, ledger->acknowledged);
    sample_queue_release(&queue);
    if (field)
        fail_msg("after %zu transactions: %s", ledger->acknowledged, field);
}

void scenario_check_file(const char *vfs, struct scenario_ledger *ledger)
{
    struct oq_store *store = NULL;
    struct sample_queue queue = {0};
    struct oq_error err;
    sqlite3_stmt *stmt = NULL;

    oq_error_init(&err);
    enum oq_status status = scenario_open(vfs, &store, &err);
    if (!store) {
        fail_msg("reopen: %s: %s", oq_status_name(status), err.text);
        return;
    }
    assert_int_equal(sqlite3_prepare_v2(store->db, "PRAGMA integrity_check", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    status = oq_store_load(store, sample_queue_take, &queue, &err);
    if (status != OQ_OK)
        fail_msg("load after reopen: %s: %s", oq_status_name(status), err.text);
    const char *field = scenario_difference(&queue, ledger->acknowledged);
    if (field && ledger->is_doubtful) {
        field = scenario_difference(&queue, ledger->acknowledged + 1);
        ledger->acknowledged += !field;
    }
    ledger->is_doubtful = false;
    sample_queue_release(&queue);
    oq_store_close(store);
    if (field)
        fail_msg("reopened after %zu transactions: %s", ledger->acknowledged, field);
}
