/* migrate.c - brings an older schema up to date, one transaction per step. */
#include "store_int.h"

#include "oq_log.h"

/* Values that SQL text cannot take as parameters (PRAGMA) or that come once: numbers and our own
 * names only. */
static enum oq_status record(struct oq_store *store, const struct oq_migration *migration,
                             struct oq_error *err)
{
    char sql[400];

    sqlite3_snprintf(
        (int)sizeof(sql), sql,
        "INSERT INTO schema_migrations (version, name, applied_at_ms) VALUES (%d, %Q, %lld);"
        "PRAGMA application_id = %d;"
        "PRAGMA user_version = %d",
        migration->version, migration->name, (long long)oq_clock_wall_ms(store->clock),
        OQ_STORE_APPLICATION_ID, migration->version);
    return oq_store_exec(store, sql, "record the schema change", err);
}

static enum oq_status apply(struct oq_store *store, const struct oq_migration *migration,
                            struct oq_error *err)
{
    int64_t broken = 0;

    enum oq_status status = oq_store_exec(store, "BEGIN IMMEDIATE", "begin a schema change", err);
    if (status != OQ_OK)
        return status;
    status = oq_store_exec(store, migration->sql, migration->name, err);
    if (status == OQ_OK && sqlite3_get_autocommit(store->db)) {
        status = oq_error_set(err, OQ_E_BUG, "schema change %d ended its own transaction",
                              migration->version);
    }
    if (status == OQ_OK) {
        status = oq_store_query_int(store, "SELECT count(*) FROM pragma_foreign_key_check",
                                    "check the references", &broken, err);
    }
    if (status == OQ_OK && broken > 0) {
        status = oq_error_set(err, OQ_E_DB_DAMAGED,
                              "schema change %d found %lld rows that refer to nothing",
                              migration->version, (long long)broken);
    }
    if (status == OQ_OK)
        status = record(store, migration, err);
    if (status == OQ_OK)
        status = oq_store_exec(store, "COMMIT", "commit the schema change", err);
    if (status != OQ_OK && !sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

enum oq_status oq_store_migrate(struct oq_store *store, const struct oq_migration *migrations,
                                size_t count, struct oq_error *err)
{
    int64_t version = 0;
    int64_t are_keys_on = 0;

    enum oq_status status =
        oq_store_query_int(store, "PRAGMA user_version", "read the schema number", &version, err);
    /* A table that others refer to can only be rebuilt with foreign keys off, and they can only be
     * switched outside of a transaction (https://www.sqlite.org/lang_altertable.html, section 7).
     */
    if (status == OQ_OK)
        status = oq_store_exec(store, "PRAGMA foreign_keys = OFF", "configure the database", err);
    for (size_t i = 0; status == OQ_OK && i < count; i++) {
        if (migrations[i].version > version) {
            status = apply(store, &migrations[i], err);
            if (status == OQ_OK) {
                oq_log_info("database: schema %d (%s) applied", migrations[i].version,
                            migrations[i].name);
            }
        }
    }
    if (status == OQ_OK)
        status = oq_store_exec(store, "PRAGMA foreign_keys = ON", "configure the database", err);
    if (status == OQ_OK) {
        status = oq_store_query_int(store, "PRAGMA foreign_keys", "configure the database",
                                    &are_keys_on, err);
    }
    if (status == OQ_OK && are_keys_on != 1)
        status = oq_error_set(err, OQ_E_DB, "this SQLite was built without foreign keys");
    return status;
}
