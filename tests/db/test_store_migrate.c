/* test_store_migrate.c - the migrations of db/store.c: from schema to schema, in whole steps, and
 * never back. */
#include "test_db.h"

/* Lists of migrations as later versions of the program would have them; the first ones are always
 * ours (list_of puts them in), and their number is OURS. */
#define MOST 64
#define OURS ((int)oq_migration_count)
struct list {
    struct oq_migration migrations[MOST];
    size_t count;
};

static struct list list_of(const char *second, const char *third)
{
    struct list list = {.count = oq_migration_count};
    assert_true(list.count + 2 <= MOST);
    memcpy(list.migrations, oq_migrations, list.count * sizeof list.migrations[0]);
    if (second)
        list.migrations[list.count++] = (struct oq_migration){OURS + 1, "second", second};
    if (third)
        list.migrations[list.count++] = (struct oq_migration){OURS + 2, "third", third};
    return list;
}

static const char add_priority[] =
    "ALTER TABLE groups ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;"
    "CREATE TABLE extra (a INTEGER) STRICT; INSERT INTO extra VALUES (1)";

/* What SQLite's manual prescribes for a change that ALTER TABLE cannot make. */
static const char rebuild_groups[] =
    "CREATE TABLE new_groups AS SELECT * FROM groups; DROP TABLE groups;"
    "CREATE TABLE groups (id INTEGER PRIMARY KEY, guid, owner_sid, state);"
    "INSERT INTO groups SELECT id, guid, owner_sid, state FROM new_groups; DROP TABLE new_groups";

static enum oq_status open_list(const char *path, const struct list *list, struct oq_store **out)
{
    return oq_store_open_with(&(struct oq_store_options){.path = path}, list->migrations,
                              list->count, out, &err);
}

static int64_t wall_time(void *ctx)
{
    return *(const int64_t *)ctx;
}

/* --- the list itself ------------------------------------------------------------------------- */

static void migrations__compiled_in__are_numbered_from_one(void **state)
{
    (void)state;
    assert_true(oq_migration_count >= 1);
    for (size_t i = 0; i < oq_migration_count; i++) {
        assert_int_equal(oq_migrations[i].version, i + 1);
        assert_string_not_equal(oq_migrations[i].name, "");
        assert_true(strstr(oq_migrations[i].sql, "CREATE") ||
                    strstr(oq_migrations[i].sql, "ALTER"));
    }
    assert_int_equal(oq_store_schema_version(), oq_migration_count);
}

static void migration__applied__is_recorded_with_its_time(void **state)
{
    int64_t now = 1700000000123;
    const struct oq_clock clock = {.mono_ms = wall_time, .wall_ms = wall_time, .ctx = &now};
    struct oq_store *store = NULL;

    (void)state;
    struct oq_store_options options = {.path = DB, .clock = &clock};
    assert_ok(oq_store_open(&options, &store, &err), err);
    oq_store_close(store);
    now++;
    assert_ok(oq_store_open(&options, &store, &err), err); /* nothing to do: nothing recorded */
    assert_int_equal(query_int(store, "SELECT count(*) FROM schema_migrations"),
                     oq_store_schema_version());
    assert_int_equal(query_int(store, "SELECT version = 1 AND name = 'initial' AND applied_at_ms ="
                                      " 1700000000123 FROM schema_migrations"
                                      " ORDER BY version"),
                     1);
    oq_store_close(store);
}

/* --- upgrades -------------------------------------------------------------------------------- */

static void migration__older_database__is_upgraded_and_keeps_its_rows(void **state)
{
    const struct list list = list_of(add_priority, "UPDATE groups SET priority = priority + 1");
    struct oq_group wanted;

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    for (int round = 0; round < 2; round++) { /* the second open has nothing to do */
        struct oq_store *store = NULL;
        assert_ok(open_list(DB, &list, &store), err);
        *state = store;
        assert_int_equal(query_int(store, "PRAGMA user_version"), OURS + 2);
        assert_int_equal(query_int(store, "SELECT count(*) FROM schema_migrations"), OURS + 2);
        assert_int_equal(query_int(store, "SELECT priority FROM groups"), 4);
        assert_int_equal(query_int(store, "PRAGMA foreign_keys"), 1);
        struct sample_queue queue = load(store);
        assert_int_equal(queue.count, 1);
        sample_group(&wanted, 1);
        sample_job(&wanted, 1, 3);
        assert_same_group(&queue.groups[0], &wanted);
        oq_group_release(&wanted);
        sample_queue_release(&queue);
        oq_store_close(store);
        *state = NULL;
    }
}

/* With foreign keys on, dropping the old table would take every job and file with it. */
static void migration__rebuilds_a_table__keeps_the_rows_that_refer_to_it(void **state)
{
    const struct list list = list_of(rebuild_groups, NULL);
    struct oq_store *store = NULL;

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    /* The statements of the store do not fit the rebuilt table, so the open fails after the
     * migration; that is not what is looked at. */
    (void)open_list(DB, &list, &store);
    oq_store_close(store);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(DB, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT (SELECT user_version FROM pragma_user_version),"
                           " (SELECT count(*) FROM groups JOIN jobs ON"
                           "  jobs.group_id = groups.id JOIN files ON job_id = jobs.id)",
                           -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), OURS + 1);
    assert_int_equal(sqlite3_column_int(stmt, 1), 3);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* Opening DB by `list` fails with `wanted`; afterwards it has schema `version` and sample 1, whole.
 */
static void assert_stays_at(void **state, const struct list *list, enum oq_status wanted,
                            int version)
{
    struct oq_store *store = (struct oq_store *)&err;
    struct list old = *list;
    struct oq_group group;

    assert_status(open_list(DB, list, &store), wanted, err);
    assert_ptr_equal(store, &err);
    old.count = (size_t)version;
    store = NULL;
    assert_ok(open_list(DB, &old, &store), err);
    *state = store;
    assert_int_equal(query_int(store, "PRAGMA user_version"), version);
    assert_int_equal(query_int(store, "SELECT count(*) FROM schema_migrations"), version);
    assert_int_equal(query_int(store, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'half%'"),
                     0);
    struct sample_queue queue = load(store);
    assert_int_equal(queue.count, 1);
    sample_group(&group, 1);
    sample_job(&group, 1, 3);
    assert_same_group(&queue.groups[0], &group);
    oq_group_release(&group);
    sample_queue_release(&queue);
}

static void migration__fails_in_the_middle__leaves_the_schema_before_it(void **state)
{
    const struct list list = list_of(
        add_priority, "CREATE TABLE half (a); DELETE FROM groups; INSERT INTO nowhere VALUES (1)");

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    assert_stays_at(state, &list, OQ_E_DB, OURS + 1); /* the one before has come to stay */
    assert_non_null(strstr(err.text, "third"));
    assert_non_null(strstr(err.text, "nowhere"));
}

static void migration__leaves_rows_that_refer_to_nothing__is_undone(void **state)
{
    const struct list list = list_of("CREATE TABLE half (a); DELETE FROM jobs", NULL);

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    assert_stays_at(state, &list, OQ_E_DB_DAMAGED, OURS);
}

static void migration__ends_its_transaction__is_a_bug(void **state)
{
    const struct list list = list_of("CREATE TABLE extra (a); COMMIT", NULL);
    struct oq_store *store = (struct oq_store *)&err;

    oq_store_close(*state);
    *state = NULL;
    assert_status(open_list(DB, &list, &store), OQ_E_BUG, err);
    assert_ptr_equal(store, &err);
}

/* --- a newer database ------------------------------------------------------------------------ */

struct bytes {
    unsigned char *db, *wal, *journal;
    size_t db_size, wal_size, journal_size;
};

static struct bytes bytes_of(void)
{
    struct bytes bytes;
    bytes.db = sample_file_read(COPY, &bytes.db_size);
    bytes.wal = sample_file_read(COPY "-wal", &bytes.wal_size);
    bytes.journal = sample_file_read(COPY "-journal", &bytes.journal_size);
    return bytes;
}

static void assert_same_bytes(const unsigned char *a, size_t a_size, const unsigned char *b,
                              size_t b_size)
{
    assert_int_equal(!a, !b);
    assert_int_equal(a_size, b_size);
    if (a_size > 0)
        assert_memory_equal(a, b, a_size);
}

/* Opening COPY by this program's list is refused, and no byte of it nor beside it changes. */
static void assert_newer_untouched(void)
{
    struct oq_store *store = (struct oq_store *)&err;

    struct bytes before = bytes_of();
    assert_status(oq_store_open(&(struct oq_store_options){.path = COPY}, &store, &err),
                  OQ_E_DB_NEWER, err);
    assert_ptr_equal(store, &err);
    struct bytes after = bytes_of();
    assert_same_bytes(before.db, before.db_size, after.db, after.db_size);
    assert_same_bytes(before.wal, before.wal_size, after.wal, after.wal_size);
    assert_same_bytes(before.journal, before.journal_size, after.journal, after.journal_size);
    assert_false(sample_file_exists(COPY "-shm"));
    free(before.db);
    free(before.wal);
    free(before.journal);
    free(after.db);
    free(after.wal);
    free(after.journal);
}

static uint32_t version_in_header(const char *path)
{
    size_t size = 0;
    unsigned char *bytes = sample_file_read(path, &size);
    assert_true(size >= 100);
    uint32_t version = (uint32_t)bytes[60] << 24 | (uint32_t)bytes[61] << 16 |
                       (uint32_t)bytes[62] << 8 | (uint32_t)bytes[63];
    free(bytes);
    return version;
}

static void newer_database__closed__is_refused_untouched(void **state)
{
    const struct list list = list_of(add_priority, NULL);
    struct oq_store *store = NULL;

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    assert_ok(open_list(DB, &list, &store), err);
    oq_store_close(store);
    sample_database_copy(DB, COPY);
    assert_false(sample_file_exists(COPY "-wal"));
    assert_newer_untouched();
    assert_false(sample_file_exists(COPY "-wal"));
}

/* The newer program was killed: its header is on disk, and more in the log. */
static void newer_database__with_a_log__is_refused_untouched(void **state)
{
    const struct list list = list_of(add_priority, NULL);
    struct oq_store *store = NULL;

    oq_store_close(*state);
    *state = NULL;
    assert_ok(open_list(DB, &list, &store), err);
    oq_store_close(store);
    assert_ok(open_list(DB, &list, &store), err);
    *state = store;
    insert_sample(store, 1, 3);
    sample_database_copy(DB, COPY);
    assert_int_equal(version_in_header(COPY), OURS + 1);
    assert_true(sample_file_exists(COPY "-wal"));
    assert_newer_untouched();
}

/* Killed right after the upgrade: the header on disk is still the old one, the log says otherwise.
 */
static void newer_database__only_in_its_log__is_refused_untouched(void **state)
{
    const struct list list = list_of(add_priority, NULL);
    struct oq_store *store = NULL;

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    assert_ok(open_list(DB, &list, &store), err);
    *state = store;
    sample_database_copy(DB, COPY);
    assert_int_equal(version_in_header(COPY), OURS);
    assert_true(sample_file_exists(COPY "-wal"));
    assert_newer_untouched();

    struct oq_store *newer = NULL; /* and the program that made it can go on */
    assert_ok(open_list(COPY, &list, &newer), err);
    assert_int_equal(query_int(newer, "PRAGMA user_version"), OURS + 1);
    oq_store_close(newer);
}

/* A newer program that uses a rollback journal was killed in a transaction: SQLite would roll it
 * back at the first read, but that is for the newer program to do. */
static void newer_database__with_a_hot_journal__is_refused_untouched(void **state)
{
    const struct list list = list_of(add_priority, NULL);
    struct oq_store *store = NULL;
    sqlite3 *db = NULL;

    insert_sample(*state, 1, 3);
    oq_store_close(*state);
    *state = NULL;
    assert_ok(open_list(DB, &list, &store), err);
    oq_store_close(store);
    assert_int_equal(sqlite3_open(DB, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN;"
                                  "UPDATE files SET remote = hex(randomblob(20000));"
                                  "UPDATE files SET local = hex(randomblob(20000))",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sample_database_copy(DB, COPY);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(sample_file_exists(COPY "-journal"));
    assert_newer_untouched();
}

/* --- docs/database.md ------------------------------------------------------------------------ */

/* Text of the page, or NULL where the sources are not at hand. */
static char *page_text(void)
{
    const char *source = getenv("OQ_SOURCE_DIR");
    char path[1000];
    size_t size = 0;

    if (!source)
        return NULL;
    snprintf(path, sizeof(path), "%s/docs/database.md", source);
    char *text = (char *)sample_file_read(path, &size);
    if (text)
        text[size] = '\0';
    return text;
}

/* Is there a line "| `column` |" in the section of the table, "## `table`"? */
static bool is_documented(const char *page, const char *table, const char *column)
{
    char heading[100];
    char row[100];

    snprintf(heading, sizeof(heading), "\n## `%s`", table);
    snprintf(row, sizeof(row), "\n| `%s` |", column);
    const char *section = strstr(page, heading);
    if (!section)
        return false;
    const char *end = strstr(section + 1, "\n## ");
    const char *found = strstr(section, row);
    return found && (!end || found < end);
}

static size_t count_of(const char *page, const char *what)
{
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, what)); at++)
        count++;
    return count;
}

static void page__tables_and_columns__are_those_of_the_schema(void **state)
{
    struct oq_store *store = *state;
    sqlite3_stmt *stmt = NULL;
    size_t columns = 0;

    char *page = page_text();
    if (!page) {
        print_message("skipped: OQ_SOURCE_DIR does not lead to docs/database.md\n");
        skip();
    }
    assert_int_equal(sqlite3_prepare_v2(store->db,
                                        "SELECT t.name, c.name FROM pragma_table_list AS t"
                                        " JOIN pragma_table_info(t.name) AS c"
                                        " WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite!_%'"
                                        " ESCAPE '!'",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(stmt, 0);
        const char *column = (const char *)sqlite3_column_text(stmt, 1);
        columns++;
        if (!is_documented(page, table, column))
            fail_msg("docs/database.md does not describe %s.%s", table, column);
    }
    sqlite3_finalize(stmt);
    assert_true(columns > 30);
    /* And nothing that is not there. */
    assert_int_equal(count_of(page, "\n| `"), columns);
    assert_int_equal(count_of(page, "\n## `"),
                     query_int(store, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main'"
                                      " AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"));
    free(page);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define T_CLOSED(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations__compiled_in__are_numbered_from_one),
        T_CLOSED(migration__applied__is_recorded_with_its_time),
        T(migration__older_database__is_upgraded_and_keeps_its_rows),
        T(migration__rebuilds_a_table__keeps_the_rows_that_refer_to_it),
        T(migration__fails_in_the_middle__leaves_the_schema_before_it),
        T(migration__leaves_rows_that_refer_to_nothing__is_undone),
        T(migration__ends_its_transaction__is_a_bug),
        T(newer_database__closed__is_refused_untouched),
        T(newer_database__with_a_log__is_refused_untouched),
        T(newer_database__only_in_its_log__is_refused_untouched),
        T(newer_database__with_a_hot_journal__is_refused_untouched),
        T(page__tables_and_columns__are_those_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
